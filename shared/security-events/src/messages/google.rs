//! Google's Cross-Account Protection, which has the names of an early draft of RISC.

use std::time::SystemTime;

use bearer_verifier::{MAX_TOKEN_BYTES, TokenProfile};
use identity_core::event::EventKind;
use identity_core::identity::ExternalId;
use serde_json::{Map, Value};

use super::claims::MessageClaims;
use super::{IgnoredMessage, MessageReading, MessageRefusal};
use crate::GoogleSettings;
use crate::signal::UserSignal;
use crate::signal_time::SignalTime;

/// Google promises no `typ`.
pub const GOOGLE_PROFILE: TokenProfile =
    TokenProfile::untyped(&["secevent+jwt", "jwt"], MAX_TOKEN_BYTES);

/// The types of events that change what a user may have. `token-revoked` names a refresh token and
/// no user, and `verification` is a test.
const EVENTS: [(&str, EventKind); 6] = [
    ("risc/event-type/account-disabled", EventKind::Disabled),
    ("risc/event-type/account-enabled", EventKind::Enabled),
    ("risc/event-type/account-purged", EventKind::Deleted),
    ("risc/event-type/account-credential-change-required", EventKind::CredentialsChanged),
    ("risc/event-type/sessions-revoked", EventKind::SignedOut),
    ("oauth/event-type/tokens-revoked", EventKind::SignedOut),
];

/// The beginning of the name of each event type.
const PREFIX: &str = "https://schemas.openid.net/secevent/";

impl GoogleSettings {
    /// Reads the verified claims of a token. `exp` is not checked: Google documents that these
    /// tokens do not expire, because they report what happened.
    ///
    /// # Errors
    /// The first check that failed.
    pub fn read(
        &self,
        claims: &Map<String, Value>,
        now: SystemTime,
    ) -> Result<MessageReading, MessageRefusal> {
        let claims = MessageClaims(claims);
        claims.check_parties(&self.issuer)?;
        let issued = claims.check_issued(now)?;
        let event_id = claims.text("jti")?.to_owned();
        let events = claims.0.get("events").and_then(Value::as_object);
        let events = events.ok_or(MessageRefusal::Claim("events"))?;
        let known = EVENTS.iter().find_map(|(name, kind)| {
            let event = events.get(&format!("{PREFIX}{name}"))?;
            Some((event, *kind))
        });
        let Some((event, kind)) = known else {
            return Ok(MessageReading::Ignored(IgnoredMessage::Event));
        };
        let Some(user) = self.user(event.get("subject")) else {
            return Ok(MessageReading::Ignored(IgnoredMessage::User));
        };
        let occurred = event.get("event_timestamp").and_then(SignalTime::read);
        let occurred = occurred.map_or(issued, |time| time.min(issued));
        Ok(MessageReading::Signal(UserSignal {
            kind,
            user,
            occurred_at: occurred.at,
            resolution: occurred.resolution,
            event_id,
            reason: event.get("reason").and_then(Value::as_str).map(str::to_owned),
        }))
    }

    /// The user of a subject with `iss` and `sub`, which the formats `iss-sub` and
    /// `id_token_claims` have.
    fn user(&self, subject: Option<&Value>) -> Option<ExternalId> {
        let text = |name: &str| subject?.get(name)?.as_str();
        self.issuer.user_of(text("iss")?, text("sub")?)
    }
}
