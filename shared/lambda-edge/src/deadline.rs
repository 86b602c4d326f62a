use std::time::{Duration, SystemTime};

use lambda_http::Context;

/// The time at which Lambda ends the invocation. If the invocation has no deadline, the limit is
/// `now` plus `without`.
///
/// An event in a test has no deadline. The emulator of cargo-lambda sends a deadline of 1970
/// with every event. A function never runs longer than Lambda's longest timeout, so a deadline
/// that is older than that is not a real one.
#[must_use]
pub fn deadline(context: &Context, now: SystemTime, without: Duration) -> SystemTime {
    SystemTime::UNIX_EPOCH
        .checked_add(Duration::from_millis(context.deadline))
        .filter(|given| *given + LONGEST_TIMEOUT > now)
        .unwrap_or(now + without)
}

/// The longest timeout that a function can have.
const LONGEST_TIMEOUT: Duration = Duration::from_mins(15);

#[cfg(test)]
mod tests {
    use super::*;
    const WITHOUT: Duration = Duration::from_secs(10);

    #[test]
    fn a_deadline_is_lambdas_even_just_after_it() {
        for given in [NOW + LITTLE, NOW.abs_diff(LITTLE)] {
            assert_eq!(deadline_of(given), SystemTime::UNIX_EPOCH + given);
        }
    }

    #[test]
    fn a_deadline_that_is_missing_or_too_old_is_replaced() {
        for given in [Duration::ZERO, Duration::from_mins(10), NOW.abs_diff(LONGEST_TIMEOUT)] {
            assert_eq!(deadline_of(given), SystemTime::UNIX_EPOCH + NOW + WITHOUT);
        }
    }

    const LITTLE: Duration = Duration::from_secs(3);
    const NOW: Duration = Duration::from_secs(1_773_342_238);

    fn deadline_of(given: Duration) -> SystemTime {
        let milliseconds = given.as_millis().try_into().unwrap();
        let mut context = Context::default();
        context.deadline = milliseconds;
        deadline(&context, SystemTime::UNIX_EPOCH + NOW, WITHOUT)
    }
}
