//! Why a request to the transmitter's API is refused.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::json_response;

/// Reads the body of a request.
pub(super) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, StreamRefusal> {
    let read = serde_json::from_slice(body);
    read.map_err(|error| StreamRefusal::bad(format!("invalid request body: {error}")))
}

/// A refused request.
#[derive(Debug)]
pub(super) struct StreamRefusal(pub(super) StatusCode, pub(super) String);

impl StreamRefusal {
    pub(super) fn bad(problem: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, problem.into())
    }

    pub(super) fn no_stream() -> Self {
        Self(StatusCode::NOT_FOUND, "this transmitter has no stream of this id".to_owned())
    }
}

impl IntoResponse for StreamRefusal {
    fn into_response(self) -> Response {
        let body = json!({ "err": "invalid_request", "description": self.1 });
        json_response::json(self.0, &body)
    }
}
