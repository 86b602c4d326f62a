//! The claims that several kinds of signed messages have in common.

use std::time::SystemTime;

use bearer_verifier::LEEWAY;
use serde_json::{Map, Value};

use super::MessageRefusal;
use crate::MessageIssuer;
use crate::signal_time::SignalTime;

/// The claims of a message whose signature was verified.
pub(crate) struct MessageClaims<'a>(pub(crate) &'a Map<String, Value>);

impl<'a> MessageClaims<'a> {
    /// A claim that must be a text and not empty.
    pub(crate) fn text(&self, name: &'static str) -> Result<&'a str, MessageRefusal> {
        self.optional_text(name)?.ok_or(MessageRefusal::Claim(name))
    }

    /// A claim that may be missing, but otherwise must be a text and not empty.
    pub(crate) fn optional_text(
        &self,
        name: &'static str,
    ) -> Result<Option<&'a str>, MessageRefusal> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(_) => Err(MessageRefusal::Claim(name)),
        }
    }

    /// A claim that must be a time.
    pub(crate) fn time(&self, name: &'static str) -> Result<SignalTime, MessageRefusal> {
        self.0.get(name).and_then(SignalTime::read).ok_or(MessageRefusal::Claim(name))
    }

    /// Checks `iss` and `aud`.
    pub(crate) fn check_parties(&self, issuer: &MessageIssuer) -> Result<(), MessageRefusal> {
        if self.text("iss")? != issuer.issuer {
            return Err(MessageRefusal::Issuer);
        }
        if issuer.is_addressed_by(self.0.get("aud")) {
            Ok(())
        } else {
            Err(MessageRefusal::Audience)
        }
    }

    /// Checks `iat`, which must be there. Returns it.
    pub(crate) fn check_issued(&self, now: SystemTime) -> Result<SignalTime, MessageRefusal> {
        let issued = self.time("iat")?;
        if issued.at > now + LEEWAY { Err(MessageRefusal::NotYetValid) } else { Ok(issued) }
    }

    /// Checks `iat`, and `nbf` and `exp` if they are there (RFC 7519 §4.1). Returns `iat`.
    pub(crate) fn check_times(&self, now: SystemTime) -> Result<SignalTime, MessageRefusal> {
        let issued = self.check_issued(now)?;
        if self.0.contains_key("nbf") && self.time("nbf")?.at > now + LEEWAY {
            return Err(MessageRefusal::NotYetValid);
        }
        if self.0.contains_key("exp") && self.time("exp")?.at + LEEWAY <= now {
            return Err(MessageRefusal::Expired);
        }
        Ok(issued)
    }

    /// Checks that `exp` is there, where it must be.
    pub(crate) fn require_expiry(&self) -> Result<(), MessageRefusal> {
        self.time("exp").map(|_| ())
    }
}
