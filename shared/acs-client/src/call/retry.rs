//! The rules for retries: which requests are sent again, and when.

use std::time::{Duration, SystemTime};

use super::{AcsOperation, AttemptResult, Silence, Unanswered, up_to};
use crate::http::parse_http_date;

/// The maximum number of attempts per call.
pub(crate) const ATTEMPTS: u32 = 3;

/// Whether a retry is safe and can succeed.
pub(crate) fn is_repeatable(operation: AcsOperation, outcome: &AttemptResult) -> bool {
    let may_succeed = match outcome {
        Err(Unanswered { why, .. }) => match why {
            // ACS did not receive the request, so a retry is safe for every operation.
            Silence::NotConnected(_) => return true,
            Silence::NoBearer(error) => return error.is_retryable(),
            Silence::NoTime | Silence::BearerOverHttp | Silence::NoClientId | Silence::Held => {
                return false;
            }
            Silence::TimedOut | Silence::Lost(_) => true,
        },
        // A 429 is not retried, because refused requests may count against the limit, too.
        Ok(response) => matches!(response.status, 500 | 502 | 503 | 504),
    };
    // A creation that ACS may have received is never retried: it would create a second identity,
    // and the first one could not be found.
    may_succeed && operation != AcsOperation::Create
}

/// The pause before attempt `number + 1`; `None` if `Retry-After` is longer than a caller can wait.
pub(crate) fn pause(number: u32, retry_after: Option<Duration>, random: u64) -> Option<Duration> {
    let least = retry_after.unwrap_or_default();
    (least <= LONGEST_WAIT).then(|| backoff(number, random).max(least))
}

/// Full jitter: a random pause up to a limit that doubles, so that callers that failed at the same
/// time do not retry at the same time.
fn backoff(number: u32, random: u64) -> Duration {
    let limit = BASE.saturating_mul(2_u32.saturating_pow(number.saturating_sub(1))).min(CAP);
    up_to(limit, random)
}

/// Parses `Retry-After` (RFC 9110 §10.2.3): seconds, or a date. An invalid value is ignored.
pub(crate) fn retry_after(raw: &str, now: SystemTime) -> Option<Duration> {
    let raw = raw.trim();
    if !raw.is_empty() && raw.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(raw.parse().unwrap_or(u64::MAX)));
    }
    let at = parse_http_date(raw)?;
    Some(at.duration_since(now).unwrap_or_default())
}

/// The time after which a caller may retry after a 429.
pub(crate) fn bounded(retry_after: Option<Duration>) -> Duration {
    retry_after.unwrap_or(DEFAULT_WAIT).clamp(Duration::from_secs(1), Duration::from_mins(5))
}

const BASE: Duration = Duration::from_millis(100);
const CAP: Duration = Duration::from_secs(2);

/// If `Retry-After` is longer, the call ends.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// The wait without `Retry-After`; ACS counts requests over 30 s.
const DEFAULT_WAIT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::jitter::Jitter;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn the_jitter_is_full_and_its_limit_doubles_up_to_the_cap() {
        let jitter = Jitter::seeded(7);
        for (number, limit) in [(1, 100), (2, 200), (3, 400), (5, 1600), (6, 2000), (40, 2000)] {
            let numbers: Vec<_> = (0..2000).map(|_| backoff(number, jitter.next())).collect();
            assert!(numbers.iter().all(|pause| *pause <= MS(limit)), "{number}");
            assert!(numbers.iter().any(|pause| *pause > MS(limit * 9 / 10)), "{number}");
            assert!(numbers.iter().any(|pause| *pause < MS(limit / 10)), "{number}");
        }
    }

    #[test]
    fn a_pause_is_at_least_retry_after_and_a_long_retry_after_ends_the_call() {
        assert_eq!(pause(1, Some(MS(2000)), 55_555), Some(MS(2000)));
        assert_eq!(pause(1, Some(Duration::ZERO), 55_555), Some(Duration::from_micros(55_555)));
        assert_eq!(pause(1, Some(MS(60_000)), 0), Some(MS(60_000)));
        assert_eq!(pause(1, Some(MS(60_001)), 0), None);
    }

    #[test]
    fn retry_after_is_parsed_as_seconds_or_as_a_date() {
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
    fn a_caller_waits_between_a_second_and_five_minutes() {
        for (retry_after, wait) in [(None, 5), (Some(0), 1), (Some(61), 61), (Some(u64::MAX), 300)]
        {
            assert_eq!(bounded(retry_after.map(Duration::from_secs)), Duration::from_secs(wait));
        }
    }
}
