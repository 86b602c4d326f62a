//! The Lambda Runtime API for one process: it reports each call of the process with its time.

use std::{
    io,
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant, SystemTime},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use tokio::sync::{mpsc, oneshot};

use crate::server::TestServer;

/// A call of the process.
#[derive(Debug)]
pub enum RuntimeCall {
    /// It asks for an event. The first such call ends its init.
    Next {
        /// When it asked.
        at: Instant,
        /// Sends it the event.
        event: oneshot::Sender<RuntimeEvent>,
    },
    /// It sends the response to the event.
    Response {
        /// When it answered.
        at: Instant,
        /// The response.
        payload: Bytes,
    },
    /// It reports an error, of the event or of its init.
    Error(Bytes),
}

/// An event for the process.
#[derive(Clone, Debug)]
pub struct RuntimeEvent {
    /// The event as JSON.
    pub payload: Bytes,
    /// How long the process may take.
    pub timeout: Duration,
}

/// A Runtime API on a free port. It ends when this is dropped.
#[derive(Debug)]
pub struct RuntimeApi {
    server: TestServer,
    calls: mpsc::UnboundedReceiver<RuntimeCall>,
}

impl RuntimeApi {
    /// Starts a Runtime API.
    pub async fn start() -> io::Result<Self> {
        let (sender, calls) = mpsc::unbounded_channel();
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(error))
            .with_state(sender);
        Ok(Self { server: TestServer::start(router).await?, calls })
    }

    /// Its address, the value of `AWS_LAMBDA_RUNTIME_API`.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The next call of the process.
    pub async fn call(&mut self) -> Option<RuntimeCall> {
        self.calls.recv().await
    }
}

type Calls = State<mpsc::UnboundedSender<RuntimeCall>>;

async fn next(State(calls): Calls) -> Response {
    let at = Instant::now();
    let (sender, event) = oneshot::channel();
    let sent = calls.send(RuntimeCall::Next { at, event: sender });
    let (Ok(()), Ok(event)) = (sent, event.await) else {
        return StatusCode::GONE.into_response();
    };
    let number = EVENTS.fetch_add(1, Relaxed);
    #[expect(clippy::disallowed_methods, reason = "the deadline is a time of the system's clock")]
    let deadline = SystemTime::now() + event.timeout;
    let deadline = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", format!("8476a536-e9f4-11e8-9739-{number:012x}"))
        .header("lambda-runtime-deadline-ms", deadline.as_millis().to_string())
        .header("lambda-runtime-invoked-function-arn", ARN)
        .header("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0")
        .body(Body::from(event.payload))
        .unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

async fn response(State(calls): Calls, payload: Bytes) -> StatusCode {
    status(calls.send(RuntimeCall::Response { at: Instant::now(), payload }).is_ok())
}

async fn error(State(calls): Calls, payload: Bytes) -> StatusCode {
    status(calls.send(RuntimeCall::Error(payload)).is_ok())
}

fn status(is_received: bool) -> StatusCode {
    if is_received { StatusCode::ACCEPTED } else { StatusCode::GONE }
}

/// Functions use the id of an event as the id of their run, so each event has a different one.
static EVENTS: AtomicU64 = AtomicU64::new(0);

const ARN: &str = "arn:aws:lambda:eu-west-1:123456789012:function:test";
