//! The Lambda Runtime API for one process: it records the time of each request of the process, and
//! reports it to the caller.

use std::{io, net::SocketAddr, time::Instant};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

/// A request of the process.
pub(crate) enum Said {
    /// It requests an event. The first request ends its init.
    Next { at: Instant, event: oneshot::Sender<Bytes> },
    /// It answers the event.
    Response { at: Instant, payload: Bytes },
    /// It has failed, with this reason.
    Error(Bytes),
}

/// A Runtime API on a separate port. It ends when this is dropped.
pub(crate) struct RuntimeApi {
    address: SocketAddr,
    said: mpsc::UnboundedReceiver<Said>,
    serving: JoinHandle<io::Result<()>>,
}

impl RuntimeApi {
    pub(crate) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (tell, said) = mpsc::unbounded_channel();
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(error))
            .with_state(tell);
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, said, serving })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next request of the process.
    pub(crate) async fn said(&mut self) -> Option<Said> {
        self.said.recv().await
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

type Tell = State<mpsc::UnboundedSender<Said>>;

async fn next(State(tell): Tell) -> Response {
    let at = Instant::now();
    let (event, handed_over) = oneshot::channel();
    let heard = tell.send(Said::Next { at, event });
    let (Ok(()), Ok(event)) = (heard, handed_over.await) else {
        return StatusCode::GONE.into_response();
    };
    Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd")
        .header("lambda-runtime-deadline-ms", FAR)
        .header("lambda-runtime-invoked-function-arn", ARN)
        .header("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0")
        .body(Body::from(event))
        .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

async fn response(State(tell): Tell, payload: Bytes) -> StatusCode {
    heard(tell.send(Said::Response { at: Instant::now(), payload }).is_ok())
}

async fn error(State(tell): Tell, payload: Bytes) -> StatusCode {
    heard(tell.send(Said::Error(payload)).is_ok())
}

fn heard(heard: bool) -> StatusCode {
    if heard { StatusCode::ACCEPTED } else { StatusCode::GONE }
}

/// The year 2100: no deadline matters here.
const FAR: &str = "4102444800000";
const ARN: &str = "arn:aws:lambda:eu-west-1:123456789012:function:bench";
