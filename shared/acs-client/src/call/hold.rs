//! The operations that are not sent for a while after ACS has throttled them.
//!
//! Requests that ACS refuses may count against its limit, too. A process that retries would then
//! help to keep the resource at its limit, and no caller would get a token. So after a 429 the
//! process sends no request of that operation for a while.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use super::operation::Operation;

/// The holds of one client: one for each limit of ACS.
#[derive(Default)]
pub(crate) struct Holds {
    create: Hold,
    issue: Hold,
    exchange: Hold,
}

impl Holds {
    /// How long `operation` is still held at `now`; `None` if it may be sent.
    pub(crate) fn left(&self, operation: Operation, now: SystemTime) -> Option<Duration> {
        self.of(operation)?.left(now)
    }

    /// Holds `operation` after ACS answered 429 at `now`. `asked` is the `Retry-After` of the
    /// response. Returns the length of the hold; `None` if the operation is never held.
    pub(crate) fn begin(
        &self,
        operation: Operation,
        asked: Option<Duration>,
        now: SystemTime,
        random: u64,
    ) -> Option<Duration> {
        let hold = self.of(operation)?;
        hold.extend(now + length(asked, random));
        hold.left(now)
    }

    fn of(&self, operation: Operation) -> Option<&Hold> {
        match operation {
            Operation::Create => Some(&self.create),
            Operation::Issue => Some(&self.issue),
            Operation::ExchangeTeamsUser | Operation::ExchangeTeamsExtension => {
                Some(&self.exchange)
            }
            // Never held: the record already says that the tokens end, and only ACS can end
            // them. The scheduled cleanup has its own rate limit.
            Operation::Revoke | Operation::Delete => None,
            // ACS documents no limit for these.
            Operation::FindAssignment | Operation::PutAssignment | Operation::DeleteAssignment => {
                None
            }
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
            // The clock was set back. Without this, the hold would last until the clock has
            // reached the old time again.
            *until = Some(now + LONGEST);
        }
        Some(left.clamp(SHORTEST, LONGEST))
    }

    fn until(&self) -> MutexGuard<'_, Option<SystemTime>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The length of a hold. It is random, so that processes that were refused together do not retry
/// together.
fn length(asked: Option<Duration>, random: u64) -> Duration {
    match asked {
        Some(asked) => {
            let asked = asked.clamp(SHORTEST, LONGEST);
            asked + up_to(asked / 5, random)
        }
        None => UNTOLD + up_to(UNTOLD_SPREAD, random),
    }
}

fn up_to(most: Duration, random: u64) -> Duration {
    let micros = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(random % micros.saturating_add(1))
}

/// `Retry-After` has whole seconds, so a caller waits for at least one.
const SHORTEST: Duration = Duration::from_secs(1);

/// ACS counts over 30 s, so a `Retry-After` above this limit is not plausible.
const LONGEST: Duration = Duration::from_mins(5);

/// The shortest hold without `Retry-After`. With the spread, the average is a third of ACS's 30
/// s.
const UNTOLD: Duration = Duration::from_secs(5);

/// The random addition to a hold without `Retry-After`.
const UNTOLD_SPREAD: Duration = Duration::from_secs(10);

#[cfg(test)]
mod simulation;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::jitter::Dice;

    const S: fn(u64) -> Duration = Duration::from_secs;
    const HELD: [Operation; 4] = [
        Operation::Create,
        Operation::Issue,
        Operation::ExchangeTeamsUser,
        Operation::ExchangeTeamsExtension,
    ];
    const NEVER_HELD: [Operation; 5] = [
        Operation::Revoke,
        Operation::Delete,
        Operation::FindAssignment,
        Operation::PutAssignment,
        Operation::DeleteAssignment,
    ];

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_hours(500_000)
    }

    #[test]
    fn r80_a_hold_lasts_as_long_as_acs_asks_and_up_to_a_fifth_more() {
        let dice = Dice::seeded(7);
        for (asked, least, most) in [
            (Some(10), 10_000, 12_000),
            (Some(0), 1_000, 1_200),
            (Some(250), 250_000, 300_000),
            (Some(u64::MAX), 300_000, 360_000),
            (None, 5_000, 15_000),
        ] {
            let length = |_| length(asked.map(S), dice.roll()).as_millis();
            let lengths: Vec<_> = (0..2000).map(length).collect();
            assert!(lengths.iter().all(|one| (least..=most).contains(one)), "{asked:?}");
            let tenth = (most - least) / 10;
            assert!(lengths.iter().any(|one| *one < least + tenth), "{asked:?}");
            assert!(lengths.iter().any(|one| *one > most - tenth), "{asked:?}");
        }
    }

    #[test]
    fn r80_what_is_left_shrinks_to_a_second_and_then_the_operation_may_be_sent() {
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
    fn r80_each_limit_has_a_hold_of_its_own_and_what_ends_tokens_has_none() {
        let holds = Holds::default();
        holds.begin(Operation::ExchangeTeamsUser, None, now(), 0);
        let held = HELD.map(|operation| holds.left(operation, now()).is_some());
        assert_eq!(held, [false, false, true, true]);
        holds.begin(Operation::Issue, None, now(), 0);
        assert_eq!(holds.left(Operation::Create, now()), None);
        for operation in NEVER_HELD {
            assert_eq!(holds.begin(operation, Some(S(10)), now(), 0), None, "{operation:?}");
            assert_eq!(holds.left(operation, now()), None, "{operation:?}");
        }
    }

    #[test]
    fn r80_a_second_429_does_not_shorten_a_hold() {
        let holds = Holds::default();
        holds.begin(Operation::Issue, Some(S(20)), now(), 0);
        assert_eq!(holds.begin(Operation::Issue, Some(S(2)), now() + S(1), 0), Some(S(19)));
    }

    #[test]
    fn r80_a_clock_that_is_set_back_ends_a_hold_after_five_minutes() {
        let holds = Holds::default();
        holds.begin(Operation::Issue, Some(S(20)), now(), 0);
        let back = now() - Duration::from_hours(1);
        assert_eq!(holds.left(Operation::Issue, back), Some(S(300)));
        assert_eq!(holds.left(Operation::Issue, back + S(299)), Some(S(1)));
        assert_eq!(holds.left(Operation::Issue, back + S(300)), None);
    }
}
