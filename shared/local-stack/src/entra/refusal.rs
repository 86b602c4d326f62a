use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use crate::json_response::json;

/// An error in Graph's form.
pub(super) fn error(status: StatusCode, code: &str) -> Response {
    let body = json!({ "error": { "code": code, "message": "simulated" } });
    json(status, &body)
}
