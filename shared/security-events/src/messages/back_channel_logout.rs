//! `OpenID` Connect Back-Channel Logout 1.0.

use std::time::SystemTime;

use bearer_verifier::{MAX_TOKEN_BYTES, TokenProfile};
use identity_core::event::EventKind;
use serde_json::{Map, Value};

use super::claims::MessageClaims;
use super::{IgnoredMessage, MessageReading, MessageRefusal};
use crate::BackChannelLogoutSettings;
use crate::signal::UserSignal;

/// The `typ` of a logout token (§2.4): explicit typing is recommended, but not required.
pub const LOGOUT_PROFILE: TokenProfile =
    TokenProfile::untyped(&["logout+jwt", "jwt"], MAX_TOKEN_BYTES);

/// The member of `events` that makes a token a logout token (§2.4).
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// The `logout_token` of a form (§2.5), which must be there once. Other parameters are ignored.
#[must_use]
pub fn logout_token_in(form: &[u8]) -> Option<String> {
    let pairs = form_urlencoded::parse(form);
    let mut tokens = pairs.filter(|(name, _)| name == "logout_token").map(|(_, token)| token);
    let token = tokens.next()?;
    tokens.next().is_none().then(|| token.into_owned())
}

impl BackChannelLogoutSettings {
    /// Reads the verified claims of a logout token (§2.6).
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
        claims.require_expiry()?;
        let issued = claims.check_times(now)?;
        let event_id = claims.text("jti")?;
        let events = claims.0.get("events").and_then(Value::as_object);
        if !events.and_then(|events| events.get(EVENT)).is_some_and(Value::is_object) {
            return Err(MessageRefusal::Claim("events"));
        }
        // With a nonce, it would be an ID token.
        if claims.0.contains_key("nonce") {
            return Err(MessageRefusal::Nonce);
        }
        let (subject, session) = (claims.optional_text("sub")?, claims.optional_text("sid")?);
        let Some(subject) = subject else {
            // Sessions are not known here, so a session alone names no user.
            let ignored = MessageReading::Ignored(IgnoredMessage::User);
            return session.map(|_| ignored).ok_or(MessageRefusal::Claim("sub"));
        };
        let Some(user) = self.issuer.user_of(&self.issuer.issuer, subject) else {
            return Ok(MessageReading::Ignored(IgnoredMessage::User));
        };
        Ok(MessageReading::Signal(UserSignal {
            kind: EventKind::SignedOut,
            user,
            occurred_at: issued.at,
            resolution: issued.resolution,
            event_id: event_id.to_owned(),
            reason: None,
        }))
    }
}
