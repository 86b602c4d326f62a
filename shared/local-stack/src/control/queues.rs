//! Shows the messages of the queues.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::api::{ControlApi, ControlError, ok};

pub(super) async fn list(State(control): State<Arc<ControlApi>>) -> Response {
    ok(&json!({ "queues": control.queues.overview() }))
}

pub(super) async fn messages(
    State(control): State<Arc<ControlApi>>,
    Path(name): Path<String>,
) -> Result<Response, ControlError> {
    let messages = control.queues.messages(&name).ok_or_else(|| missing(&control, &name))?;
    Ok(ok(&json!({ "messages": messages })))
}

pub(super) async fn redrive(
    State(control): State<Arc<ControlApi>>,
    Path(name): Path<String>,
) -> Result<Response, ControlError> {
    if control.queues.messages(&name).is_none() {
        return Err(missing(&control, &name));
    }
    let moved = control.queues.redrive(&name).map_err(ControlError::bad)?;
    Ok(ok(&json!({ "moved": moved })))
}

fn missing(control: &ControlApi, name: &str) -> ControlError {
    let queues = control.queues.overview();
    let known = queues.iter().filter_map(|queue| queue.get("name").and_then(Value::as_str));
    ControlError::missing("queue", name, known)
}
