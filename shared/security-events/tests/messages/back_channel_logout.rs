//! Logout tokens: what is accepted, and every check that refuses one.

use bearer_verifier::TokenRefusal;
use identity_core::event::EventKind;
use security_events::messages::{
    IgnoredMessage, LOGOUT_PROFILE, MessageReading, MessageRefusal, logout_token_in,
};
use security_events::{BackChannelLogoutSettings, TransmitterSettings};
use serde_json::{Value, json};

use crate::support::{NOW, Sender, now, settings};

const ISSUER: &str = "https://tenant.idp.example/";

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

fn transmitter() -> BackChannelLogoutSettings {
    let members = json!({
        "kind": "back-channel-logout", "issuer": ISSUER, "audiences": ["client-1"],
    });
    match settings(members, ISSUER) {
        TransmitterSettings::BackChannelLogout(settings) => settings,
        other => panic!("{other:?}"),
    }
}

/// A logout token as Auth0 sends it.
fn sender() -> Sender {
    Sender::new(
        json!({ "alg": "RS256", "typ": "logout+jwt", "kid": "rsa" }),
        json!({
            "iss": ISSUER, "sub": "auth0|64f0c0ffee0000000000a11c", "aud": "client-1",
            "iat": NOW - 40, "exp": NOW + 80, "jti": "44a91215-dfb4-4dfe-a1eb-fcafa911deba",
            "events": { EVENT: {} }, "trace_id": "81b336a94a4a5707", "sid": "375UIp",
        }),
    )
}

fn read(claims: &Value) -> Result<MessageReading, MessageRefusal> {
    let claims = sender().verified(LOGOUT_PROFILE, &json!({}), claims).unwrap();
    transmitter().read(&claims, now())
}

#[test]
fn r26_a_logout_token_signs_the_user_out_at_the_time_of_its_issue() {
    let MessageReading::Signal(signal) = read(&json!({})).unwrap() else { panic!() };
    assert_eq!(signal.kind, EventKind::SignedOut);
    assert_eq!(signal.user.as_str(), "https://tenant.idp.example/|auth0|64f0c0ffee0000000000a11c");
    let age = now().duration_since(signal.occurred_at).unwrap();
    assert_eq!((age.as_secs(), signal.resolution.as_secs()), (40, 1));
    assert_eq!(signal.event_id, "44a91215-dfb4-4dfe-a1eb-fcafa911deba");
    // Without a session, it is about all sessions of the user: the same here.
    assert!(matches!(read(&json!({ "sid": null })), Ok(MessageReading::Signal(_))));
    for accepted in [
        json!({ "aud": ["other", "client-1"] }),
        json!({ "iat": NOW + 59 }),
        json!({ "exp": NOW - 59 }),
        json!({ "events": { EVENT: {}, "https://other.example/event": {} } }),
    ] {
        assert!(matches!(read(&accepted), Ok(MessageReading::Signal(_))), "{accepted}");
    }
}

#[test]
fn r26_a_session_alone_names_no_user() {
    let ignored = read(&json!({ "sub": null }));
    assert_eq!(ignored, Ok(MessageReading::Ignored(IgnoredMessage::User)));
    let long = read(&json!({ "sub": "x".repeat(2000) }));
    assert_eq!(long, Ok(MessageReading::Ignored(IgnoredMessage::User)), "no record has this name");
}

#[test]
fn r26_each_defect_of_a_logout_token_refuses_it() {
    for (changes, expected) in [
        (json!({ "iss": "https://tenant.idp.example" }), MessageRefusal::Issuer),
        (json!({ "iss": null }), MessageRefusal::Claim("iss")),
        (json!({ "aud": "client-2" }), MessageRefusal::Audience),
        (json!({ "aud": null }), MessageRefusal::Audience),
        (json!({ "aud": null, "client_id": "client-1" }), MessageRefusal::Audience),
        (json!({ "iat": null }), MessageRefusal::Claim("iat")),
        (json!({ "iat": "now" }), MessageRefusal::Claim("iat")),
        (json!({ "iat": NOW + 61 }), MessageRefusal::NotYetValid),
        (json!({ "exp": null }), MessageRefusal::Claim("exp")),
        (json!({ "exp": NOW - 60 }), MessageRefusal::Expired),
        (json!({ "nbf": NOW + 61 }), MessageRefusal::NotYetValid),
        (json!({ "jti": null }), MessageRefusal::Claim("jti")),
        (json!({ "sub": null, "sid": null }), MessageRefusal::Claim("sub")),
        (json!({ "sub": "" }), MessageRefusal::Claim("sub")),
        (json!({ "sub": 1 }), MessageRefusal::Claim("sub")),
        (json!({ "sid": 1 }), MessageRefusal::Claim("sid")),
        (json!({ "events": null }), MessageRefusal::Claim("events")),
        (json!({ "events": [EVENT] }), MessageRefusal::Claim("events")),
        (json!({ "events": { EVENT: true } }), MessageRefusal::Claim("events")),
        (json!({ "events": { "https://other.example": {} } }), MessageRefusal::Claim("events")),
        (json!({ "nonce": "n" }), MessageRefusal::Nonce),
        // As JSON's null would be removed, the claim is an empty text.
        (json!({ "nonce": "" }), MessageRefusal::Nonce),
    ] {
        assert_eq!(read(&changes), Err(expected), "{changes}");
    }
}

#[test]
fn r26_the_type_the_key_and_the_signature_of_a_logout_token_are_checked() {
    let sender = sender();
    let verified = |header: Value| sender.verified(LOGOUT_PROFILE, &header, &json!({})).map(|_| ());
    for (header, expected) in [
        (json!({}), Ok(())),
        (json!({ "typ": null }), Ok(())),
        (json!({ "typ": "JWT" }), Ok(())),
        (json!({ "alg": "ES256", "kid": "p256" }), Ok(())),
        (json!({ "typ": "at+jwt" }), Err(TokenRefusal::TokenType)),
        (json!({ "typ": "secevent+jwt" }), Err(TokenRefusal::TokenType)),
        (json!({ "alg": "none" }), Err(TokenRefusal::UnsupportedAlgorithm)),
        (json!({ "alg": "HS256" }), Err(TokenRefusal::UnsupportedAlgorithm)),
        (json!({ "kid": "unknown" }), Err(TokenRefusal::UnknownKey)),
        (json!({ "crit": ["exp"] }), Err(TokenRefusal::CriticalExtension)),
    ] {
        assert_eq!(verified(header.clone()), expected, "{header}");
    }
    assert_eq!(sender.forged(LOGOUT_PROFILE).map(|_| ()), Err(TokenRefusal::Signature));
}

#[test]
fn r26_the_form_has_one_logout_token() {
    for (form, expected) in [
        ("logout_token=a.b.c", Some("a.b.c")),
        ("state=x&logout_token=a.b-_.c&y", Some("a.b-_.c")),
        ("logout_token=a%2Eb.c", Some("a.b.c")),
        ("", None),
        ("logout-token=a.b.c", None),
        ("logout_token=a.b.c&logout_token=d.e.f", None),
        ("a.b.c", None),
    ] {
        assert_eq!(logout_token_in(form.as_bytes()).as_deref(), expected, "{form}");
    }
}
