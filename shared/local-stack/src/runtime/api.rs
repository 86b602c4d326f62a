//! The Lambda Runtime API, as one process sees it.
//!
//! Every process has its own listener, so a request need not identify its process. `next` is held
//! open until there is an event, because the runtime treats an empty response as an error.

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

use super::lock::lock;
use crate::arn::arn;
use crate::clock::StackClock;

/// An event for a process.
pub(super) struct PendingInvocation {
    pub(super) event: Bytes,
    /// For the response; `None` if the process reports an error.
    pub(super) answer: oneshot::Sender<Option<Bytes>>,
}

/// The state of one process's Runtime API.
pub(super) struct ProcessApi {
    pub(super) function_name: String,
    pub(super) timeout: Duration,
    pub(super) clock: Arc<StackClock>,
    pub(super) events: tokio::sync::Mutex<mpsc::Receiver<PendingInvocation>>,
    /// Turns true with the first `next`, which ends init.
    pub(super) ready: watch::Sender<bool>,
    pub(super) current: Mutex<Option<(String, oneshot::Sender<Option<Bytes>>)>>,
}

/// Lambda's limit for a response is 6 MB; this adds some space for its envelope.
const RESPONSE_LIMIT: usize = 6 * 1024 * 1024 + 100 * 1024;

pub(super) fn router(api: Arc<ProcessApi>) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(init_error))
        .layer(DefaultBodyLimit::max(RESPONSE_LIMIT))
        .with_state(api)
}

async fn next(State(api): State<Arc<ProcessApi>>) -> Response {
    // A caller that still waits for the response to the previous event does not get one.
    lock(&api.current).take();
    api.ready.send_replace(true);
    let Some(invocation) = api.events.lock().await.recv().await else {
        // The process is about to be killed, as Lambda does it: without a response, which would make
        // the runtime panic and write to the log.
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
        .header(
            "lambda-runtime-invoked-function-arn",
            arn("lambda", &format!("function:{}", api.function_name)),
        )
        .header("lambda-runtime-trace-id", format!("Root=1-{time}-{random};Sampled=0"))
        .body(Body::from(invocation.event));
    *lock(&api.current) = Some((id, invocation.answer));
    response.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

async fn response(
    State(api): State<Arc<ProcessApi>>,
    Path(id): Path<String>,
    body: Bytes,
) -> StatusCode {
    api.reply(&id, Some(body))
}

/// The body has the reason, which the function has already logged.
async fn error(State(api): State<Arc<ProcessApi>>, Path(id): Path<String>) -> StatusCode {
    api.reply(&id, None)
}

/// The process ends after this, and the stack reacts to that end.
async fn init_error() -> StatusCode {
    StatusCode::ACCEPTED
}

impl ProcessApi {
    fn reply(&self, id: &str, reply: Option<Bytes>) -> StatusCode {
        let mut current = lock(&self.current);
        match current.take_if(|(expected, _)| expected == id) {
            Some((_, answer)) => {
                // The caller is gone if the timeout fired a moment before.
                let _ = answer.send(reply);
                StatusCode::ACCEPTED
            }
            None => StatusCode::BAD_REQUEST,
        }
    }
}
