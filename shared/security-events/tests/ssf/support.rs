//! Fixtures, and tokens that are really signed.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use bearer_verifier::testing::Signer;
use bearer_verifier::{SignedToken, TokenRefusal, verify_signature};
use identity_core::event::EventKind;
use identity_core::identity::{ExternalId, Issuer};
use security_events::ssf::{SET_PROFILE, SetError, SetReading, read};
use security_events::{AcceptedUsers, SsfSettings, TransmitterSettings, Transmitters, UserSignal};
use serde_json::{Map, Value, json};

pub(crate) const ISSUER: &str = "https://idp.example/";
pub(crate) const AUDIENCE: &str = "https://guestpass.example/ssf";
pub(crate) const NOW: u64 = 1_800_000_060;
pub(crate) const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type/";
pub(crate) const RISC: &str = "https://schemas.openid.net/secevent/risc/event-type/";

pub(crate) static SIGNER: LazyLock<Signer> = LazyLock::new(Signer::default);

/// Settings with more members.
pub(crate) fn settings_with(more: &Value) -> SsfSettings {
    let mut transmitter =
        json!({ "name": "idp", "kind": "ssf", "issuer": ISSUER, "audiences": [AUDIENCE, "other"] });
    let members = transmitter.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    let users = AcceptedUsers {
        issuer: Issuer::parse(ISSUER).unwrap(),
        other_issuers: false,
        subject_claims: "sub".parse().unwrap(),
    };
    let all = Transmitters::parse(&json!([transmitter]).to_string(), &users).unwrap();
    match all.find("idp").unwrap().settings.clone() {
        TransmitterSettings::Ssf(settings) => settings,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn settings() -> SsfSettings {
    settings_with(&json!({}))
}

pub(crate) fn header() -> Value {
    json!({ "alg": "RS256", "typ": "secevent+jwt", "kid": "rsa" })
}

/// The claims of a SET with one event, whose subject is in `sub_id`.
pub(crate) fn claims(name: &str, event: &Value) -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "iat": NOW - 60, "jti": "set-1",
        "sub_id": { "format": "iss_sub", "iss": ISSUER, "sub": "carol" },
        "events": { name: event },
    })
}

/// Claims with one member replaced, or removed if `value` is null.
pub(crate) fn with(mut claims: Value, name: &str, value: Value) -> Value {
    let members: &mut Map<String, Value> = claims.as_object_mut().unwrap();
    if value.is_null() {
        members.remove(name);
    } else {
        members.insert(name.to_owned(), value);
    }
    claims
}

/// Reads a token as a receiver must: type, issuer, signature, claims.
pub(crate) fn receive(token: &str, settings: &SsfSettings) -> Result<SetReading, SetError> {
    let token = SignedToken::parse_as(token, SET_PROFILE)?;
    if token.unverified_issuer() != Some(&settings.issuer.issuer) {
        return Err(TokenRefusal::UnknownIssuer.into());
    }
    let claims = verify_signature(token, &SIGNER.keys())?;
    read(&claims, settings, at(NOW))
}

pub(crate) fn receive_claims(
    claims: &Value,
    settings: &SsfSettings,
) -> Result<SetReading, SetError> {
    receive(&SIGNER.sign_text(&header().to_string(), &claims.to_string()), settings)
}

pub(crate) fn fixture(name: &str) -> String {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/ssf");
    let text = fs::read_to_string(directory.join(format!("{name}.json"))).unwrap();
    let parts: Value = serde_json::from_str(&text).unwrap();
    SIGNER.sign_text(&parts["header"].to_string(), &parts["payload"].to_string())
}

pub(crate) fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

pub(crate) fn user(subject: &str) -> ExternalId {
    ExternalId::of_subject(ISSUER, subject).unwrap()
}

/// The kinds and the users of the signals.
pub(crate) fn pairs(reading: &SetReading) -> Vec<(EventKind, ExternalId)> {
    match reading {
        SetReading::Signals(signals) => {
            signals.iter().map(|signal| (signal.kind, signal.user.clone())).collect()
        }
        _ => Vec::new(),
    }
}

pub(crate) fn only_signal(reading: SetReading) -> UserSignal {
    match reading {
        SetReading::Signals(signals) if signals.len() == 1 => signals.into_iter().next().unwrap(),
        other => panic!("{other:?}"),
    }
}
