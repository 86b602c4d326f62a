use std::time::SystemTime;

use identity_core::event::{Event, EventKind};
use identity_core::identity::ExternalId;
use serde_json::{Map, Value};

use super::set_error::SetError;
use crate::config::MessageIssuer;
use crate::signal::UserSignal;
use crate::signal_time::SignalTime;

/// The claims of a SET that passed the checks of RFC 8417 §2.2 and SSF 1.0 §4.1.
pub(super) struct SetClaims<'a> {
    id: &'a str,
    issued: SignalTime,
    /// The time of the events, if the SET says it.
    toe: Option<SignalTime>,
    subject: Option<&'a Value>,
    pub(super) events: &'a Map<String, Value>,
}

impl<'a> SetClaims<'a> {
    pub(super) fn read(
        claims: &'a Map<String, Value>,
        parties: &MessageIssuer,
        now: SystemTime,
    ) -> Result<Self, SetError> {
        if claims.get("iss").and_then(Value::as_str) != Some(&parties.issuer) {
            return Err(SetError::issuer());
        }
        if !parties.is_addressed_by(claims.get("aud")) {
            return Err(SetError::audience());
        }
        // SSF 1.0 §4.1.2, §4.1.7: they would let a SET pass for another kind of token.
        for (name, problem) in
            [("exp", "`exp` must not be present"), ("sub", "`sub` must not be present")]
        {
            if claims.contains_key(name) {
                return Err(SetError::request(problem));
            }
        }
        let issued = claims.get("iat").and_then(SignalTime::read);
        let issued = issued.ok_or(SetError::request("`iat` must be a number"))?;
        // A SET may be late: it has no maximum age.
        if issued.at > now + Event::TOLERATED_SKEW {
            return Err(SetError::request("`iat` is more than five minutes in the future"));
        }
        let id = claims.get("jti").and_then(Value::as_str).filter(|id| !id.is_empty());
        let events = claims.get("events").and_then(Value::as_object);
        let events = events.filter(|events| events.values().all(Value::is_object));
        let set = Self {
            id: id.ok_or(SetError::request("`jti` is missing"))?,
            issued,
            toe: claims.get("toe").and_then(SignalTime::read),
            subject: claims.get("sub_id").filter(|subject| subject.is_object()),
            events: events
                .filter(|events| !events.is_empty())
                .ok_or(SetError::request("`events` must be an object of at least one event"))?,
        };
        if set.events.values().any(|event| set.subjects_of(event).next().is_none()) {
            return Err(SetError::request("`sub_id` is missing"));
        }
        Ok(set)
    }

    /// The subjects that an event may be about: `sub_id`, then `subject` within the event, where
    /// drafts and Okta have it.
    pub(super) fn subjects_of(&self, event: &'a Value) -> impl Iterator<Item = &'a Value> {
        let own = event.get("subject").filter(|subject| subject.is_object());
        self.subject.into_iter().chain(own)
    }

    pub(super) fn signal(&self, user: ExternalId, kind: EventKind, event: &Value) -> UserSignal {
        let SignalTime { at, resolution } = self.moment_of(event);
        UserSignal {
            user,
            kind,
            occurred_at: at,
            resolution,
            event_id: self.id.to_owned(),
            reason: reason(event),
        }
    }

    /// When the event happened: as it says itself, or else the SET. A time after the SET was
    /// issued cannot be true.
    fn moment_of(&self, event: &Value) -> SignalTime {
        let own = ["event_timestamp", "occurred_at"].into_iter().filter_map(|name| event.get(name));
        let latest = self.issued.at + Event::TOLERATED_SKEW;
        let stated = own.filter_map(SignalTime::read).chain(self.toe);
        stated.into_iter().find(|moment| moment.at <= latest).unwrap_or(self.issued)
    }
}

/// The reason: a text, or an object by language (CAEP 1.0 §2.1).
fn reason(event: &Value) -> Option<String> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Object(languages) => {
            let text = languages.get("en").or_else(|| languages.values().next());
            text.and_then(Value::as_str).map(str::to_owned)
        }
        _ => None,
    };
    ["reason", "reason_admin"].into_iter().find_map(|name| event.get(name).and_then(text))
}
