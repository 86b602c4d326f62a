//! Signs messages as their senders do, and reads them as the receiver does.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use bearer_verifier::testing::Signer;
use bearer_verifier::{SignedToken, TokenProfile, TokenRefusal, verify_signature};
use identity_core::identity::Issuer;
use security_events::{AcceptedUsers, TransmitterSettings, Transmitters};
use serde_json::{Map, Value, json};

/// The keys of every sender; to generate them takes a while.
static SIGNER: LazyLock<Signer> = LazyLock::new(Signer::default);

/// The time of the receiver, in seconds since 1970.
pub(crate) const NOW: u64 = 1_791_191_600;

pub(crate) fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)
}

/// The settings of a transmitter whose users have bearers of `token_issuer`.
pub(crate) fn settings(transmitter: Value, token_issuer: &str) -> TransmitterSettings {
    configured(transmitter, token_issuer).unwrap()
}

pub(crate) fn configured(
    mut transmitter: Value,
    token_issuer: &str,
) -> Result<TransmitterSettings, String> {
    let users = AcceptedUsers {
        issuer: Issuer::parse(token_issuer).unwrap(),
        other_issuers: false,
        subject_claims: "sub".parse().unwrap(),
    };
    transmitter["name"] = json!("of-a-test");
    let transmitters = Transmitters::parse(&json!([transmitter]).to_string(), &users);
    let transmitters = transmitters.map_err(|error| error.to_string())?;
    Ok(transmitters.find("of-a-test").unwrap().settings.clone())
}

/// An issuer, and the messages that it signs.
pub(crate) struct Sender {
    pub(crate) header: Value,
    pub(crate) claims: Value,
}

impl Sender {
    pub(crate) fn new(header: Value, claims: Value) -> Self {
        Self { header, claims }
    }

    /// The claims of the signed message, with changes to its header and its claims: `null` removes
    /// a member.
    pub(crate) fn verified(
        &self,
        profile: TokenProfile,
        header: &Value,
        claims: &Value,
    ) -> Result<Map<String, Value>, TokenRefusal> {
        let (header, claims) = (changed(&self.header, header), changed(&self.claims, claims));
        verify(profile, &SIGNER.sign(&header, &claims))
    }

    /// The claims of a message that another party signed with the name of this issuer's key.
    pub(crate) fn forged(&self, profile: TokenProfile) -> Result<Map<String, Value>, TokenRefusal> {
        verify(profile, &Signer::default().sign(&self.header, &self.claims))
    }
}

fn verify(profile: TokenProfile, token: &str) -> Result<Map<String, Value>, TokenRefusal> {
    verify_signature(SignedToken::parse_as(token, profile)?, &SIGNER.keys())
}

pub(crate) fn changed(value: &Value, changes: &Value) -> Value {
    let mut value = value.clone();
    for (name, change) in changes.as_object().unwrap() {
        if change.is_null() {
            value.as_object_mut().unwrap().remove(name);
        } else {
            value[name] = change.clone();
        }
    }
    value
}
