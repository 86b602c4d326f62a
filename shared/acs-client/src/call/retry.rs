//! Decides which requests are retried, and when.

use std::time::{Duration, SystemTime};

use super::{
    error::{Silence, Unanswered},
    operation::Operation,
    response::Answer,
};
use crate::http::date::parse_http_date;

/// Attempts per call, the first one included.
pub(crate) const ATTEMPTS: u32 = 3;

/// Whether it is safe to send the same request again, and whether it may help.
pub(crate) fn is_repeatable(operation: Operation, outcome: &Result<Answer, Unanswered>) -> bool {
    let seen = match outcome {
        Err(Unanswered { why, .. }) => match why {
            // ACS did not get the request, so every operation is safe to repeat.
            Silence::NotConnected(_) => return true,
            Silence::NoBearer(error) => return error.may_pass(),
            Silence::NoTime | Silence::BearerOverHttp | Silence::Held => return false,
            Silence::TimedOut | Silence::Lost(_) => true,
        },
        // A 429 is not retried: a request that ACS refuses may count against its limit, so
        // retries would add to the excess.
        Ok(answer) => matches!(answer.status, 500 | 502 | 503 | 504),
    };
    // A creation that ACS may have seen is never repeated: each one creates another identity,
    // and the first could not be found again.
    seen && operation != Operation::Create
}

/// How long to wait before attempt `number + 1`; `None` if ACS asks for more than a caller can
/// wait.
pub(crate) fn pause(number: u32, asked: Option<Duration>, random: u64) -> Option<Duration> {
    if asked.is_some_and(|asked| asked > LONGEST_WAIT) {
        return None;
    }
    Some(backoff(number, random).max(asked.unwrap_or_default()))
}

/// Full jitter: a random pause up to a limit that doubles, so that callers that failed together
/// do not retry together.
fn backoff(number: u32, random: u64) -> Duration {
    let limit = BASE.saturating_mul(2_u32.saturating_pow(number.saturating_sub(1))).min(CAP);
    let micros = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(random % micros.saturating_add(1))
}

/// Reads `Retry-After` (RFC 9110 §10.2.3): seconds, or a date. An invalid value counts as
/// missing.
pub(crate) fn retry_after(raw: &str, now: SystemTime) -> Option<Duration> {
    let raw = raw.trim();
    if !raw.is_empty() && raw.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(raw.parse().unwrap_or(u64::MAX)));
    }
    let at = parse_http_date(raw)?;
    Some(at.duration_since(now).unwrap_or_default())
}

/// The time that a caller should wait after a 429.
pub(crate) fn bounded(asked: Option<Duration>) -> Duration {
    asked.unwrap_or(UNTOLD).clamp(Duration::from_secs(1), Duration::from_mins(5))
}

const BASE: Duration = Duration::from_millis(100);
const CAP: Duration = Duration::from_secs(2);

/// If ACS asks for a longer wait, the call ends.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// ACS counts requests over 30 s and does not say when to retry.
const UNTOLD: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::jitter::Dice;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn the_jitter_is_full_and_its_limit_doubles_up_to_the_cap() {
        let dice = Dice::seeded(7);
        for (number, limit) in [(1, 100), (2, 200), (3, 400), (5, 1600), (6, 2000), (40, 2000)] {
            let rolls: Vec<_> = (0..2000).map(|_| backoff(number, dice.roll())).collect();
            assert!(rolls.iter().all(|pause| *pause <= MS(limit)), "{number}");
            assert!(rolls.iter().any(|pause| *pause > MS(limit * 9 / 10)), "{number}");
            assert!(rolls.iter().any(|pause| *pause < MS(limit / 10)), "{number}");
        }
    }

    #[test]
    fn what_acs_asks_for_is_the_least_and_too_much_is_given_up() {
        assert_eq!(pause(1, Some(MS(2000)), 55_555), Some(MS(2000)));
        assert_eq!(pause(1, Some(Duration::ZERO), 55_555), Some(Duration::from_micros(55_555)));
        assert_eq!(pause(1, Some(MS(60_000)), 0), Some(MS(60_000)));
        assert_eq!(pause(1, Some(MS(60_001)), 0), None);
    }

    #[test]
    fn retry_after_is_read_in_both_forms_and_in_no_other() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_709_622_489);
        for (raw, expected) in [
            ("0", Some(0)),
            ("7", Some(7)),
            (" 7 ", Some(7)),
            ("1000000000", Some(1_000_000_000)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Tue, 05 Mar 2024 07:08:19 GMT", Some(10)),
            ("Tue, 05 Mar 2024 07:07:09 GMT", Some(0)),
            ("-5", None),
            ("1.5", None),
            ("", None),
            ("soon", None),
        ] {
            assert_eq!(retry_after(raw, now), expected.map(Duration::from_secs), "{raw}");
        }
    }

    #[test]
    fn a_caller_is_told_a_second_to_five_minutes() {
        for (asked, told) in [(None, 5), (Some(0), 1), (Some(61), 61), (Some(u64::MAX), 300)] {
            assert_eq!(bounded(asked.map(Duration::from_secs)), Duration::from_secs(told));
        }
    }
}
