use std::time::SystemTime;

use identity_core::{
    event::Event,
    identity::{ExternalId, IdentityRef},
};
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::Malformed;

/// What `EventBridge` puts around an event. A field is named by its path, as in
/// `detail.eventTime`, and an error names it the same way.
pub(crate) struct Envelope(Value);

impl Envelope {
    pub(crate) fn parse(body: &str) -> Result<Self, Malformed> {
        match serde_json::from_str(body) {
            Ok(value @ Value::Object(_)) => Ok(Self(value)),
            // The parser's message can quote the input.
            _ => Err(Malformed::NotAnObject),
        }
    }

    /// Whatever is at the path; `null` is nothing.
    pub(crate) fn at(&self, path: &str) -> Option<&Value> {
        let found = path.split('.').try_fold(&self.0, |value, name| value.get(name));
        found.filter(|value| !value.is_null())
    }

    /// A text that is not empty.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.at(path).and_then(text)
    }

    /// A text without which the event means nothing.
    pub(crate) fn required(&self, path: &'static str) -> Result<&str, Malformed> {
        self.text(path).ok_or(Malformed::Missing(path))
    }

    /// When it happened, in whole milliseconds.
    pub(crate) fn time(&self, path: &'static str) -> Result<SystemTime, Malformed> {
        let parsed = OffsetDateTime::parse(self.required(path)?, &Rfc3339);
        let invalid = Malformed::Invalid { field: path, expected: "an RFC 3339 time" };
        Ok(Event::at_millisecond(parsed.map_err(|_| invalid)?.into()))
    }

    /// The provider's name for the event; without one, that of `EventBridge`. It is for
    /// people who look for it, and for nothing else.
    pub(crate) fn id(&self, path: &str) -> Result<String, Malformed> {
        let id = self.text(path).or_else(|| self.text("id")).ok_or(Malformed::Missing("id"))?;
        Ok(id.chars().filter(|c| !c.is_control()).take(Event::MAX_ID_LENGTH).collect())
    }
}

/// A text that is not empty.
pub(crate) fn text(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.is_empty())
}

/// The user whom `issuer` calls `subject`, which was found in `field`.
pub(crate) fn user(
    issuer: &str,
    subject: &str,
    field: &'static str,
) -> Result<IdentityRef, Malformed> {
    let user = ExternalId::of_subject(issuer, subject);
    user.map(IdentityRef::External)
        .ok_or(Malformed::Invalid { field, expected: "the subject of an issuer's user" })
}
