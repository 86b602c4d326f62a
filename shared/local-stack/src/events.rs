//! EventBridge's `PutEvents`, in AWS JSON 1.1.
//!
//! Events that match no rule go nowhere, in EventBridge as here, and the template has no rules.

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::{Value, json};
use uuid::Uuid;

/// EventBridge takes ten entries at a time.
const ENTRIES: usize = 10;

/// The bus.
pub(crate) fn router() -> Router {
    Router::new().route("/", post(call))
}

async fn call(headers: HeaderMap, body: Bytes) -> Response {
    if headers.get("x-amz-target").is_none_or(|target| target != "AWSEvents.PutEvents") {
        let problem = "only AWSEvents.PutEvents is served here";
        return error("UnknownOperationException", problem);
    }
    let entries = serde_json::from_slice::<Value>(&body).ok().and_then(|mut body| {
        match body.get_mut("Entries")?.take() {
            Value::Array(entries) => Some(entries),
            _ => None,
        }
    });
    match entries {
        None => error("SerializationException", "the body is not {\"Entries\": [...]}"),
        Some(entries) if entries.is_empty() || entries.len() > ENTRIES => {
            error("ValidationException", "Entries takes 1 to 10 entries")
        }
        Some(entries) => answer(StatusCode::OK, &put(&entries)),
    }
}

/// One result per entry, in order; a bad entry does not spoil the others.
fn put(entries: &[Value]) -> Value {
    let results: Vec<Value> = entries
        .iter()
        .map(|entry| match problem(entry) {
            None => json!({ "EventId": Uuid::new_v4().to_string() }),
            Some((code, message)) => json!({ "ErrorCode": code, "ErrorMessage": message }),
        })
        .collect();
    let failed = results.iter().filter(|result| result.get("ErrorCode").is_some()).count();
    json!({ "FailedEntryCount": failed, "Entries": results })
}

/// What is wrong with an entry, with EventBridge's codes.
fn problem(entry: &Value) -> Option<(&'static str, String)> {
    for name in ["Source", "DetailType", "Detail"] {
        if entry.get(name).and_then(Value::as_str).is_none_or(str::is_empty) {
            return Some((
                "InvalidArgument",
                format!("Parameter {name} is not valid: it is missing or empty."),
            ));
        }
    }
    let detail = entry.get("Detail").and_then(Value::as_str).unwrap_or_default();
    match serde_json::from_str(detail) {
        Ok(Value::Object(_)) => None,
        _ => Some(("MalformedDetail", "Detail is not a JSON object.".to_owned())),
    }
}

fn error(kind: &str, problem: &str) -> Response {
    answer(StatusCode::BAD_REQUEST, &json!({ "__type": kind, "message": problem }))
}

fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.1")], body.to_string())
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_gets_its_own_result() {
        let good = json!({ "Source": "s", "DetailType": "t", "Detail": "{}" });
        let mut bad = Vec::new();
        for (name, value) in [
            ("Source", json!("")),
            ("DetailType", json!(1)),
            ("Detail", json!("[]")),
            ("Detail", json!("{")),
            ("Detail", json!({})),
        ] {
            let mut entry = good.clone();
            entry[name] = value;
            bad.push(entry);
        }
        let entries: Vec<_> = std::iter::once(good).chain(bad).collect();
        let answer = put(&entries);
        assert_eq!(answer["FailedEntryCount"], 5);
        assert!(answer["Entries"][0]["EventId"].is_string());
        assert_eq!(answer["Entries"][3]["ErrorCode"], "MalformedDetail");
        for result in &answer["Entries"].as_array().unwrap()[1..] {
            assert!(result["EventId"].is_null() && result["ErrorCode"].is_string(), "{result}");
        }
    }
}
