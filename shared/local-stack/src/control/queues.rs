//! Shows the messages of the queues.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::{Control, Refusal, ok};

pub(super) async fn list(State(control): State<Arc<Control>>) -> Response {
    ok(&json!({ "queues": control.queues.overview() }))
}

pub(super) async fn messages(
    State(control): State<Arc<Control>>,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    let messages = control.queues.messages(&name).ok_or_else(|| missing(&control, &name))?;
    Ok(ok(&json!({ "messages": messages })))
}

pub(super) async fn redrive(
    State(control): State<Arc<Control>>,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    if control.queues.messages(&name).is_none() {
        return Err(missing(&control, &name));
    }
    let moved = control.queues.redrive(&name).map_err(Refusal::bad)?;
    Ok(ok(&json!({ "moved": moved })))
}

fn missing(control: &Control, name: &str) -> Refusal {
    let queues = control.queues.overview();
    let known = queues.iter().filter_map(|queue| queue.get("name").and_then(Value::as_str));
    Refusal::missing("queue", name, known)
}
