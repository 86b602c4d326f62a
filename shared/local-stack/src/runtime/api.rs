//! The Lambda Runtime API, as one process sees it.
//!
//! Every process has a listener of its own, so a request needs nothing to tell who asks.
//! `next` is held open until there is an event: the runtime takes an empty answer for an error.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

use super::lock;
use crate::clock::Clock;

/// An event on its way to a process.
pub(super) struct Invocation {
    pub(super) event: Bytes,
    pub(super) answer: oneshot::Sender<Reply>,
}

/// What a process says about an event.
pub(super) enum Reply {
    Response(Bytes),
    Error,
}

/// What the Runtime API of one process needs.
pub(super) struct Api {
    pub(super) function_name: String,
    pub(super) timeout: Duration,
    pub(super) clock: Arc<Clock>,
    pub(super) events: tokio::sync::Mutex<mpsc::Receiver<Invocation>>,
    /// Turns true with the first `next`: init is over.
    pub(super) ready: watch::Sender<bool>,
    pub(super) current: Mutex<Option<(String, oneshot::Sender<Reply>)>>,
}

/// Lambda's limit for a response is 6 MB; a little more for its envelope.
const RESPONSE_LIMIT: usize = 6 * 1024 * 1024 + 100 * 1024;

pub(super) fn router(api: Arc<Api>) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(init_error))
        .layer(DefaultBodyLimit::max(RESPONSE_LIMIT))
        .with_state(api)
}

async fn next(State(api): State<Arc<Api>>) -> Response {
    // Whoever still waits for an answer to the event before will get none.
    lock(&api.current).take();
    api.ready.send_replace(true);
    let Some(invocation) = api.events.lock().await.recv().await else {
        // The process is about to be killed, as Lambda does it: without an answer, on
        // which the runtime would panic into the log.
        return std::future::pending().await;
    };
    let id = Uuid::new_v4().to_string();
    let timeout = i64::try_from(api.timeout.as_millis()).unwrap_or(i64::MAX);
    let deadline = api.clock.now_ms().saturating_add(timeout);
    let trace = Uuid::new_v4().simple().to_string();
    let (time, random) = trace.split_at(8);
    let response = Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", &id)
        .header("lambda-runtime-deadline-ms", deadline)
        .header("lambda-runtime-invoked-function-arn", arn(&api.function_name))
        .header("lambda-runtime-trace-id", format!("Root=1-{time}-{random};Sampled=0"))
        .body(Body::from(invocation.event));
    *lock(&api.current) = Some((id, invocation.answer));
    response.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

async fn response(State(api): State<Arc<Api>>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    api.reply(&id, Reply::Response(body))
}

/// The body says what went wrong; the function's own log has said it already.
async fn error(State(api): State<Arc<Api>>, Path(id): Path<String>) -> StatusCode {
    api.reply(&id, Reply::Error)
}

/// The process ends after this, and its end is what counts.
async fn init_error() -> StatusCode {
    StatusCode::ACCEPTED
}

impl Api {
    fn reply(&self, id: &str, reply: Reply) -> StatusCode {
        let mut current = lock(&self.current);
        match current.take_if(|(expected, _)| expected == id) {
            Some((_, answer)) => {
                // Nobody is there any more when the timeout was a moment faster.
                let _ = answer.send(reply);
                StatusCode::ACCEPTED
            }
            None => StatusCode::BAD_REQUEST,
        }
    }
}

/// The ARN of a function on this machine.
fn arn(name: &str) -> String {
    format!("arn:aws:lambda:local:000000000000:function:{name}")
}
