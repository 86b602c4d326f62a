//! Holds: after ACS has throttled an operation, the process sends no request of it for a while.
//!
//! Requests that ACS refuses may count against its limit, too. Retries would then keep the resource
//! at its limit, and no caller would get a token.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::{AcsOperation, up_to};

/// The holds of one client: one for each limit of ACS.
#[derive(Default)]
pub(crate) struct Holds {
    create: Hold,
    issue: Hold,
    exchange: Hold,
}

impl Holds {
    /// The time until the hold of `operation` ends; `None` if it is not held.
    pub(crate) fn left(&self, operation: AcsOperation, now: SystemTime) -> Option<Duration> {
        self.of(operation)?.left(now)
    }

    /// Holds `operation` after a 429 at `now`. Returns the length of the hold; `None` if the
    /// operation is never held.
    pub(crate) fn begin(
        &self,
        operation: AcsOperation,
        retry_after: Option<Duration>,
        now: SystemTime,
        random: u64,
    ) -> Option<Duration> {
        let hold = self.of(operation)?;
        hold.extend(now + length(retry_after, random));
        hold.left(now)
    }

    fn of(&self, operation: AcsOperation) -> Option<&Hold> {
        match operation {
            AcsOperation::Create => Some(&self.create),
            AcsOperation::Issue => Some(&self.issue),
            AcsOperation::ExchangeTeamsUser | AcsOperation::ExchangeTeamsExtension => {
                Some(&self.exchange)
            }
            // A revocation or a deletion must not wait, and the scheduled cleanup has its own rate
            // limit. ACS documents no limit for assignments.
            AcsOperation::Revoke
            | AcsOperation::Delete
            | AcsOperation::FindAssignment
            | AcsOperation::PutAssignment
            | AcsOperation::DeleteAssignment => None,
        }
    }
}

/// The end of the hold.
#[derive(Default)]
struct Hold(Mutex<Option<SystemTime>>);

impl Hold {
    fn extend(&self, to: SystemTime) {
        let mut until = self.until();
        *until = (*until).max(Some(to));
    }

    fn left(&self, now: SystemTime) -> Option<Duration> {
        let mut until = self.until();
        let left = (*until)?.duration_since(now).ok().filter(|left| !left.is_zero())?;
        if left > LONGEST {
            // The clock was set back. Without this, the hold would last until the clock reaches the
            // old time again.
            *until = Some(now + LONGEST);
        }
        Some(left.clamp(SHORTEST, LONGEST))
    }

    fn until(&self) -> MutexGuard<'_, Option<SystemTime>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The length of a hold. It is random, so that processes that were throttled at the same time do
/// not retry at the same time.
fn length(retry_after: Option<Duration>, random: u64) -> Duration {
    match retry_after {
        Some(retry_after) => {
            let least = retry_after.clamp(SHORTEST, LONGEST);
            least + up_to(least / 5, random)
        }
        None => DEFAULT_HOLD + up_to(DEFAULT_HOLD_SPREAD, random),
    }
}

/// `Retry-After` has whole seconds, so a caller waits for at least one second.
const SHORTEST: Duration = Duration::from_secs(1);

/// ACS counts requests over 30 s, so a longer `Retry-After` is not plausible.
const LONGEST: Duration = Duration::from_mins(5);

/// The shortest hold without `Retry-After`. Together with the spread, the average is a third of the
/// 30 s over which ACS counts.
const DEFAULT_HOLD: Duration = Duration::from_secs(5);

/// The random addition to a hold without `Retry-After`.
const DEFAULT_HOLD_SPREAD: Duration = Duration::from_secs(10);

#[cfg(test)]
mod simulation_tests;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::jitter::Jitter;

    const S: fn(u64) -> Duration = Duration::from_secs;
    const HELD: [AcsOperation; 4] = [
        AcsOperation::Create,
        AcsOperation::Issue,
        AcsOperation::ExchangeTeamsUser,
        AcsOperation::ExchangeTeamsExtension,
    ];
    const NEVER_HELD: [AcsOperation; 5] = [
        AcsOperation::Revoke,
        AcsOperation::Delete,
        AcsOperation::FindAssignment,
        AcsOperation::PutAssignment,
        AcsOperation::DeleteAssignment,
    ];

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_hours(500_000)
    }

    #[test]
    fn r80_a_hold_lasts_for_retry_after_and_up_to_a_fifth_longer() {
        let jitter = Jitter::seeded(7);
        for (asked, least, most) in [
            (Some(10), 10_000, 12_000),
            (Some(0), 1_000, 1_200),
            (Some(250), 250_000, 300_000),
            (Some(u64::MAX), 300_000, 360_000),
            (None, 5_000, 15_000),
        ] {
            let length = |_| length(asked.map(S), jitter.next()).as_millis();
            let lengths: Vec<_> = (0..2000).map(length).collect();
            assert!(lengths.iter().all(|one| (least..=most).contains(one)), "{asked:?}");
            let tenth = (most - least) / 10;
            assert!(lengths.iter().any(|one| *one < least + tenth), "{asked:?}");
            assert!(lengths.iter().any(|one| *one > most - tenth), "{asked:?}");
        }
    }

    #[test]
    fn r80_the_remaining_time_of_a_hold_shrinks_to_a_second_before_the_hold_ends() {
        for operation in HELD {
            let holds = Holds::default();
            assert_eq!(holds.left(operation, now()), None);
            assert_eq!(holds.begin(operation, Some(S(10)), now(), 0), Some(S(10)));
            for (later, left) in [(0, Some(10)), (7, Some(3)), (9, Some(1)), (10, None)] {
                assert_eq!(holds.left(operation, now() + S(later)), left.map(S), "{later} s");
            }
            let nearly_over = now() + Duration::from_millis(9_900);
            assert_eq!(holds.left(operation, nearly_over), Some(S(1)));
        }
    }

    #[test]
    fn r80_each_limit_has_its_own_hold_and_revocations_and_deletions_have_none() {
        let holds = Holds::default();
        holds.begin(AcsOperation::ExchangeTeamsUser, None, now(), 0);
        let held = HELD.map(|operation| holds.left(operation, now()).is_some());
        assert_eq!(held, [false, false, true, true]);
        holds.begin(AcsOperation::Issue, None, now(), 0);
        assert_eq!(holds.left(AcsOperation::Create, now()), None);
        for operation in NEVER_HELD {
            assert_eq!(holds.begin(operation, Some(S(10)), now(), 0), None, "{operation:?}");
            assert_eq!(holds.left(operation, now()), None, "{operation:?}");
        }
    }

    #[test]
    fn r80_a_second_429_does_not_shorten_a_hold() {
        let holds = Holds::default();
        holds.begin(AcsOperation::Issue, Some(S(20)), now(), 0);
        assert_eq!(holds.begin(AcsOperation::Issue, Some(S(2)), now() + S(1), 0), Some(S(19)));
    }

    #[test]
    fn r80_after_the_clock_is_set_back_a_hold_ends_within_five_minutes() {
        let holds = Holds::default();
        holds.begin(AcsOperation::Issue, Some(S(20)), now(), 0);
        let back = now() - Duration::from_hours(1);
        assert_eq!(holds.left(AcsOperation::Issue, back), Some(S(300)));
        assert_eq!(holds.left(AcsOperation::Issue, back + S(299)), Some(S(1)));
        assert_eq!(holds.left(AcsOperation::Issue, back + S(300)), None);
    }
}
