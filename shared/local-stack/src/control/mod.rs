//! The control API of the stack, for tests and users: `/_local/` on the console's port.
//!
//! | `/_local/` | request body | response |
//! |---|---|---|
//! | `GET clock` | | `{"now", "offsetSeconds"}` |
//! | `POST clock` | `{"advanceSeconds": 60}` | the new time, in the same form |
//! | `GET events` | | `{"events": [{"id", "at", "source", "type", "user", "queue", "receives", "outcome"}]}`: the latest ones; an outcome is `waiting`, `done`, `dead-letter`, `expired` or `no-rule` |
//! | `POST events` | an event, an array of them, or `{"bus", "events": [...]}` | `{"events": [{"id", "rules": [...]}]}` |
//! | `GET queues` | | `{"queues": [{"name", "visible", "inFlight", "delayed", "oldestAgeSeconds", "isDeadLetterQueueOf"}]}` |
//! | `GET queues/{name}/messages` | | `{"messages": [{"messageId", "body", "receiveCount", "sentAt", "visibleAt", "inFlight"}]}` |
//! | `POST queues/{name}/redrive` | | `{"moved"}` |
//! | `GET schedules` | | `{"schedules": [{"name", "function", "expression", "enabled", "next", "last", "runs"}]}` |
//! | `POST schedules/{name}/run` | `{"time", "input"}`, both optional | `{"status", "result"}` after the run |
//! | `POST functions/{name}/invoke` | any JSON | the function's response |
//! | `POST functions/{name}/signal` | `{"signal": "kill"}`, `"stop"` or `"cont"` | `{"pids": [...]}` |
//!
//! The response to an invalid request is 4xx with `{"message"}`.

mod api;
mod events;
mod functions;
mod queues;
mod schedules;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) use api::{ControlApi, ControlError, ok, read};

use crate::clock::{StackClock, rfc3339};

/// The maximum size of an event is that of Lambda.
const BODY_LIMIT: usize = 6 * 1024 * 1024;

/// The routes.
pub(crate) fn router(control: Arc<ControlApi>) -> Router {
    Router::new()
        .route("/_local/clock", get(clock).post(advance))
        .route("/_local/events", get(events::latest).post(events::send))
        .route("/_local/queues", get(queues::list))
        .route("/_local/queues/{name}/messages", get(queues::messages))
        .route("/_local/queues/{name}/redrive", post(queues::redrive))
        .route("/_local/schedules", get(schedules::list))
        .route("/_local/schedules/{name}/run", post(schedules::run))
        .route("/_local/functions/{name}/invoke", post(functions::invoke))
        .route("/_local/functions/{name}/signal", post(functions::signal))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(control)
}

async fn clock(State(control): State<Arc<ControlApi>>) -> Response {
    ok(&time(&control.clock))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Advance {
    advance_seconds: i64,
}

async fn advance(
    State(control): State<Arc<ControlApi>>,
    body: Bytes,
) -> Result<Response, ControlError> {
    let asked: Advance = read(&body)?;
    control.clock.advance(asked.advance_seconds).map_err(|error| {
        ControlError(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("cannot write the file of the clock: {error}"),
        )
    })?;
    Ok(ok(&time(&control.clock)))
}

fn time(clock: &StackClock) -> Value {
    json!({ "now": rfc3339(clock.now()), "offsetSeconds": clock.offset_ms() / 1000 })
}
