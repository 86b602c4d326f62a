//! What operators set, and bearers.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use bearer_verifier::testing::{Signer, b64};
use bearer_verifier::{KeySet, SignedToken, TrustedIssuer, verify, verify_signature};
use identity_core::identity::Issuer;
use identity_core::policy::{Claims, Policy};
use lambda_edge::config::condition;
use security_events::ssf::{SET_PROFILE, SetReading, read};
use security_events::{AcceptedUsers, TransmitterSettings, Transmitters, UserSignal};
use serde_json::{Map, Value};

use crate::auth::connection_string::ConnectionString;

/// A connection string. Its error must not quote it.
pub fn connection_string(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    if let Err(error) = text.parse::<ConnectionString>() {
        let message = error.to_string();
        let key = text.rsplit('=').next().unwrap_or_default();
        assert!(key.len() < 40 || !message.contains(key), "{message}");
    }
}

/// A policy or a condition in JSON, for a caller with claims: one line each.
pub fn policy(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else { return };
    let (rules, claims) = text.split_once('\n').unwrap_or((text, "{}"));
    let claims = Claims::json(serde_json::from_str(claims).unwrap_or_default());
    if let Ok(policy) = serde_json::from_str::<Policy>(rules) {
        let _ = policy.grant(&claims).decide(None, None);
    }
    if let Ok(Some(condition)) = condition(&|_: &str| Some(rules.to_owned()), "ADMIN_CONDITION") {
        assert_eq!(condition.is_met_by(&claims), condition.unmet(&claims).next().is_none());
    }
}

/// A bearer or a security event token, or the header and the payload of one, in a line each.
pub fn bearer(input: &[u8]) {
    static KEYS: LazyLock<KeySet> = LazyLock::new(|| Signer::default().keys());
    let Ok(text) = str::from_utf8(input) else { return };
    let _ = KeySet::from_json(input);
    let token = match text.split_once('\n') {
        Some((header, payload)) => {
            format!("{}.{}.c2ln", b64(header.as_bytes()), b64(payload.as_bytes()))
        }
        None => text.to_owned(),
    };
    let audiences = vec!["guestpass".to_owned()];
    let issuer = TrustedIssuer::new("https://idp.example", audiences, vec![]).expect("an issuer");
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let verified = SignedToken::parse(&token).is_ok_and(|token| {
        let _ = issuer.is_named_by(&token);
        verify(token, &issuer, &KEYS, now).is_ok()
    });
    assert!(!verified, "a bearer without a valid signature was accepted");
    let set = SignedToken::parse_as(&token, SET_PROFILE);
    let verified = set.is_ok_and(|token| verify_signature(token, &KEYS).is_ok());
    assert!(!verified, "a security event token without a valid signature was accepted");
    let payload = text.split_once('\n').map_or(text, |(_, payload)| payload);
    if let Ok(claims) = serde_json::from_str(payload) {
        read_set(&claims, now);
    }
}

/// What the claims of a security event token would mean if its signature were valid.
fn read_set(claims: &Map<String, Value>, now: SystemTime) {
    static TRANSMITTERS: LazyLock<Transmitters> = LazyLock::new(|| {
        let users = AcceptedUsers {
            issuer: Issuer::parse("https://idp.example").expect("an issuer"),
            other_issuers: false,
            subject_claims: "email".parse().expect("a claim"),
        };
        let transmitter = r#"[{"name": "idp", "kind": "ssf", "issuer": "https://idp.example",
            "audiences": ["guestpass"], "criticalSubjectMembers": ["tenant"]}]"#;
        Transmitters::parse(transmitter, &users).expect("a transmitter")
    });
    let settings = TRANSMITTERS.find("idp").map(|transmitter| &transmitter.settings);
    let Some(TransmitterSettings::Ssf(settings)) = settings else { return };
    if let Ok(SetReading::Signals(signals)) = read(claims, settings, now) {
        let ours = |signal: &UserSignal| signal.user.as_str().starts_with("https://idp.example|");
        assert!(!signals.is_empty() && signals.iter().all(ours), "another issuer's user");
        assert!(!claims.contains_key("exp") && !claims.contains_key("sub"));
    }
}
