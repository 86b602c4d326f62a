use std::time::{Duration, SystemTime};

use identity_core::event::Event;
use serde_json::Value;

/// A time in a SET, and the resolution of the clock that it was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SetMoment {
    pub(super) at: SystemTime,
    pub(super) resolution: Duration,
}

/// Reads a number of seconds since 1970, or of milliseconds, which Okta sends: a number beyond
/// 10^11 would be a second of the year 5138.
pub(super) fn moment(value: &Value) -> Option<SetMoment> {
    let number = value.as_f64().filter(|number| *number >= 0.0)?;
    let is_milliseconds = number > 1e11;
    let seconds = if is_milliseconds { number / 1000.0 } else { number };
    let since = Duration::try_from_secs_f64(seconds).ok()?;
    let at = Event::at_millisecond(SystemTime::UNIX_EPOCH.checked_add(round(since))?);
    let is_fine = is_milliseconds || seconds.fract() > 0.0;
    Some(SetMoment { at, resolution: if is_fine { Event::FINEST } else { Duration::from_secs(1) } })
}

/// To the nearest millisecond: a division of floating-point numbers may end just below it.
fn round(since: Duration) -> Duration {
    since.saturating_add(Duration::from_micros(500))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_time_is_in_seconds_or_in_milliseconds() {
        for (value, milliseconds, resolution) in [
            (json!(1_791_191_500), 1_791_191_500_000, 1000),
            (json!(1_791_191_500_643_u64), 1_791_191_500_643, 1),
            (json!(1_791_191_500_000_u64), 1_791_191_500_000, 1),
            (json!(1_791_191_500.25), 1_791_191_500_250, 1),
            (json!(0), 0, 1000),
            (json!(100_000_000_000_u64), 100_000_000_000_000, 1000),
        ] {
            let found = moment(&value).unwrap();
            let at = SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds);
            assert_eq!(found.at, at, "{value}");
            assert_eq!(found.resolution, Duration::from_millis(resolution), "{value}");
        }
        for value in [json!(-1), json!("1791191500"), json!(1e300), json!(null)] {
            assert_eq!(moment(&value), None, "{value}");
        }
    }
}
