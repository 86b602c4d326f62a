//! What several kinds of signed messages have in common: times, and the claims that say from whom
//! and for whom they are.

use std::time::{Duration, SystemTime};

use bearer_verifier::LEEWAY;
use serde_json::{Map, Value};

use super::MessageRefusal;
use crate::MessageIssuer;

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
    pub(crate) fn time(&self, name: &'static str) -> Result<MessageTime, MessageRefusal> {
        self.0.get(name).and_then(MessageTime::read).ok_or(MessageRefusal::Claim(name))
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
    pub(crate) fn check_issued(&self, now: SystemTime) -> Result<MessageTime, MessageRefusal> {
        let issued = self.time("iat")?;
        if issued.at > now + LEEWAY { Err(MessageRefusal::NotYetValid) } else { Ok(issued) }
    }

    /// Checks `iat`, and `nbf` and `exp` if they are there (RFC 7519 §4.1). Returns `iat`.
    pub(crate) fn check_times(&self, now: SystemTime) -> Result<MessageTime, MessageRefusal> {
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

/// A time in a message, and the resolution of its clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MessageTime {
    pub(crate) at: SystemTime,
    pub(crate) resolution: Duration,
}

impl MessageTime {
    /// Reads seconds since 1970 (RFC 7519 §2, `NumericDate`), or milliseconds: some senders count in
    /// these.
    pub(crate) fn read(value: &Value) -> Option<Self> {
        let (seconds, millis) = (Duration::from_secs(1), Duration::from_millis(1));
        let (since, resolution) = match value.as_u64() {
            Some(number) if number > MAX_SECONDS => (Duration::from_millis(number), millis),
            Some(number) => (Duration::from_secs(number), seconds),
            None => {
                let number = value.as_f64()?;
                (Duration::try_from_secs_f64(number).ok()?, millis)
            }
        };
        // A later time could not be written as RFC 3339.
        let since = Some(since).filter(|since| since.as_secs() <= MAX_SECONDS)?;
        Some(Self { at: SystemTime::UNIX_EPOCH.checked_add(since)?, resolution })
    }

    /// The earlier one: nothing is reported before it happened.
    pub(crate) fn min(self, other: Self) -> Self {
        if other.at < self.at { other } else { self }
    }
}

/// The largest number that is read as seconds: the year 5138.
const MAX_SECONDS: u64 = 100_000_000_000;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_time_is_in_seconds_or_in_milliseconds() {
        let read = |value: Value| {
            let time = MessageTime::read(&value)?;
            let since = time.at.duration_since(SystemTime::UNIX_EPOCH).unwrap();
            Some((since.as_millis(), time.resolution.as_millis()))
        };
        for (value, expected) in [
            (json!(1_791_191_553), Some((1_791_191_553_000, 1000))),
            (json!(1_791_191_500_012_u64), Some((1_791_191_500_012, 1))),
            (json!(1_791_191_553.5), Some((1_791_191_553_500, 1))),
            (json!(100_000_000_000_u64), Some((100_000_000_000_000, 1000))),
            (json!(100_000_000_001_u64), Some((100_000_000_001, 1))),
            (json!(0), Some((0, 1000))),
            (json!(-1), None),
            (json!(1e300), None),
            (json!(u64::MAX), None),
            (json!("1791191553"), None),
            (Value::Null, None),
        ] {
            assert_eq!(read(value.clone()), expected, "{value}");
        }
    }

    #[test]
    fn the_earlier_of_two_times_counts() {
        let [one, two] = [1, 2].map(|at| MessageTime::read(&json!(at)).unwrap());
        assert_eq!((one.min(two), two.min(one)), (one, one));
    }
}
