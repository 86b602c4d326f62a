//! The `Retry-After` of a 503: it grows with the overload, and it is random, so that the callers
//! who are sent away do not all come back in the same second.
//!
//! The rule uses only what this process knows: how long ACS asked it to wait, how many callers it
//! has sent away, and how often in a row it failed. Nothing is stored. The waits of a 409 and of a
//! user's own 429 are exact, because they concern one user.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use api_types::ProblemType;

use crate::Problem;

/// The callers whom this process has sent away.
#[derive(Debug, Default)]
pub(super) struct Overload(Mutex<Backlog>);

impl Overload {
    /// The wait before a retry, if one can succeed.
    pub(super) fn retry_after(&self, problem: &Problem, now: SystemTime) -> Option<Duration> {
        let exact = problem.retry_after()?;
        if problem.kind().status != 503 {
            return Some(exact);
        }
        let random = RandomState::new().hash_one(now);
        let mut backlog = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let least = match problem.kind() {
            ProblemType::UNAVAILABLE => backlog.back_off(exact),
            _ => exact,
        };
        Some(backlog.send_away(least, now, random))
    }

    /// A request was served: ACS and the store are available again.
    pub(super) fn end_outage(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).failures = 0;
    }
}

/// The state of the rule.
#[derive(Debug, Default)]
struct Backlog {
    /// When the last caller who was sent away should come back.
    last_turn: Option<SystemTime>,
    /// When the last caller was sent away.
    last_refusal: Option<SystemTime>,
    /// How often in a row ACS or the store was unavailable.
    failures: u32,
}

impl Backlog {
    /// The wait after one more failure: `first`, then twice as long after each failure.
    fn back_off(&mut self, first: Duration) -> Duration {
        let wait = first.saturating_mul(2_u32.saturating_pow(self.failures)).min(LONGEST_BACKOFF);
        self.failures = self.failures.saturating_add(1);
        wait
    }

    /// The wait of one more caller: at least `least`, and [`TURN`] after the caller before. A
    /// random part is added. The turns of an overload that is over delay no caller of the next one.
    fn send_away(&mut self, least: Duration, now: SystemTime, random: u64) -> Duration {
        let last_refusal = self.last_refusal.replace(now);
        let quiet = last_refusal.and_then(|last| now.duration_since(last).ok());
        if quiet.is_some_and(|quiet| quiet > OVERLOAD_QUIET) {
            self.last_turn = None;
        }
        let next = self.last_turn.map_or(now, |last| last + TURN);
        // If the clock was set back, `next` can be far in the future.
        let turn = next.max(now + least.min(LONGEST_WAIT)).min(now + LONGEST_WAIT);
        self.last_turn = Some(turn);
        let wait = turn.duration_since(now).unwrap_or_default();
        let spread = (wait / 2).clamp(SMALLEST_SPREAD, LARGEST_SPREAD);
        wait + spread.mul_f64(unit(random))
    }
}

/// A number from 0 to 1.
fn unit(random: u64) -> f64 {
    let high = u32::try_from(random >> 32).unwrap_or(u32::MAX);
    f64::from(high) / f64::from(u32::MAX)
}

/// The time between two callers who come back to one process. ACS serves 33 per second and
/// resource, and three or four processes share a crowd. In the simulation of 100,000 users
/// (`tests/load`), the users see a quarter fewer errors than without turns, and longer turns change
/// little.
const TURN: Duration = Duration::from_millis(100);

/// If no caller was sent away for so long, the overload is over. It is longer than a usual hold after
/// a 429, 30 to 36 s, during which a process may get no request. In the simulation, forgetting the
/// turns after this time costs no user an error; forgetting them with the first served request
/// costs a fifth to a half more errors.
const OVERLOAD_QUIET: Duration = Duration::from_mins(1);

/// The longest wait after failures, without its random part.
const LONGEST_BACKOFF: Duration = Duration::from_mins(1);

/// The longest wait without its random part, as of a hold of `acs-client`.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// The random part is up to half of the wait, but not less than up to this: `Retry-After` has
/// whole seconds.
const SMALLEST_SPREAD: Duration = Duration::from_secs(2);

/// The random part is never longer than this.
const LARGEST_SPREAD: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use identity_core::Error;

    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;
    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_hours(500_000)
    }

    /// The shortest and the longest wait of the first caller.
    fn range(least: Duration) -> (Duration, Duration) {
        let wait = |random| Backlog::default().send_away(least, now(), random);
        (wait(0), wait(u64::MAX))
    }

    #[test]
    fn the_random_part_is_at_most_half_of_the_wait_or_2_seconds_and_never_more_than_a_minute() {
        for (least, shortest, longest) in [
            (S(1), S(1), S(3)),
            (S(4), S(4), S(6)),
            (S(20), S(20), S(30)),
            (S(120), S(120), S(180)),
            (S(200), S(200), S(260)),
            (S(300), S(300), S(360)),
        ] {
            assert_eq!(range(least), (shortest, longest), "{least:?}");
        }
    }

    #[test]
    fn no_wait_is_longer_than_six_minutes() {
        assert_eq!(range(Duration::MAX), (S(300), S(360)));
        let mut backlog = Backlog::default();
        let waits: Vec<_> = (0..10_000).map(|_| backlog.send_away(S(1), now(), u64::MAX)).collect();
        assert_eq!(waits.iter().max(), Some(&S(360)));
        // Also after the clock was set back.
        let back = now() - Duration::from_hours(1);
        assert_eq!(backlog.send_away(S(1), back, 0), S(300));
    }

    #[test]
    fn the_callers_of_a_crowd_come_back_one_after_the_other() {
        let mut backlog = Backlog::default();
        let waits: Vec<_> = (0..4).map(|_| backlog.send_away(S(5), now(), 0)).collect();
        assert_eq!(waits, [S(5), MS(5_100), MS(5_200), MS(5_300)]);
        // Turns that are over delay no caller.
        assert_eq!(backlog.send_away(S(1), now() + S(4), 0), MS(1_400));
        assert_eq!(backlog.send_away(S(1), now() + S(60), 0), S(1));
    }

    #[test]
    fn the_turns_of_a_crowd_do_not_outlive_its_overload() {
        let crowd = || {
            let mut backlog = Backlog::default();
            for _ in 0..10_000 {
                backlog.send_away(S(1), now(), 0);
            }
            backlog
        };
        // Within a minute, the others of the crowd still have to come.
        assert_eq!(crowd().send_away(S(1), now() + S(60), 0), MS(240_100));
        assert_eq!(crowd().send_away(S(1), now() + MS(60_001), 0), S(1));
        // A caller who is sent away in the meantime prolongs it.
        let mut backlog = crowd();
        assert_eq!(backlog.send_away(S(1), now() + S(50), 0), MS(250_100));
        assert_eq!(backlog.send_away(S(1), now() + S(100), 0), MS(200_200));
    }

    #[test]
    fn the_random_part_of_a_crowd_covers_its_range() {
        let overload = Overload::default();
        let source = "429".into();
        let problem = Problem::from(Error::Throttled { retry_after: S(40), source });
        let waits: Vec<_> =
            (0..500).map(|_| overload.retry_after(&problem, now()).unwrap()).collect();
        let extra: Vec<_> =
            waits.iter().zip(0_u32..).map(|(wait, n)| wait.saturating_sub(TURN * n)).collect();
        assert!(extra.iter().any(|wait| *wait < S(44)), "{:?}", extra.iter().min());
        assert!(extra.iter().any(|wait| *wait > S(60)), "{:?}", extra.iter().max());
    }

    #[test]
    fn each_failure_in_a_row_doubles_the_wait_until_a_request_is_served() {
        let overload = Overload::default();
        let wait = |time: SystemTime| {
            overload.retry_after(&Problem::unavailable(), time).unwrap().as_secs()
        };
        // The failures are so far apart that no turn is left.
        let mut time = now();
        for least in [2, 4, 8, 16, 32, 60, 60] {
            time += Duration::from_hours(1);
            let wait = wait(time);
            assert!((least..=least + (least / 2).max(2)).contains(&wait), "{least}: {wait}");
        }
        overload.end_outage();
        assert!(wait(time + Duration::from_hours(1)) <= 4);
    }

    #[test]
    fn the_waits_that_concern_one_user_are_exact() {
        let overload = Overload::default();
        let retry_after = S(7);
        for error in [
            Error::TooManyTokens { retry_after },
            Error::TooManySignOuts { retry_after },
            Error::Busy { retry_after },
        ] {
            let problem = Problem::from(error);
            for _ in 0..20 {
                assert_eq!(overload.retry_after(&problem, now()), Some(S(7)));
            }
        }
        assert_eq!(overload.retry_after(&Problem::from(Error::Blocked), now()), None);
    }
}
