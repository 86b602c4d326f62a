//! What transmitters send, as if its signature were valid: the claims of each kind in JSON.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use entra_users::{InvalidNotification, NotifiedChange, TopicValidation, read_notifications};
use identity_core::identity::Issuer;
use security_events::messages::{MessageReading, MessageRefusal, apple_token_in, logout_token_in};
use security_events::{AcceptedUsers, TransmitterSettings, Transmitters, UserSignal};
use serde_json::{Map, Value};

const ISSUER: &str = "https://idp.example";
const TENANT: &str = "11111111-2222-3333-4444-555555555555";

/// A transmitter of each kind.
const CONFIGURED: &str = r#"[
    {"name": "logout", "kind": "back-channel-logout", "issuer": "https://idp.example",
     "audiences": ["guestpass"]},
    {"name": "revocation", "kind": "global-token-revocation", "issuer": "https://idp.example",
     "audiences": ["guestpass"], "clientIds": ["client-1"]},
    {"name": "apple", "kind": "apple", "issuer": "https://idp.example", "audiences": ["guestpass"],
     "tokenIssuer": "https://idp.example"},
    {"name": "google", "kind": "google", "issuer": "https://idp.example",
     "audiences": ["guestpass"], "tokenIssuer": "https://idp.example"},
    {"name": "graph", "kind": "graph", "tenants": ["11111111-2222-3333-4444-555555555555"],
     "clientId": "11111111-2222-3333-4444-555555555555", "tokenIssuer": "https://idp.example",
     "notificationUrl": "https://api.example/v1/signals/graph"}
]"#;

static TRANSMITTERS: LazyLock<Transmitters> = LazyLock::new(|| {
    let users = AcceptedUsers {
        issuer: Issuer::parse(ISSUER).expect("an issuer"),
        other_issuers: false,
        subject_claims: "oid".parse().expect("a claim"),
    };
    Transmitters::parse(CONFIGURED, &users).expect("transmitters")
});

fn settings(name: &str) -> &'static TransmitterSettings {
    &TRANSMITTERS.find(name).expect("a transmitter").settings
}

/// The claims of a logout token, or the form that carries one.
pub fn logout_token(input: &[u8]) {
    // The receiver takes only a form that is text.
    let form = str::from_utf8(input).unwrap_or_default();
    if let Some(token) = logout_token_in(form.as_bytes()) {
        assert!(token.len() <= form.len(), "a token that was not sent");
    }
    let (Some(claims), TransmitterSettings::BackChannelLogout(logout)) =
        (object(input), settings("logout"))
    else {
        return;
    };
    let reading = logout.read(&claims, now());
    assert!(reading.is_err() || !claims.contains_key("nonce"), "an ID token signs a user out");
    check(reading, &claims);
}

/// The claims of a notification of Apple, or the body that carries one.
pub fn apple_message(input: &[u8]) {
    if let Some(token) = apple_token_in(input) {
        assert!(token.len() <= input.len(), "a token that was not sent");
    }
    if let (Some(claims), TransmitterSettings::Apple(apple)) = (object(input), settings("apple")) {
        check(apple.read(&claims, now()), &claims);
    }
}

/// The claims of a token of Google.
pub fn google_message(input: &[u8]) {
    if let (Some(claims), TransmitterSettings::Google(google)) = (object(input), settings("google"))
    {
        check(google.read(&claims, now()), &claims);
    }
}

/// The claims of the bearer of a revocation request in one line, then the body.
pub fn revocation_request(input: &[u8]) {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (claims, body) = input.split_at(end);
    let (Some(claims), TransmitterSettings::GlobalTokenRevocation(revocation)) =
        (object(claims), settings("revocation"))
    else {
        return;
    };
    let Ok(proof) = revocation.authenticate(&claims, now()) else { return };
    assert_eq!(claims["sub"], "client-1", "another client revokes tokens");
    for name in ["iat", "nbf", "exp", "jti", "iss", "aud"] {
        assert!(claims.contains_key(name), "a bearer without `{name}` was accepted");
    }
    if let Ok(signals) = revocation.read(body, &proof) {
        assert!(!signals.is_empty(), "a request that names no user was accepted");
        signals.iter().for_each(check_signal);
    }
}

/// A body of Microsoft Graph or of Event Grid.
pub fn graph_notification(input: &[u8]) {
    if let Ok(validation) = TopicValidation::read(input) {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        assert!(validation.code.bytes().all(is_plain), "a code that is more than plain text");
    }
    let (Ok(notifications), TransmitterSettings::Graph(graph)) =
        (read_notifications(input), settings("graph"))
    else {
        return;
    };
    let count = notifications.len();
    assert!((1..=InvalidNotification::MOST).contains(&count), "{count} notifications");
    for notification in notifications {
        assert!(!notification.client_state.expose().is_empty(), "nothing authenticates it");
        let NotifiedChange::User(user) = notification.change else { continue };
        assert_eq!(user.tenant, notification.tenant, "a user of another tenant");
        let is_ours = user.tenant.as_str() == TENANT;
        assert_eq!(graph.external_id(&user).is_some(), is_ours, "{:?}", user.tenant);
    }
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn object(input: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(input).ok()
}

/// What is accepted was issued by the issuer, for this receiver, with a time and an id.
fn check(reading: Result<MessageReading, MessageRefusal>, claims: &Map<String, Value>) {
    let Ok(reading) = reading else { return };
    assert_eq!(claims["iss"], ISSUER, "a message of another issuer was accepted");
    for name in ["aud", "iat", "jti", "events"] {
        assert!(claims.contains_key(name), "a message without `{name}` was accepted");
    }
    if let MessageReading::Signal(signal) = reading {
        check_signal(&signal);
    }
}

/// The signal is about a user of ours, and did not happen in the future.
fn check_signal(signal: &UserSignal) {
    let subject = signal.user.as_str().strip_prefix("https://idp.example|");
    assert!(subject.is_some_and(|subject| !subject.is_empty()), "{:?}", signal.user);
    assert!(!signal.event_id.is_empty(), "a signal without an id");
    let latest = now() + Duration::from_mins(1);
    assert!(signal.occurred_at <= latest, "{:?} is in the future", signal.occurred_at);
    assert!(signal.resolution <= Duration::from_secs(1), "{:?}", signal.resolution);
}
