//! The event, sent by the schedule or by an operator.

use std::time::SystemTime;

use api_types::parse_timestamp;
use identity_core::delete_stale_identities::CleanupMode;
use serde_json::{Map, Value, json};

use crate::failure::Failure;

/// The parameters of one run.
#[derive(Debug)]
pub(crate) struct Input {
    /// The time that the run treats as the current time.
    pub(crate) time: SystemTime,
    /// Whether the run deletes; `None` to use the setting from the environment.
    pub(crate) mode: Option<CleanupMode>,
    /// The number of deletions to allow despite the brake.
    pub(crate) allow: Option<u64>,
}

impl Input {
    /// Parses `{"time", "mode"?, "allow"?}`, alone or in the envelope of an EventBridge event.
    /// Any other member is refused, because a misspelt member, such as `alow`, would silently
    /// have no effect.
    pub(crate) fn parse(event: Value) -> Result<Self, Failure> {
        let Value::Object(event) = event else {
            return Err(Failure::event("the event is not a JSON object"));
        };
        let unknown = event.keys().find(|name| !known(name));
        if let Some(name) = unknown {
            return Err(Failure::event(format!(
                "the event's `{name}` means nothing; it takes `time`, `mode` and `allow`"
            )));
        }
        // EventBridge Scheduler sends its empty detail as text.
        let detail = event.get("detail").unwrap_or(&Value::Null);
        if ![Value::Null, json!({}), json!("{}")].contains(detail) {
            let message = "the event's `detail` is not read; put `mode` and `allow` beside `time`";
            return Err(Failure::event(message));
        }
        Ok(Self { time: time(&event)?, mode: mode(&event)?, allow: allow(&event)? })
    }
}

fn known(name: &str) -> bool {
    OURS.contains(&name) || ENVELOPE.contains(&name)
}

fn time(event: &Map<String, Value>) -> Result<SystemTime, Failure> {
    // Without `time`, the function and the schedule could disagree on which identities are stale.
    let raw = event.get("time").ok_or_else(|| Failure::event("the event has no `time`"))?;
    let time = raw.as_str().and_then(parse_timestamp);
    let message = "the event's `time` is not one of RFC 3339, like 2026-05-06T07:08:09Z";
    time.ok_or_else(|| Failure::event(message))
}

fn mode(event: &Map<String, Value>) -> Result<Option<CleanupMode>, Failure> {
    let Some(raw) = event.get("mode") else { return Ok(None) };
    let mode = raw.as_str().and_then(CleanupMode::parse);
    let message = r#"the event's `mode` is neither "plan" nor "apply""#;
    mode.map(Some).ok_or_else(|| Failure::event(message))
}

fn allow(event: &Map<String, Value>) -> Result<Option<u64>, Failure> {
    let Some(raw) = event.get("allow") else { return Ok(None) };
    let message = "the event's `allow` is not a whole number of deletions";
    raw.as_u64().map(Some).ok_or_else(|| Failure::event(message))
}

const OURS: [&str; 3] = ["time", "mode", "allow"];

/// The members of every EventBridge event, including `time`.
const ENVELOPE: [&str; 8] =
    ["version", "id", "detail-type", "source", "account", "region", "resources", "detail"];
