//! What the operations of the control API share: the stack's parts, the errors, JSON bodies.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::bus::EventBus;
use crate::clock::StackClock;
use crate::json_response;
use crate::queue::Queues;
use crate::runtime::FunctionPool;
use crate::schedule::Schedule;

/// The parts of the stack that can be controlled.
pub(crate) struct ControlApi {
    pub(crate) clock: Arc<StackClock>,
    pub(crate) bus: Arc<EventBus>,
    pub(crate) queues: Arc<Queues>,
    pub(crate) schedules: Vec<Arc<Schedule>>,
    pub(crate) functions: Vec<Arc<FunctionPool>>,
}

/// A refused request and the reason.
pub(crate) struct ControlError(pub(crate) StatusCode, pub(crate) String);

impl ControlError {
    pub(crate) fn bad(problem: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, problem.into())
    }

    pub(crate) fn missing<'a>(
        what: &str,
        name: &str,
        known: impl Iterator<Item = &'a str>,
    ) -> Self {
        let known = known.collect::<Vec<_>>().join(", ");
        let problem = format!("unknown {what} `{name}`: must be one of {known}");
        Self(StatusCode::NOT_FOUND, problem)
    }
}

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        json_response::json(self.0, &json!({ "message": self.1 }))
    }
}

pub(crate) fn ok(body: &Value) -> Response {
    json_response::json(StatusCode::OK, body)
}

pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ControlError> {
    serde_json::from_slice(body)
        .map_err(|error| ControlError::bad(format!("invalid request body: {error}")))
}
