//! Signals of transmitters, as the functions put them into the queue.
#![expect(clippy::unwrap_used, reason = "a test may die")]

use std::time::Duration;

use identity_core::event::{EventKind, EventMode};
use identity_core::identity::{ExternalId, IdentityRef, Issuer};
use identity_core::ports::AccountLookUp;
use identity_events::{EventSettings, EventSource, Malformed, Reading, read};
use serde_json::{Value, json};

const ISSUER: &str = "https://idp.example/";

fn message() -> Value {
    json!({
        "source": "guestpass.signals",
        "detail-type": "user.signed-out",
        "id": "0b1f",
        "time": "2026-11-20T08:00:03Z",
        "detail": {
            "transmitter": "okta",
            "kind": "ssf",
            "externalId": "https://idp.example/|00u1",
            "occurredAt": "2026-11-20T08:00:00.643Z",
            "eventId": "set-1",
            "mode": "apply",
            "reason": "policy violation",
        },
    })
}

fn reading(message: &Value) -> Result<Reading, Malformed> {
    read(&message.to_string(), &EventSettings::of(Issuer::parse(ISSUER).unwrap()))
}

fn with(pointer: &str, value: Value) -> Value {
    let mut message = message();
    *message.pointer_mut(pointer).unwrap() = value;
    message
}

#[test]
fn a_signal_names_its_source_its_user_its_time_and_its_mode() {
    for source in EventSource::ALL.into_iter().filter(|source| source.is_transmitter()) {
        for mode in [EventMode::Apply, EventMode::Shadow] {
            for kind in EventKind::ALL {
                let mut message = with("/detail/kind", json!(source.as_str()));
                message["detail-type"] = json!(kind.as_str());
                message["detail"]["mode"] = json!(mode.as_str());
                let found = reading(&message).unwrap();
                let Reading::Events { source: from, mode: in_mode, transmitter, events } = found
                else {
                    panic!("{message}");
                };
                assert_eq!((from, in_mode), (source, Some(mode)));
                assert_eq!(transmitter.as_deref(), Some("okta"));
                let [event] = events.as_slice() else { panic!("{message}") };
                assert_eq!((event.source, event.kind, event.id.as_str()), (source, kind, "set-1"));
                assert_eq!(event.resolution, Duration::from_millis(1));
                assert_eq!(event.reason.as_ref().unwrap().as_str(), "policy violation");
            }
        }
    }
}

#[test]
fn a_message_that_was_sent_again_says_when_it_was_heard_first() {
    let heard_at = |message: &Value| match reading(message)? {
        Reading::Events { events, .. } => Ok(events.first().unwrap().heard_at),
        other => panic!("{other:?}"),
    };
    let mut again = message();
    assert_eq!(heard_at(&again), Ok(None));
    again["heardAt"] = json!("2026-11-20T08:00:01.250Z");
    let seconds = Duration::from_millis(1_795_161_601_250);
    assert_eq!(heard_at(&again), Ok(Some(std::time::SystemTime::UNIX_EPOCH + seconds)));
    again["heardAt"] = json!("yesterday");
    assert_eq!(
        heard_at(&again),
        Err(Malformed::Invalid { field: "heardAt", expected: "an RFC 3339 time" })
    );
}

#[test]
fn the_user_is_spelled_as_configured_and_may_be_of_another_accepted_issuer() {
    for (named, expected) in [
        ("https://idp.example/|00u1", "https://idp.example/|00u1"),
        ("HTTPS://IDP.example|00u1", "https://idp.example/|00u1"),
        ("https://other.example/v2|00u1", "https://other.example/v2|00u1"),
    ] {
        let found = reading(&with("/detail/externalId", json!(named))).unwrap();
        let Reading::Events { events, .. } = found else { panic!("{named}") };
        let user = ExternalId::parse(expected).unwrap();
        assert_eq!(events.first().unwrap().identity, IdentityRef::External(user));
    }
}

#[test]
fn r61_a_signal_without_a_known_kind_source_mode_user_or_time_is_malformed() {
    for (pointer, value, field) in [
        ("/detail-type", json!("user.promoted"), "detail-type is not a kind of event"),
        ("/detail/kind", json!("okta"), "detail.kind is not a kind of transmitter"),
        ("/detail/kind", json!("x"), "detail.kind is not a kind of transmitter"),
        ("/detail/mode", json!("off"), "detail.mode is not apply or shadow"),
        ("/detail/mode", Value::Null, "detail.mode is missing"),
        ("/detail/externalId", json!("8:acs:1"), "detail.externalId is not the external id"),
        ("/detail/externalId", json!(""), "detail.externalId is missing"),
        ("/detail/occurredAt", json!(1_791_191_553), "detail.occurredAt is missing"),
    ] {
        let problem = reading(&with(pointer, value)).unwrap_err().to_string();
        assert!(problem.starts_with(field), "{problem}");
    }
}

fn changed() -> Value {
    json!({
        "source": "guestpass.signals",
        "detail-type": "user.changed",
        "id": "0b1f",
        "time": "2026-11-20T08:00:03Z",
        "detail": {
            "transmitter": "entra",
            "kind": "graph",
            "externalId": "https://idp.example|t|o",
            "tenant": "t",
            "objectId": "o",
            "eventId": "notification-1",
            "mode": "shadow",
        },
    })
}

#[test]
fn a_changed_account_is_looked_up_and_has_no_time() {
    let expected = AccountLookUp {
        user: ExternalId::parse("https://idp.example/|t|o").unwrap(),
        source: EventSource::Graph,
        transmitter: "entra".to_owned(),
        tenant: "t".to_owned(),
        object_id: "o".to_owned(),
        id: "notification-1".to_owned(),
    };
    let found = reading(&changed()).unwrap();
    assert_eq!(found, Reading::LookUp { look_up: expected, mode: EventMode::Shadow });
}

#[test]
fn r61_an_account_that_cannot_be_looked_up_is_malformed() {
    for name in ["transmitter", "kind", "externalId", "tenant", "objectId", "mode"] {
        let mut message = changed();
        message["detail"].as_object_mut().unwrap().remove(name);
        let problem = reading(&message).unwrap_err().to_string();
        assert_eq!(problem, format!("detail.{name} is missing"));
    }
}
