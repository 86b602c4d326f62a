use std::time::{Duration, SystemTime};

use identity_core::event::Event;
use serde_json::Value;

/// A time in a message, in whole milliseconds, and the resolution of the clock that it was read
/// from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SignalTime {
    pub(crate) at: SystemTime,
    pub(crate) resolution: Duration,
}

impl SignalTime {
    /// Reads seconds since 1970 (RFC 7519 §2, `NumericDate`), or milliseconds, which Okta and Apple
    /// send.
    pub(crate) fn read(value: &Value) -> Option<Self> {
        let number = value.as_f64().filter(|number| *number >= 0.0)?;
        let is_milliseconds = number > MAX_SECONDS;
        let seconds = if is_milliseconds { number / 1000.0 } else { number };
        // A later time could not be written as RFC 3339.
        let seconds = Some(seconds).filter(|seconds| *seconds <= MAX_SECONDS)?;
        let since = rounded(Duration::try_from_secs_f64(seconds).ok()?);
        let at = Event::at_millisecond(SystemTime::UNIX_EPOCH.checked_add(since)?);
        let is_fine = is_milliseconds || seconds.fract() > 0.0;
        let resolution = if is_fine { Event::FINEST } else { Duration::from_secs(1) };
        Some(Self { at, resolution })
    }

    /// The earlier one: nothing is reported before it happened.
    pub(crate) fn min(self, other: Self) -> Self {
        if other.at < self.at { other } else { self }
    }
}

/// To the nearest millisecond: a division of floating-point numbers may end just below it.
fn rounded(since: Duration) -> Duration {
    since.saturating_add(Duration::from_micros(500))
}

/// The largest number that is read as seconds: the year 5138.
const MAX_SECONDS: f64 = 1e11;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_time_is_in_seconds_or_in_milliseconds() {
        let read = |value: &Value| {
            let time = SignalTime::read(value)?;
            let since = time.at.duration_since(SystemTime::UNIX_EPOCH).unwrap();
            Some((since.as_millis(), time.resolution.as_millis()))
        };
        for (value, expected) in [
            (json!(1_791_191_500), Some((1_791_191_500_000, 1000))),
            (json!(1_791_191_500.0), Some((1_791_191_500_000, 1000))),
            (json!(1_791_191_500.25), Some((1_791_191_500_250, 1))),
            (json!(1_791_191_500_643_u64), Some((1_791_191_500_643, 1))),
            (json!(1_791_191_500_643.0), Some((1_791_191_500_643, 1))),
            (json!(1_791_191_500_000_u64), Some((1_791_191_500_000, 1))),
            (json!(100_000_000_000_u64), Some((100_000_000_000_000, 1000))),
            (json!(100_000_000_001_u64), Some((100_000_000_001, 1))),
            (json!(0), Some((0, 1000))),
            (json!(-1), None),
            (json!(1e300), None),
            (json!(u64::MAX), None),
            (json!("1791191500"), None),
            (json!(null), None),
        ] {
            assert_eq!(read(&value), expected, "{value}");
        }
    }

    #[test]
    fn the_earlier_of_two_times_counts() {
        let [one, two] = [1, 2].map(|at| SignalTime::read(&json!(at)).unwrap());
        assert_eq!((one.min(two), two.min(one)), (one, one));
    }
}
