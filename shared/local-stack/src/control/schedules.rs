//! Shows the schedules, and runs them on demand.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::api::{ControlApi, ControlError, ok, read};

pub(super) async fn list(State(control): State<Arc<ControlApi>>) -> Response {
    let schedules: Vec<Value> = control.schedules.iter().map(|s| s.overview()).collect();
    ok(&json!({ "schedules": schedules }))
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RunBody {
    /// The scheduled time of the run; by default the current time.
    time: Option<String>,
    /// Members that replace those of the template's input.
    input: Option<Map<String, Value>>,
}

/// Runs a schedule, enabled or not, and responds when the run has ended.
pub(super) async fn run(
    State(control): State<Arc<ControlApi>>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response, ControlError> {
    let named = control.schedules.iter().find(|schedule| schedule.name() == name);
    let schedule = named.ok_or_else(|| {
        ControlError::missing("schedule", &name, control.schedules.iter().map(|s| s.name()))
    })?;
    let body: RunBody = if body.is_empty() { RunBody::default() } else { read(&body)? };
    let time = match body.time {
        None => control.clock.now(),
        Some(time) => OffsetDateTime::parse(&time, &Rfc3339).map_err(|_| {
            ControlError::bad(format!("invalid `time` `{time}`: must be like 2026-01-02T03:04:05Z"))
        })?,
    };
    let run = schedule.run(time, body.input).await.map_err(ControlError::bad)?;
    Ok(ok(&json!({ "status": run.status, "result": run.result })))
}
