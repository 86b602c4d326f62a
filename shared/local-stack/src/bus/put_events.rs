//! EventBridge's `PutEvents`, in AWS JSON 1.1.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::post;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{BusEnvelope, EventBus};
use crate::clock::rfc3339;
use crate::json_response::aws_json;

/// EventBridge accepts ten entries per call.
const ENTRIES: usize = 10;

/// EventBridge's limit for the entries of one call, in bytes.
const TOTAL_SIZE: usize = 256 * 1024;

/// The size that EventBridge counts for a `Time`.
const TIME_SIZE: usize = 14;

/// The body may be more than twice the counted size, because `Detail` is escaped JSON in JSON.
const BODY_LIMIT: usize = 8 * TOTAL_SIZE;

/// Handles a `PutEvents` request.
pub(crate) fn router(bus: Arc<EventBus>) -> Router {
    Router::new().route("/", post(call)).layer(DefaultBodyLimit::max(BODY_LIMIT)).with_state(bus)
}

async fn call(State(bus): State<Arc<EventBus>>, headers: HeaderMap, body: Bytes) -> Response {
    if headers.get("x-amz-target").is_none_or(|target| target != "AWSEvents.PutEvents") {
        let problem = "the only supported operation is AWSEvents.PutEvents";
        return error("UnknownOperationException", problem);
    }
    let entries = serde_json::from_slice::<Value>(&body).ok().and_then(|mut body| {
        match body.get_mut("Entries")?.take() {
            Value::Array(entries) => Some(entries),
            _ => None,
        }
    });
    match entries {
        None => error("SerializationException", "invalid body: must be {\"Entries\": [...]}"),
        Some(entries) if entries.is_empty() || entries.len() > ENTRIES => {
            error("ValidationException", "Entries must have 1 to 10 entries")
        }
        Some(entries) if entries.iter().map(size).sum::<usize>() > TOTAL_SIZE => error(
            "ValidationException",
            "Total size of the entries in the request is over the limit.",
        ),
        Some(entries) => aws_json(StatusCode::OK, &put(&bus, &entries)),
    }
}

/// Returns one result per entry, in order; an invalid entry does not affect the others.
fn put(bus: &EventBus, entries: &[Value]) -> Value {
    let results: Vec<Value> = entries
        .iter()
        .map(|entry| match accept(bus, entry) {
            Ok(id) => json!({ "EventId": id }),
            Err((code, message)) => json!({ "ErrorCode": code, "ErrorMessage": message }),
        })
        .collect();
    let failed = results.iter().filter(|result| result.get("ErrorCode").is_some()).count();
    json!({ "FailedEntryCount": failed, "Entries": results })
}

/// Delivers an entry, or returns EventBridge's error code and message.
fn accept(bus: &EventBus, entry: &Value) -> Result<String, (&'static str, String)> {
    let argument = |name: &str| {
        let value = entry.get(name).and_then(Value::as_str).filter(|value| !value.is_empty());
        value.ok_or_else(|| {
            let problem = format!("Parameter {name} is not valid: it is missing or empty.");
            ("InvalidArgument", problem)
        })
    };
    let (source, kind, detail) =
        (argument("Source")?, argument("DetailType")?, argument("Detail")?);
    // Events of AWS and its partners, which no other sender may send.
    if source.starts_with("aws.") {
        return Err((
            "NotAuthorizedForSourceException",
            "Not authorized for the source.".to_owned(),
        ));
    }
    let detail: Value = serde_json::from_str(detail).unwrap_or_default();
    if !detail.is_object() {
        return Err(("MalformedDetail", "Detail is not a JSON object.".to_owned()));
    }
    let mut event = json!({ "source": source, "detail-type": kind, "detail": detail });
    if let (Some(time), Some(event)) = (time(entry)?, event.as_object_mut()) {
        event.insert("time".to_owned(), rfc3339(time).into());
    }
    if let (Some(resources), Some(event)) = (entry.get("Resources"), event.as_object_mut()) {
        event.insert("resources".to_owned(), resources.clone());
    }
    let event = BusEnvelope::complete(event, bus.clock())
        .map_err(|problem| ("InvalidArgument", problem))?;
    let name = entry.get("EventBusName").and_then(Value::as_str);
    bus.deliver(name, &event).map_err(|error| ("InternalException", error.to_string()))?;
    Ok(event.id)
}

/// The SDKs send seconds since the epoch, some of them with a fraction.
fn time(entry: &Value) -> Result<Option<OffsetDateTime>, (&'static str, String)> {
    let time = match entry.get("Time") {
        None | Some(Value::Null) => return Ok(None),
        Some(time) => time,
    };
    #[expect(clippy::cast_possible_truncation, reason = "whole seconds are what is wanted")]
    let seconds = time.as_f64().map(|seconds| seconds as i64);
    seconds
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .map(Some)
        .ok_or_else(|| {
            (
                "InvalidArgument",
                "Parameter Time is not valid: it is not a time since the epoch.".to_owned(),
            )
        })
}

/// The size of an entry in bytes, as EventBridge counts it.
fn size(entry: &Value) -> usize {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).map_or(0, str::len);
    let resources = entry.get("Resources").and_then(Value::as_array);
    let resources = resources.into_iter().flatten().filter_map(Value::as_str).map(str::len);
    let time = if entry.get("Time").is_some() { TIME_SIZE } else { 0 };
    text("Source") + text("DetailType") + text("Detail") + resources.sum::<usize>() + time
}

fn error(kind: &str, problem: &str) -> Response {
    aws_json(StatusCode::BAD_REQUEST, &json!({ "__type": kind, "message": problem }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::StackClock;
    use crate::queue::Queues;

    fn bus() -> Arc<EventBus> {
        let clock = StackClock::system();
        let queues = Queues::open(Vec::new(), None, Arc::clone(&clock)).unwrap();
        EventBus::new(&[], queues, clock).unwrap()
    }

    #[test]
    fn every_entry_gets_its_own_result() {
        let good = json!({ "Source": "s", "DetailType": "t", "Detail": "{}", "Time": 1.5 });
        let mut entries = vec![good.clone()];
        for (name, value, _) in bad() {
            let mut entry = good.clone();
            entry[name] = value;
            entries.push(entry);
        }
        let answer = put(&bus(), &entries);
        assert_eq!(answer["FailedEntryCount"], 7);
        assert!(answer["Entries"][0]["EventId"].is_string());
        for (result, (.., code)) in answer["Entries"].as_array().unwrap()[1..].iter().zip(bad()) {
            assert!(result["EventId"].is_null(), "{result}");
            assert_eq!(result["ErrorCode"], code, "{result}");
        }
    }

    fn bad() -> [(&'static str, Value, &'static str); 7] {
        [
            ("Source", json!(""), "InvalidArgument"),
            ("Source", json!("aws.cognito-idp"), "NotAuthorizedForSourceException"),
            ("DetailType", json!(1), "InvalidArgument"),
            ("Detail", json!("[]"), "MalformedDetail"),
            ("Detail", json!("{"), "MalformedDetail"),
            ("Detail", json!({}), "InvalidArgument"),
            ("Time", json!("soon"), "InvalidArgument"),
        ]
    }

    #[test]
    fn the_size_of_an_entry_is_that_of_its_values() {
        let entry = json!({ "Source": "ab", "DetailType": "c", "Detail": "{}", "Resources": ["r"], "Time": 0 });
        assert_eq!(size(&entry), 2 + 1 + 2 + 1 + 14);
    }
}
