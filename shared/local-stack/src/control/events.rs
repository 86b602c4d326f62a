//! Shows the latest events, and delivers those that only AWS and its partners can send in the cloud.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::api::{ControlApi, ControlError, ok, read};
use crate::bus::BusEnvelope;

/// The latest events and messages, and what happened to them.
pub(super) async fn latest(State(control): State<Arc<ControlApi>>) -> Response {
    ok(&json!({ "events": control.queues.recent() }))
}

/// Delivers complete events as EventBridge would. All of them are validated before one is sent.
pub(super) async fn send(
    State(control): State<Arc<ControlApi>>,
    body: Bytes,
) -> Result<Response, ControlError> {
    let (bus, events) = batch(read(&body)?)?;
    let events: Vec<BusEnvelope> = events
        .into_iter()
        .map(|event| BusEnvelope::complete(event, control.bus.clock()).map_err(ControlError::bad))
        .collect::<Result<_, _>>()?;
    let mut sent = Vec::new();
    for event in events {
        let rules = control
            .bus
            .deliver(bus.as_deref(), &event)
            .map_err(|error| ControlError(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
        sent.push(json!({ "id": event.id, "rules": rules }));
    }
    Ok(ok(&json!({ "events": sent })))
}

/// One event, an array of events, or either of them with a bus: `{"bus", "events"}`, or a member
/// `bus` next to the members of the event.
fn batch(mut body: Value) -> Result<(Option<String>, Vec<Value>), ControlError> {
    let bus = match body.as_object_mut().and_then(|members| members.remove("bus")) {
        None | Some(Value::Null) => None,
        Some(Value::String(bus)) => Some(bus),
        Some(_) => {
            return Err(ControlError::bad(
                "invalid value for `bus`: must be the name or the ARN of a bus",
            ));
        }
    };
    let listed = body.get_mut("events").map(Value::take);
    Ok(match listed.unwrap_or(body) {
        Value::Array(events) => (bus, events),
        event => (bus, vec![event]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_one_event_or_many_with_or_without_a_bus() {
        let (one, two) = (json!({ "source": "s" }), json!({ "source": "t" }));
        for (body, bus, events) in [
            (json!({ "source": "s" }), None, vec![one.clone()]),
            (json!({ "source": "s", "bus": "b" }), Some("b"), vec![one.clone()]),
            (json!([one, two]), None, vec![one.clone(), two.clone()]),
            (json!({ "bus": "b", "events": [one, two] }), Some("b"), vec![one.clone(), two]),
            (json!({ "events": one }), None, vec![one]),
        ] {
            let (found, read) = batch(body).ok().unwrap();
            assert_eq!((found.as_deref(), read), (bus, events));
        }
        assert!(batch(json!({ "bus": 1 })).is_err());
    }
}
