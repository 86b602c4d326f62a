//! What follows from each event type, from each subject format, and when.

use std::time::Duration;

use identity_core::event::EventKind::{
    self, CredentialsChanged, Deleted, Disabled, Enabled, SignedOut,
};
use security_events::ssf::{SetReading, WhySetIgnored};
use serde_json::{Value, json};

use super::support::{
    CAEP, ISSUER, NOW, RISC, at, claims, fixture, only_signal, pairs, receive, receive_claims,
    settings, settings_with, user, with,
};

#[test]
fn each_fixture_means_what_its_transmitter_says() {
    let both = settings_with(&json!({ "emailIsSubject": true }));
    for (name, expected) in [
        ("session-revoked-complex", vec![(SignedOut, user("7375626A"))]),
        ("okta-credential-change", vec![(CredentialsChanged, user("7375626A"))]),
        ("okta-credential-change-create", vec![]),
        ("risc-account-disabled", vec![(Disabled, user("7375626A"))]),
        ("risc-account-disabled-phone", vec![]),
        ("risc-account-enabled-email", vec![(Enabled, user("user@example.com"))]),
        ("risc-account-purged", vec![(Deleted, user("7375626A"))]),
        ("login-gov-password-reset", vec![(CredentialsChanged, user("7375626A"))]),
    ] {
        let reading = receive(&fixture(name), &both).unwrap();
        assert_eq!(pairs(&reading), expected, "{name}: {reading:?}");
    }
    let unknown = receive(&fixture("risc-account-enabled-email"), &settings()).unwrap();
    assert_eq!(unknown, SetReading::Ignored(WhySetIgnored::UnmappedSubject));
    let verification = receive(&fixture("verification"), &settings()).unwrap();
    assert_eq!(verification, SetReading::Verification);
    let paused = receive(&fixture("stream-updated"), &settings()).unwrap();
    assert_eq!(paused, SetReading::StreamUpdated("paused"));
}

fn kind_of(name: &str, event: &Value) -> Result<EventKind, WhySetIgnored> {
    match receive_claims(&claims(name, event), &settings()).unwrap() {
        SetReading::Ignored(why) => Err(why),
        reading => Ok(only_signal(reading).kind),
    }
}

#[test]
fn every_event_type_has_its_meaning() {
    use WhySetIgnored::{NoEffect, UnknownEvent};
    for (name, expected) in [
        ("session-revoked", Ok(SignedOut)),
        ("token-claims-change", Ok(SignedOut)),
        ("credential-change", Ok(CredentialsChanged)),
        ("assurance-level-change", Err(NoEffect)),
        ("device-compliance-change", Err(NoEffect)),
        ("risk-level-change", Err(NoEffect)),
        ("session-established", Err(NoEffect)),
        ("session-presented", Err(NoEffect)),
        ("session-renewed", Err(UnknownEvent)),
    ] {
        assert_eq!(kind_of(&format!("{CAEP}{name}"), &json!({})), expected, "{name}");
    }
    for (name, expected) in [
        ("account-disabled", Ok(Disabled)),
        ("account-enabled", Ok(Enabled)),
        ("account-purged", Ok(Deleted)),
        ("identifier-recycled", Ok(Deleted)),
        ("sessions-revoked", Ok(SignedOut)),
        ("account-credential-change-required", Ok(CredentialsChanged)),
        ("credential-compromise", Ok(CredentialsChanged)),
        ("identifier-changed", Err(NoEffect)),
        ("opt-in", Err(NoEffect)),
        ("opt-out-initiated", Err(NoEffect)),
        ("opt-out-cancelled", Err(NoEffect)),
        ("opt-out-effective", Err(NoEffect)),
        ("recovery-activated", Err(NoEffect)),
        ("recovery-information-changed", Err(NoEffect)),
        ("session-revoked", Err(UnknownEvent)),
    ] {
        assert_eq!(kind_of(&format!("{RISC}{name}"), &json!({})), expected, "{name}");
    }
    let login_gov = "https://schemas.login.gov/secevent/risc/event-type/";
    for name in ["mfa-limit-account-locked", "recovery-information-changed", "reproof-completed"] {
        assert_eq!(kind_of(&format!("{login_gov}{name}"), &json!({})), Err(NoEffect), "{name}");
    }
    assert_eq!(kind_of(&format!("{login_gov}account-disabled"), &json!({})), Err(UnknownEvent));
    assert_eq!(kind_of("session-revoked", &json!({})), Err(UnknownEvent));
}

#[test]
fn a_new_credential_takes_nothing_and_every_other_change_revokes() {
    for (change, revokes) in [
        ("create", false),
        ("CREATE", false),
        ("revoke", true),
        ("update", true),
        ("delete", true),
        ("other", true),
    ] {
        let event = json!({ "change_type": change, "credential_type": "ALL_FACTORS" });
        let found = kind_of(&format!("{CAEP}credential-change"), &event);
        assert_eq!(found.is_ok(), revokes, "{change}");
    }
}

#[test]
fn changed_claims_revoke_unless_the_configuration_names_others() {
    let some = settings_with(&json!({ "claims": ["role", "group"] }));
    for (settings, event, revokes) in [
        (settings(), json!({ "claims": { "name": "x" } }), true),
        (some.clone(), json!({ "claims": { "name": "x" } }), false),
        (some.clone(), json!({ "claims": { "name": "x", "group": "y" } }), true),
        (some, json!({}), true),
    ] {
        let claims = claims(&format!("{CAEP}token-claims-change"), &event);
        let reading = receive_claims(&claims, &settings).unwrap();
        assert_eq!(!pairs(&reading).is_empty(), revokes, "{event}");
    }
}

#[test]
fn a_stream_that_changes_says_to_what() {
    let name = "https://schemas.openid.net/secevent/ssf/event-type/stream-updated";
    for (status, expected) in [
        (json!("enabled"), "enabled"),
        (json!("paused"), "paused"),
        (json!("disabled"), "disabled"),
        (json!("secret"), "unknown"),
    ] {
        let reading = receive_claims(&claims(name, &json!({ "status": status })), &settings());
        assert_eq!(reading.unwrap(), SetReading::StreamUpdated(expected));
    }
}

#[test]
fn of_several_events_the_known_ones_count_and_a_synonym_counts_once() {
    let [caep, risc] = [format!("{CAEP}session-revoked"), format!("{RISC}sessions-revoked")];
    let claims = claims(&caep, &json!({}));
    for (events, expected) in [
        (json!({ "https://x.example/unknown": {}, caep.as_str(): {} }), vec![SignedOut]),
        (json!({ risc.as_str(): {}, caep.as_str(): {} }), vec![SignedOut]),
        (
            json!({ caep.as_str(): {}, format!("{RISC}account-disabled"): {} }),
            vec![SignedOut, Disabled],
        ),
        (json!({ "https://x.example/unknown": {} }), vec![]),
    ] {
        let reading = receive_claims(&with(claims.clone(), "events", events), &settings());
        let kinds: Vec<_> = pairs(&reading.unwrap()).into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, expected);
    }
}

#[test]
fn each_subject_format_names_its_user_or_none() {
    let carol = json!({ "format": "iss_sub", "iss": ISSUER, "sub": "carol" });
    let phone = json!({ "format": "phone_number", "phone_number": "+12065550123" });
    let email = json!({ "format": "email", "email": "al@example.com" });
    let session = json!({ "format": "opaque", "id": "carol" });
    let known = settings_with(&json!({ "emailIsSubject": true }));
    for (subject, expected) in [
        (carol.clone(), vec!["carol"]),
        (json!({ "subject_type": "iss-sub", "iss": ISSUER, "sub": "carol" }), vec!["carol"]),
        (
            json!({ "format": "iss_sub", "iss": "https://idp.example", "sub": "carol" }),
            vec!["carol"],
        ),
        (json!({ "format": "iss_sub", "iss": "https://other.example/", "sub": "carol" }), vec![]),
        (json!({ "format": "iss_sub", "iss": ISSUER }), vec![]),
        (json!({ "format": "iss_sub", "iss": ISSUER, "sub": 1 }), vec![]),
        (email.clone(), vec!["al@example.com"]),
        (
            json!({ "format": "email", "email": "al@Example.com" }),
            vec!["al@Example.com", "al@example.com"],
        ),
        (phone.clone(), vec![]),
        (session.clone(), vec![]),
        (json!({ "format": "uri", "uri": "carol" }), vec![]),
        (json!({ "format": "jwt_id", "iss": ISSUER, "jti": "carol" }), vec![]),
        (json!({ "iss": ISSUER, "sub": "carol" }), vec![]),
        (json!({ "format": "aliases", "identifiers": [phone, carol] }), vec!["carol"]),
        (
            json!({ "format": "aliases", "identifiers": [{ "format": "aliases", "identifiers": [carol] }] }),
            vec![],
        ),
        (json!({ "format": "complex", "user": carol, "session": session }), vec!["carol"]),
        (json!({ "user": carol, "device": session }), vec!["carol"]),
        (json!({ "format": "complex", "session": session, "device": session }), vec![]),
        (json!({ "format": "complex", "user": phone }), vec![]),
    ] {
        let claims =
            with(claims(&format!("{CAEP}session-revoked"), &json!({})), "sub_id", subject.clone());
        let reading = receive_claims(&claims, &known).unwrap();
        let users: Vec<_> = pairs(&reading).into_iter().map(|(_, user)| user).collect();
        let expected: Vec<_> = expected.into_iter().map(user).collect();
        assert_eq!(users, expected, "{subject}");
        if users.is_empty() {
            assert_eq!(reading, SetReading::Ignored(WhySetIgnored::UnmappedSubject), "{subject}");
        }
    }
}

#[test]
fn the_subject_of_the_event_is_used_if_that_of_the_set_names_no_user() {
    let own = json!({ "subject": { "format": "iss_sub", "iss": ISSUER, "sub": "dave" } });
    let claims = claims(&format!("{CAEP}session-revoked"), &own);
    for (sub_id, expected) in [
        (claims["sub_id"].clone(), "carol"),
        (json!({ "format": "phone_number", "phone_number": "+1" }), "dave"),
        (Value::Null, "dave"),
    ] {
        let reading = receive_claims(&with(claims.clone(), "sub_id", sub_id), &settings()).unwrap();
        assert_eq!(pairs(&reading), [(SignedOut, user(expected))]);
    }
}

#[test]
fn r26_a_critical_member_that_is_not_understood_discards_the_event() {
    let critical = settings_with(&json!({ "criticalSubjectMembers": ["tenant"] }));
    let subject = |format: &str| {
        json!({
            "format": "complex",
            "user": { "format": "iss_sub", "iss": ISSUER, "sub": "carol" },
            "tenant": { "format": format, "id": "1" },
        })
    };
    for (settings, format, is_read) in [
        (&critical, "opaque", true),
        (&critical, "ip-addresses", true),
        (&critical, "galaxy", false),
        (&settings(), "galaxy", true),
    ] {
        let claims = claims(&format!("{CAEP}session-revoked"), &json!({}));
        let reading = receive_claims(&with(claims, "sub_id", subject(format)), settings).unwrap();
        let discarded = SetReading::Ignored(WhySetIgnored::CriticalSubjectMember);
        assert_eq!(reading != discarded, is_read, "{format}");
    }
}

#[test]
fn an_event_happened_when_it_says_and_else_when_the_set_says() {
    let name = format!("{CAEP}session-revoked");
    let (second, millisecond) = (Duration::from_secs(1), Duration::from_millis(1));
    for (event, toe, expected, resolution) in [
        (json!({ "event_timestamp": NOW - 100 }), json!(NOW - 90), at(NOW - 100), second),
        (
            json!({ "event_timestamp": (NOW - 100) * 1000 + 643 }),
            Value::Null,
            at(NOW - 100) + Duration::from_millis(643),
            millisecond,
        ),
        (json!({ "occurred_at": NOW - 100 }), Value::Null, at(NOW - 100), second),
        (json!({}), json!(NOW - 90), at(NOW - 90), second),
        (json!({}), Value::Null, at(NOW - 60), second),
        (json!({ "event_timestamp": "x" }), Value::Null, at(NOW - 60), second),
        (json!({ "event_timestamp": NOW + 241 }), Value::Null, at(NOW - 60), second),
        (json!({ "event_timestamp": NOW + 240 }), Value::Null, at(NOW + 240), second),
    ] {
        let claims = with(claims(&name, &event), "toe", toe);
        let signal = only_signal(receive_claims(&claims, &settings()).unwrap());
        assert_eq!((signal.occurred_at, signal.resolution), (expected, resolution), "{event}");
        assert_eq!(signal.event_id, "set-1");
    }
}

#[test]
fn a_reason_is_a_text_or_one_of_several_languages() {
    for (event, expected) in [
        (json!({ "reason": "hijacking" }), Some("hijacking")),
        (json!({ "reason_admin": { "de": "Regel", "en": "policy" } }), Some("policy")),
        (json!({ "reason_admin": { "de": "Regel" } }), Some("Regel")),
        (json!({ "reason_admin": "policy" }), Some("policy")),
        (json!({ "reason_admin": 1 }), None),
        (json!({}), None),
    ] {
        let claims = claims(&format!("{RISC}account-disabled"), &event);
        let signal = only_signal(receive_claims(&claims, &settings()).unwrap());
        assert_eq!(signal.reason.as_deref(), expected, "{event}");
    }
}

/// Log queries and the dashboard filter by these.
#[test]
fn each_reason_to_ignore_a_set_has_its_own_name_in_the_log() {
    for (why, logged) in [
        (WhySetIgnored::UnknownEvent, "unknown-event"),
        (WhySetIgnored::NoEffect, "no-effect"),
        (WhySetIgnored::UnmappedSubject, "unmapped-subject"),
        (WhySetIgnored::CriticalSubjectMember, "critical-subject-member"),
    ] {
        assert_eq!(why.as_str(), logged);
    }
}
