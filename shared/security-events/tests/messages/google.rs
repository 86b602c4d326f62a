//! Google's Cross-Account Protection.

use bearer_verifier::TokenRefusal;
use identity_core::event::EventKind;
use security_events::messages::{GOOGLE_PROFILE, IgnoredMessage, MessageReading, MessageRefusal};
use security_events::{GoogleSettings, TransmitterSettings};
use serde_json::{Value, json};

use crate::support::{NOW, Sender, now, settings};

/// The issuer of these tokens; that of ID tokens has no slash at the end.
const ISSUER: &str = "https://accounts.google.com/";

const TOKEN_ISSUER: &str = "https://accounts.google.com";

const RISC: &str = "https://schemas.openid.net/secevent/risc/event-type/";

fn transmitter() -> GoogleSettings {
    let members = json!({ "kind": "google", "audiences": ["1-a.apps.googleusercontent.com"] });
    match settings(members, TOKEN_ISSUER) {
        TransmitterSettings::Google(settings) => settings,
        other => panic!("{other:?}"),
    }
}

fn sender() -> Sender {
    Sender::new(
        json!({ "alg": "RS256", "kid": "rsa" }),
        json!({
            "iss": ISSUER, "aud": "1-a.apps.googleusercontent.com", "iat": NOW - 47,
            "jti": "756E69717565206964656E746966696572", "events": events("account-disabled"),
        }),
    )
}

fn subject() -> Value {
    json!({ "subject_type": "iss-sub", "iss": ISSUER, "sub": "7375626A656374" })
}

fn events(name: &str) -> Value {
    json!({ format!("{RISC}{name}"): { "subject": subject(), "reason": "hijacking" } })
}

fn read(claims: &Value) -> Result<MessageReading, MessageRefusal> {
    let claims = sender().verified(GOOGLE_PROFILE, &json!({}), claims).unwrap();
    transmitter().read(&claims, now())
}

fn kind(events: &Value) -> EventKind {
    match read(&json!({ "events": events })) {
        Ok(MessageReading::Signal(signal)) => {
            assert_eq!(signal.user.as_str(), "https://accounts.google.com|7375626A656374");
            signal.kind
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn r26_each_event_of_google_has_its_effect() {
    for (name, expected) in [
        ("account-disabled", EventKind::Disabled),
        ("account-enabled", EventKind::Enabled),
        ("account-purged", EventKind::Deleted),
        ("account-credential-change-required", EventKind::CredentialsChanged),
        ("sessions-revoked", EventKind::SignedOut),
    ] {
        assert_eq!(kind(&events(name)), expected, "{name}");
    }
    let tokens = "https://schemas.openid.net/secevent/oauth/event-type/tokens-revoked";
    assert_eq!(kind(&json!({ tokens: { "subject": subject() } })), EventKind::SignedOut);
    let one_of_two =
        json!({ format!("{RISC}account-purged"): { "subject": subject() }, "x:y": {} });
    assert_eq!(kind(&one_of_two), EventKind::Deleted);

    let token = "https://schemas.openid.net/secevent/oauth/event-type/token-revoked";
    let verification = "https://schemas.openid.net/secevent/risc/event-type/verification";
    for ignored in [json!({ token: {} }), json!({ verification: { "state": "x" } }), json!({})] {
        let reading = read(&json!({ "events": ignored }));
        assert_eq!(reading, Ok(MessageReading::Ignored(IgnoredMessage::Event)), "{ignored}");
    }
}

#[test]
fn r26_an_event_is_applied_with_its_time_and_its_reason() {
    let Ok(MessageReading::Signal(signal)) = read(&json!({})) else { panic!() };
    assert_eq!(now().duration_since(signal.occurred_at).unwrap().as_secs(), 47);
    assert_eq!(signal.reason.as_deref(), Some("hijacking"));
    assert_eq!(signal.event_id, "756E69717565206964656E746966696572");
    let mut timed = events("sessions-revoked");
    timed[format!("{RISC}sessions-revoked")]["event_timestamp"] = json!(NOW - 90);
    let Ok(MessageReading::Signal(signal)) = read(&json!({ "events": timed })) else { panic!() };
    assert_eq!(now().duration_since(signal.occurred_at).unwrap().as_secs(), 90);
}

#[test]
fn r26_only_a_subject_of_google_names_a_user() {
    let with = |subject: Value| {
        let events = json!({ format!("{RISC}sessions-revoked"): { "subject": subject } });
        read(&json!({ "events": events }))
    };
    for accepted in [
        json!({ "subject_type": "iss-sub", "iss": TOKEN_ISSUER, "sub": "7" }),
        json!({ "format": "iss_sub", "iss": ISSUER, "sub": "7" }),
        json!({ "subject_type": "id_token_claims", "iss": ISSUER, "sub": "7", "email": "c@x.example" }),
    ] {
        assert!(matches!(with(accepted.clone()), Ok(MessageReading::Signal(_))), "{accepted}");
    }
    for unknown in [
        json!({ "subject_type": "iss-sub", "iss": "https://idp.example/", "sub": "7" }),
        json!({ "subject_type": "id_token_claims", "email": "c@x.example" }),
        json!({ "subject_type": "oauth_token", "token": "hash" }),
        json!({ "subject_type": "iss-sub", "iss": ISSUER, "sub": 7 }),
        Value::Null,
    ] {
        let ignored = Ok(MessageReading::Ignored(IgnoredMessage::User));
        assert_eq!(with(unknown.clone()), ignored, "{unknown}");
    }
}

#[test]
fn r26_each_defect_of_a_token_of_google_refuses_it() {
    for (changes, expected) in [
        (json!({ "iss": TOKEN_ISSUER }), MessageRefusal::Issuer),
        (json!({ "aud": "2-b.apps.googleusercontent.com" }), MessageRefusal::Audience),
        (json!({ "iat": null }), MessageRefusal::Claim("iat")),
        (json!({ "iat": NOW + 61 }), MessageRefusal::NotYetValid),
        (json!({ "jti": null }), MessageRefusal::Claim("jti")),
        (json!({ "events": null }), MessageRefusal::Claim("events")),
        (json!({ "events": "{}" }), MessageRefusal::Claim("events")),
    ] {
        assert_eq!(read(&changes), Err(expected), "{changes}");
    }
    assert!(read(&json!({ "exp": NOW - 3600 })).is_ok(), "what happened does not expire");
    let sender = sender();
    for (header, expected) in [
        (json!({ "typ": "secevent+jwt" }), Ok(())),
        (json!({ "typ": "at+jwt" }), Err(TokenRefusal::TokenType)),
        (json!({ "alg": "none" }), Err(TokenRefusal::UnsupportedAlgorithm)),
    ] {
        let verified = sender.verified(GOOGLE_PROFILE, &header, &json!({})).map(|_| ());
        assert_eq!(verified, expected, "{header}");
    }
    assert_eq!(sender.forged(GOOGLE_PROFILE).map(|_| ()), Err(TokenRefusal::Signature));
}

#[test]
fn the_issuers_and_the_keys_of_google_are_known() {
    let issuer = transmitter().issuer;
    assert_eq!((issuer.issuer.as_str(), issuer.token_issuer.as_str()), (ISSUER, TOKEN_ISSUER));
    assert_eq!(issuer.jwks_uri.as_deref(), Some("https://www.googleapis.com/oauth2/v3/certs"));
    let other = json!({
        "kind": "google", "audiences": ["a"], "issuer": "http://127.0.0.1:3000",
        "tokenIssuer": TOKEN_ISSUER,
    });
    let TransmitterSettings::Google(other) = settings(other, TOKEN_ISSUER) else { panic!() };
    assert_eq!(other.issuer.jwks_uri, None, "another issuer has other keys");
}
