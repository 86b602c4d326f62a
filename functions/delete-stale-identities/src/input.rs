//! The event, sent by the schedule or by an operator.

use std::time::SystemTime;

use api_types::parse_timestamp;
use identity_core::delete_stale_identities::CleanupMode;
use serde_json::{Map, Value, json};

use crate::error::CleanupError;

/// The parameters of one run.
#[derive(Debug)]
pub(crate) struct CleanupInput {
    /// The time that the run treats as the current time.
    pub(crate) time: SystemTime,
    /// Whether the run deletes; `None` to use the setting from the environment.
    pub(crate) mode: Option<CleanupMode>,
    /// The number of deletions to allow despite the brake.
    pub(crate) allow: Option<u64>,
}

impl CleanupInput {
    /// Parses `{"time", "mode"?, "allow"?}`, alone or in the envelope of an EventBridge event.
    /// Any other member is refused, because a misspelt member, such as `alow`, would silently
    /// have no effect.
    pub(crate) fn parse(event: Value) -> Result<Self, CleanupError> {
        let Value::Object(event) = event else {
            return Err(CleanupError::event("invalid event: not a JSON object"));
        };
        let unknown = event.keys().find(|name| !known(name));
        if let Some(name) = unknown {
            return Err(CleanupError::event(format!(
                "invalid event: unknown field `{name}`: expected `time`, `mode` or `allow`"
            )));
        }
        // EventBridge Scheduler sends its empty detail as text.
        let detail = event.get("detail").unwrap_or(&Value::Null);
        if ![Value::Null, json!({}), json!("{}")].contains(detail) {
            let message =
                "invalid event: `detail` must be empty; set `mode` and `allow` beside `time`";
            return Err(CleanupError::event(message));
        }
        Ok(Self { time: time(&event)?, mode: mode(&event)?, allow: allow(&event)? })
    }
}

fn known(name: &str) -> bool {
    OURS.contains(&name) || ENVELOPE.contains(&name)
}

fn time(event: &Map<String, Value>) -> Result<SystemTime, CleanupError> {
    // Without `time`, the function and the schedule could disagree on which identities are stale.
    let raw =
        event.get("time").ok_or_else(|| CleanupError::event("invalid event: missing `time`"))?;
    let time = raw.as_str().and_then(parse_timestamp);
    let message =
        "invalid event: `time` must be in RFC 3339 format, for example 2026-05-06T07:08:09Z";
    time.ok_or_else(|| CleanupError::event(message))
}

fn mode(event: &Map<String, Value>) -> Result<Option<CleanupMode>, CleanupError> {
    let Some(raw) = event.get("mode") else { return Ok(None) };
    let mode = raw.as_str().and_then(CleanupMode::parse);
    let message = r#"invalid event: `mode` must be "plan" or "apply""#;
    mode.map(Some).ok_or_else(|| CleanupError::event(message))
}

fn allow(event: &Map<String, Value>) -> Result<Option<u64>, CleanupError> {
    let Some(raw) = event.get("allow") else { return Ok(None) };
    let message = "invalid event: `allow` must be a whole number of deletions";
    raw.as_u64().map(Some).ok_or_else(|| CleanupError::event(message))
}

const OURS: [&str; 3] = ["time", "mode", "allow"];

/// The members of every EventBridge event, including `time`.
const ENVELOPE: [&str; 8] =
    ["version", "id", "detail-type", "source", "account", "region", "resources", "detail"];
