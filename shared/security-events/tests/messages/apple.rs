//! Notifications of Sign in with Apple.

use bearer_verifier::TokenRefusal;
use identity_core::event::EventKind;
use security_events::messages::{
    APPLE_PROFILE, IgnoredMessage, MessageReading, MessageRefusal, apple_token_in,
};
use security_events::{AppleSettings, TransmitterSettings};
use serde_json::{Value, json};

use crate::support::{NOW, Sender, now, settings};

const ISSUER: &str = "https://appleid.apple.com";

const USER: &str = "000768.6166f031167141e695698239959f591a.1521";

fn transmitter() -> AppleSettings {
    let members = json!({ "kind": "apple", "audiences": ["com.example.meetings"] });
    match settings(members, ISSUER) {
        TransmitterSettings::Apple(settings) => settings,
        other => panic!("{other:?}"),
    }
}

fn sender() -> Sender {
    Sender::new(
        json!({ "alg": "RS256", "kid": "rsa" }),
        json!({
            "iss": ISSUER, "aud": "com.example.meetings", "iat": NOW - 47, "exp": NOW + 86_353,
            "jti": "yctSYNTHGaCzaNB9PWB4DA", "events": event("consent-revoked").to_string(),
        }),
    )
}

fn event(kind: &str) -> Value {
    json!({ "type": kind, "sub": USER, "event_time": (NOW - 100) * 1000 + 12 })
}

fn read(claims: &Value) -> Result<MessageReading, MessageRefusal> {
    let claims = sender().verified(APPLE_PROFILE, &json!({}), claims).unwrap();
    transmitter().read(&claims, now())
}

/// What happened, and how many milliseconds ago.
fn signal(events: &Value) -> (EventKind, u128) {
    match read(&json!({ "events": events })) {
        Ok(MessageReading::Signal(signal)) => {
            assert_eq!(signal.user.as_str(), format!("{ISSUER}|{USER}"));
            assert_eq!(signal.event_id, "yctSYNTHGaCzaNB9PWB4DA");
            (signal.kind, now().duration_since(signal.occurred_at).unwrap().as_millis())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn r26_each_event_of_apple_has_its_effect() {
    for (kind, expected) in [
        ("consent-revoked", EventKind::SignedOut),
        ("account-delete", EventKind::Deleted),
        ("account-deleted", EventKind::Deleted),
    ] {
        assert_eq!(signal(&json!(event(kind).to_string())), (expected, 99_988), "{kind}");
        assert_eq!(signal(&event(kind)).0, expected, "the event as an object");
    }
    for kind in ["email-enabled", "email-disabled", "unknown"] {
        let ignored = read(&json!({ "events": event(kind) }));
        assert_eq!(ignored, Ok(MessageReading::Ignored(IgnoredMessage::Event)), "{kind}");
    }
}

#[test]
fn r26_the_time_is_that_of_the_event_in_seconds_or_milliseconds_but_not_after_its_report() {
    let with = |time: Value| {
        let mut event = event("consent-revoked");
        event["event_time"] = time;
        signal(&event).1
    };
    assert_eq!(with(json!(NOW - 100)), 100_000);
    assert_eq!(with(json!((NOW - 100) * 1000)), 100_000);
    assert_eq!(with(json!(NOW + 3600)), 47_000);
    assert_eq!(with(json!("yesterday")), 47_000);
}

#[test]
fn r26_each_defect_of_a_notification_refuses_it() {
    for (changes, expected) in [
        (json!({ "iss": "https://appleid.apple.com/" }), MessageRefusal::Issuer),
        (json!({ "aud": "com.example.other" }), MessageRefusal::Audience),
        (json!({ "iat": null }), MessageRefusal::Claim("iat")),
        (json!({ "iat": NOW + 61 }), MessageRefusal::NotYetValid),
        (json!({ "exp": NOW - 60 }), MessageRefusal::Expired),
        (json!({ "jti": null }), MessageRefusal::Claim("jti")),
        (json!({ "events": null }), MessageRefusal::Claim("events")),
        (json!({ "events": "{" }), MessageRefusal::Claim("events")),
        (json!({ "events": [] }), MessageRefusal::Claim("events")),
        (json!({ "events": {} }), MessageRefusal::Claim("events.type")),
        (json!({ "events": { "type": "account-delete" } }), MessageRefusal::Claim("events.sub")),
    ] {
        assert_eq!(read(&changes), Err(expected), "{changes}");
    }
    assert!(read(&json!({ "exp": null })).is_ok(), "Apple does not promise it");
    let sender = sender();
    let logout = json!({ "typ": "logout+jwt" });
    let refused = sender.verified(APPLE_PROFILE, &logout, &json!({})).map(|_| ());
    assert_eq!(refused, Err(TokenRefusal::TokenType));
    assert_eq!(sender.forged(APPLE_PROFILE).map(|_| ()), Err(TokenRefusal::Signature));
}

#[test]
fn r26_the_body_has_the_token_in_its_payload() {
    assert_eq!(apple_token_in(br#"{"payload": "a.b.c", "more": 1}"#).as_deref(), Some("a.b.c"));
    for body in ["", "a.b.c", "{}", r#"{"payload": 1}"#, r#"["a.b.c"]"#] {
        assert_eq!(apple_token_in(body.as_bytes()), None, "{body}");
    }
}

#[test]
fn the_issuer_and_the_keys_of_apple_are_known() {
    let issuer = transmitter().issuer;
    assert_eq!(issuer.issuer, ISSUER);
    assert_eq!(issuer.jwks_uri.as_deref(), Some("https://appleid.apple.com/auth/keys"));
    let other = json!({
        "kind": "apple", "audiences": ["a"], "issuer": "http://127.0.0.1:3000", "tokenIssuer": ISSUER,
    });
    let TransmitterSettings::Apple(other) = settings(other, ISSUER) else { panic!() };
    assert_eq!(other.issuer.jwks_uri, None, "another issuer has other keys");
}
