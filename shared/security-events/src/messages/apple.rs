//! Sign in with Apple: server-to-server notifications.

use std::time::SystemTime;

use bearer_verifier::{MAX_TOKEN_BYTES, TokenProfile};
use identity_core::event::EventKind;
use serde_json::{Map, Value};

use super::claims::MessageClaims;
use super::{IgnoredMessage, MessageReading, MessageRefusal};
use crate::AppleSettings;
use crate::signal::UserSignal;
use crate::signal_time::SignalTime;

/// Apple documents no `typ`.
pub const APPLE_PROFILE: TokenProfile = TokenProfile::untyped(&["jwt"], MAX_TOKEN_BYTES);

/// The token in the body: `{"payload": "<token>"}`.
#[must_use]
pub fn apple_token_in(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    body.get("payload")?.as_str().map(str::to_owned)
}

impl AppleSettings {
    /// Reads the verified claims of a notification.
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
        let issued = claims.check_times(now)?;
        let event_id = claims.text("jti")?.to_owned();
        let event = event(claims.0.get("events")).ok_or(MessageRefusal::Claim("events"))?;
        let event = MessageClaims(&event);
        let kind = match event.text("type").map_err(|_| MessageRefusal::Claim("events.type"))? {
            // The user may sign in with Apple again: then there is a newer bearer.
            "consent-revoked" => EventKind::SignedOut,
            // The documentation and recordings differ.
            "account-delete" | "account-deleted" => EventKind::Deleted,
            _ => return Ok(MessageReading::Ignored(IgnoredMessage::Event)),
        };
        let subject = event.text("sub").map_err(|_| MessageRefusal::Claim("events.sub"))?;
        let Some(user) = self.issuer.user_of(&self.issuer.issuer, subject) else {
            return Ok(MessageReading::Ignored(IgnoredMessage::User));
        };
        let occurred = event.0.get("event_time").and_then(SignalTime::read);
        let occurred = occurred.map_or(issued, |time| time.min(issued));
        Ok(MessageReading::Signal(UserSignal {
            kind,
            user,
            occurred_at: occurred.at,
            resolution: occurred.resolution,
            event_id,
            reason: None,
        }))
    }
}

/// The event: a text that holds JSON, or the JSON itself.
fn event(events: Option<&Value>) -> Option<Map<String, Value>> {
    match events? {
        Value::String(text) => serde_json::from_str(text).ok(),
        Value::Object(event) => Some(event.clone()),
        _ => None,
    }
}
