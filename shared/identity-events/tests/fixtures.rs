//! Events of each source, in the form that the source's documentation describes, and their
//! meaning.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may die")]

use std::{collections::BTreeSet, fs, path::PathBuf, time::SystemTime};

use identity_core::{
    event::EventKind::{self, CredentialsChanged, Deleted, Disabled, Enabled, SignedOut},
    identity::{ExternalId, IdentityRef, Issuer},
};
use identity_events::{EventSettings, EventSource, Ignored, Malformed, Reading, WhyIgnored, read};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

const COGNITO: &str = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example1";
const AUTH0: &str = "https://tenant.eu.auth0.com/";
const OKTA: &str = "https://example.okta.com/oauth2/default";

const ACS_ID: &str =
    "8:acs:1b5cc06b-f352-4571-b1e6-d9b259b7c776_00000007-0464-274b-b274-5a3a0d000101";
const COGNITO_USER: &str = "4a1f2c3e-9b64-4d0e-8f57-2d1c6a7b8c90";
const AUTH0_USER: &str = "auth0|6553da60a54af58e29493993";
const OKTA_LOGIN: &str = "alice@example.com";
const OKTA_ID: &str = "00u3m90rxKjGQ0G6L1d6";

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn issuer_of(fixture: &str) -> &'static str {
    match fixture.split('/').next().unwrap() {
        "guestpass" => "https://idp.example",
        "cognito" => COGNITO,
        "auth0" => AUTH0,
        "okta" => OKTA,
        other => panic!("no issuer for the fixtures of {other}"),
    }
}

fn reading(fixture: &str) -> Result<Reading, Malformed> {
    let body = fs::read_to_string(directory().join(format!("{fixture}.json"))).unwrap();
    read(&body, &EventSettings::of(Issuer::parse(issuer_of(fixture)).unwrap()))
}

fn time(raw: &str) -> SystemTime {
    OffsetDateTime::parse(raw, &Rfc3339).unwrap().into()
}

/// What the events of a fixture have in common, and the user of each event.
struct Expected {
    kinds: &'static [EventKind],
    users: Vec<IdentityRef>,
    at: &'static str,
    id: &'static str,
}

fn ours(kind: &'static [EventKind], user: &str, at: &'static str, id: &'static str) -> Expected {
    Expected { kinds: kind, users: vec![IdentityRef::parse(user).unwrap()], at, id }
}

fn subject(issuer: &str, subject: &str) -> IdentityRef {
    IdentityRef::External(ExternalId::of_subject(issuer, subject).unwrap())
}

fn cognito(kinds: &'static [EventKind]) -> Expected {
    let id = "c9f7c6a1-3f24-49a8-8f25-0f1b6a0f3a52";
    Expected { kinds, users: vec![subject(COGNITO, COGNITO_USER)], at: "2026-11-20T08:00:00Z", id }
}

fn auth0(kinds: &'static [EventKind]) -> Expected {
    let id = "90020261120080000123456789012345678901234567890123456789";
    Expected { kinds, users: vec![subject(AUTH0, AUTH0_USER)], at: "2026-11-20T08:00:00.789Z", id }
}

fn okta(kinds: &'static [EventKind]) -> Expected {
    let id = "ab62c0bc-2837-11eb-9823-9fb8f750c5a9";
    let users = vec![subject(OKTA, OKTA_LOGIN), subject(OKTA, OKTA_ID)];
    Expected { kinds, users, at: "2026-11-20T08:00:00.862Z", id }
}

fn expected_events() -> Vec<(&'static str, Expected)> {
    let eight = "2026-11-20T08:00:00Z";
    let alice = "https://idp.example|alice";
    let other = "https://idp.example|auth0|a%20b";
    let envelope = "7bf73129-1428-4cd3-a780-95db273d1602";
    vec![
        ("guestpass/disabled", ours(&[Disabled], alice, "2026-11-20T08:00:00.123Z", "hr-4711")),
        ("guestpass/enabled", ours(&[Enabled], other, eight, "hr-4712")),
        ("guestpass/signed-out", ours(&[SignedOut], ACS_ID, eight, "s-1")),
        ("guestpass/credentials-changed", ours(&[CredentialsChanged], "alice", eight, envelope)),
        ("guestpass/deleted", ours(&[Deleted], "alice", eight, "d-1")),
        ("cognito/admin-disable-user", cognito(&[Disabled])),
        ("cognito/admin-enable-user", cognito(&[Enabled])),
        ("cognito/admin-delete-user", cognito(&[Deleted])),
        ("cognito/admin-user-global-sign-out", cognito(&[SignedOut])),
        ("cognito/admin-set-user-password", cognito(&[CredentialsChanged])),
        ("cognito/admin-reset-user-password", cognito(&[CredentialsChanged])),
        ("cognito/delete-user", cognito(&[Deleted])),
        ("cognito/global-sign-out", cognito(&[SignedOut])),
        ("cognito/change-password", cognito(&[CredentialsChanged])),
        ("cognito/confirm-forgot-password", cognito(&[CredentialsChanged])),
        ("auth0/logout", auth0(&[SignedOut])),
        ("auth0/universal-logout", auth0(&[SignedOut])),
        ("auth0/password-changed", auth0(&[CredentialsChanged])),
        ("auth0/user-deleted", auth0(&[Deleted])),
        ("auth0/user-blocked", auth0(&[Disabled])),
        ("auth0/user-unblocked", auth0(&[Enabled])),
        ("auth0/password-set-and-user-blocked", auth0(&[Disabled, CredentialsChanged])),
        ("auth0/user-deleted-by-call", auth0(&[Deleted])),
        ("auth0/access-revoked", auth0(&[SignedOut])),
        ("auth0/sessions-deleted", auth0(&[SignedOut])),
        ("okta/deactivated", okta(&[Disabled])),
        ("okta/suspended", okta(&[Disabled])),
        ("okta/activated", okta(&[Enabled])),
        ("okta/reactivated", okta(&[Enabled])),
        ("okta/unsuspended", okta(&[Enabled])),
        ("okta/deletion-initiated", okta(&[Deleted])),
        ("okta/deletion-completed", okta(&[Deleted])),
        ("okta/session-ended", okta(&[SignedOut])),
        ("okta/sessions-cleared", okta(&[SignedOut])),
        ("okta/universal-logout", okta(&[SignedOut])),
        ("okta/password-updated", okta(&[CredentialsChanged])),
        ("okta/password-reset", okta(&[CredentialsChanged])),
        ("okta/factors-reset", okta(&[CredentialsChanged])),
        (
            "okta/deactivated-without-login",
            Expected { users: vec![subject(OKTA, OKTA_ID)], ..okta(&[Disabled]) },
        ),
    ]
}

const IGNORED: [(&str, &str, WhyIgnored); 12] = [
    ("guestpass/unknown", "user.promoted", WhyIgnored::UnknownType),
    ("cognito/update-attributes", "AdminUpdateUserAttributes", WhyIgnored::UnknownType),
    ("cognito/hosted-page", "Logout_GET", WhyIgnored::NoUser),
    ("cognito/call-that-failed", "AdminDisableUser", WhyIgnored::Failed),
    ("cognito/another-pool", "AdminDisableUser", WhyIgnored::AnotherIssuer),
    ("auth0/login", "s", WhyIgnored::UnknownType),
    ("auth0/logout-missing-user", "slo", WhyIgnored::NoUser),
    ("auth0/user-renamed", "sapi", WhyIgnored::NothingRelevant),
    ("auth0/role-assigned", "sapi", WhyIgnored::NothingRelevant),
    ("auth0/log-stream-created", "sapi", WhyIgnored::NothingRelevant),
    ("okta/session-started", "user.session.start", WhyIgnored::UnknownType),
    ("okta/deactivation-that-failed", "user.lifecycle.deactivate", WhyIgnored::Failed),
];

const MALFORMED: [&str; 1] = ["okta/deactivated-missing-target"];

#[test]
fn each_event_means_what_its_provider_says() {
    for (fixture, expected) in expected_events() {
        let Ok(Reading::Events { source, mode: None, transmitter: None, events }) =
            reading(fixture)
        else {
            panic!("{fixture}: {:?}", reading(fixture));
        };
        assert!(fixture.starts_with(source.as_str()), "{fixture}");
        let pairs: Vec<_> = events.iter().map(|event| (event.kind, &event.identity)).collect();
        let expected_pairs: Vec<_> = expected
            .kinds
            .iter()
            .flat_map(|kind| expected.users.iter().map(|user| (*kind, user)))
            .collect();
        assert_eq!(pairs, expected_pairs, "{fixture}");
        for event in &events {
            assert_eq!(event.occurred_at, time(expected.at), "{fixture}");
            assert_eq!(event.id, expected.id, "{fixture}");
        }
    }
}

#[test]
fn the_reason_of_an_event_is_parsed() {
    let Ok(Reading::Events { events, .. }) = reading("guestpass/disabled") else { panic!() };
    let reasons: Vec<_> = events.iter().map(|event| event.reason.as_ref().unwrap()).collect();
    assert_eq!(reasons.first().unwrap().as_str(), "left the company");
}

#[test]
fn a_message_that_does_not_concern_the_service_is_ignored_with_a_reason() {
    for (fixture, name, why) in IGNORED {
        let Ok(Reading::Ignored { source, ignored }) = reading(fixture) else {
            panic!("{fixture}: {:?}", reading(fixture));
        };
        assert!(fixture.starts_with(source.unwrap().as_str()), "{fixture}");
        assert_eq!(ignored, Ignored { name: name.to_owned(), why }, "{fixture}");
    }
}

/// Log queries and alarms filter by these.
#[test]
fn each_reason_to_ignore_a_message_has_its_own_name_in_the_log() {
    for (why, logged) in [
        (WhyIgnored::UnknownSource, "unknown-source"),
        (WhyIgnored::UnknownType, "unknown-type"),
        (WhyIgnored::Failed, "failed"),
        (WhyIgnored::AnotherIssuer, "another-issuer"),
        (WhyIgnored::NoUser, "no-user"),
        (WhyIgnored::NothingRelevant, "nothing-relevant"),
        (WhyIgnored::AnotherApp, "another-app"),
        (WhyIgnored::SeveralClaims, "several-subject-claims"),
    ] {
        assert_eq!(why.as_str(), logged);
    }
}

/// An event in which an administrator deactivates a user, but which names no user, must never
/// deactivate the administrator.
#[test]
fn an_event_without_its_user_is_malformed() {
    for fixture in MALFORMED {
        let found = reading(fixture);
        assert_eq!(found, Err(Malformed::Missing("detail.target")), "{fixture}");
    }
}

/// Without this test, a fixture that is in no table would seem to be tested.
#[test]
fn every_fixture_is_in_a_table() {
    let named: BTreeSet<String> = expected_events()
        .into_iter()
        .map(|(fixture, _)| fixture)
        .chain(IGNORED.map(|(fixture, ..)| fixture))
        .chain(MALFORMED)
        .map(ToOwned::to_owned)
        .collect();
    let mut there = BTreeSet::new();
    for source in
        [EventSource::Guestpass, EventSource::Cognito, EventSource::Auth0, EventSource::Okta]
    {
        for file in fs::read_dir(directory().join(source.as_str())).unwrap() {
            let file = file.unwrap().path();
            let name = file.file_stem().unwrap().to_str().unwrap();
            there.insert(format!("{}/{name}", source.as_str()));
        }
    }
    assert_eq!(named, there);
}
