use std::time::{Duration, SystemTime};

use identity_core::event::Event;
use identity_core::identity::{ExternalId, IdentityRef, Issuer};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::reading::Malformed;

/// The envelope that `EventBridge` puts around an event. A path such as `detail.eventTime` names
/// a field, and an error names the field by the same path.
pub(crate) struct Envelope(Value);

impl Envelope {
    pub(crate) fn parse(body: &str) -> Result<Self, Malformed> {
        match serde_json::from_str(body) {
            Ok(value @ Value::Object(_)) => Ok(Self(value)),
            // The parser's message can quote the input.
            _ => Err(Malformed::NotAnObject),
        }
    }

    /// The value at the path; `None` for `null`.
    pub(crate) fn at(&self, path: &str) -> Option<&Value> {
        let found = path.split('.').try_fold(&self.0, |value, name| value.get(name));
        found.filter(|value| !value.is_null())
    }

    /// A non-empty text.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.at(path).and_then(text)
    }

    /// A text that the event requires.
    pub(crate) fn required(&self, path: &'static str) -> Result<&str, Malformed> {
        self.text(path).ok_or(Malformed::Missing(path))
    }

    /// The time of the event, in whole milliseconds, and its resolution.
    pub(crate) fn time(&self, path: &'static str) -> Result<Moment, Malformed> {
        let raw = self.required(path)?;
        let parsed = OffsetDateTime::parse(raw, &Rfc3339);
        let invalid = Malformed::Invalid { field: path, expected: "an RFC 3339 time" };
        let at = Event::at_millisecond(parsed.map_err(|_| invalid)?.into());
        Ok(Moment { at, resolution: resolution(raw) })
    }

    /// The time of the event or, if the provider sent none, the time that `EventBridge` got it.
    pub(crate) fn time_or_envelope(&self, path: &'static str) -> Result<Moment, Malformed> {
        self.time(if self.at(path).is_some() { path } else { "time" })
    }

    /// The provider's id for the event or, without one, the id of `EventBridge`. It only serves
    /// people who search for the event.
    pub(crate) fn id(&self, path: &str) -> Result<String, Malformed> {
        let id = self.text(path).or_else(|| self.text("id")).ok_or(Malformed::Missing("id"))?;
        Ok(id.chars().filter(|c| !c.is_control()).take(Event::MAX_ID_LENGTH).collect())
    }
}

/// A time, and the resolution of the clock that it was read from.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) at: SystemTime,
    pub(crate) resolution: Duration,
}

/// A time without a fraction comes from a clock that counts whole seconds. Each digit of a
/// fraction makes the resolution ten times finer, down to a millisecond.
fn resolution(raw: &str) -> Duration {
    let fraction = raw.split_once('.').map_or("", |(_, fraction)| fraction);
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).take(3).count();
    (0..digits).fold(Duration::from_secs(1), |resolution, _| resolution / 10)
}

/// A non-empty text.
pub(crate) fn text(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.is_empty())
}

/// The user with the subject `subject` at `issuer`. `field` is the field that held the subject.
pub(crate) fn user(
    issuer: &Issuer,
    subject: &str,
    field: &'static str,
) -> Result<IdentityRef, Malformed> {
    let user = ExternalId::of_subject(issuer.as_str(), subject);
    user.map(IdentityRef::External)
        .ok_or(Malformed::Invalid { field, expected: "the subject of an issuer's user" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r60_the_resolution_is_that_of_the_spelling() {
        for (raw, milliseconds) in [
            ("2026-11-26T12:00:00Z", 1000),
            ("2026-11-26T12:00:00+01:00", 1000),
            ("2026-11-26T12:00:00.5Z", 100),
            ("2026-11-26T12:00:00.00Z", 10),
            ("2026-11-26T12:00:00.000Z", 1),
            ("2026-11-26T12:00:00.0000000Z", 1),
        ] {
            assert_eq!(resolution(raw), Duration::from_millis(milliseconds), "{raw}");
        }
    }
}
