//! The documented limits: a number of calls of an operation in any 30 seconds.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use time::{Duration, OffsetDateTime};

use crate::api::Operation;

/// The calls of the last 30 seconds, by operation.
///
/// Every authenticated call takes a place, even if it is then refused for its content. Whether a
/// call that finds no free place also takes one is an option.
#[derive(Default)]
pub(crate) struct RateLimits {
    count_refused: bool,
    windows: Mutex<HashMap<&'static str, Window>>,
}

impl RateLimits {
    pub(crate) fn new(count_refused: bool) -> Self {
        Self { count_refused, ..Self::default() }
    }

    /// Takes a place for a call at `now`, or returns in how many seconds a place is free.
    pub(crate) fn admit(&self, operation: Operation, now: OffsetDateTime) -> Result<(), u64> {
        let Some(limit) = limit(operation) else { return Ok(()) };
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.entry(operation.name());
        window.or_insert_with(|| Window::new(limit).count_refused(self.count_refused)).admit(now)
    }

    pub(crate) fn clear(&self) {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// The places for one operation's calls in any 30 seconds. The emulator counts with it, and
/// simulations of its callers can use it without a server.
#[derive(Debug)]
pub struct Window {
    limit: usize,
    count_refused: bool,
    /// The number of calls that have taken a place, by their millisecond.
    calls: BTreeMap<i64, usize>,
    count: usize,
}

impl Window {
    /// An empty window with `limit` places. A refused call takes no place.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit, count_refused: false, calls: BTreeMap::new(), count: 0 }
    }

    /// Whether a refused call also takes a place.
    #[must_use]
    pub fn count_refused(self, count_refused: bool) -> Self {
        Self { count_refused, ..self }
    }

    /// Takes a place for a call at `now`, or returns after how many seconds a place is free if no
    /// other call takes it.
    pub fn admit(&mut self, now: OffsetDateTime) -> Result<(), u64> {
        let now = now.unix_timestamp().saturating_mul(1000) + i64::from(now.millisecond());
        self.forget(now);
        let is_full = self.count >= self.limit;
        if !is_full || self.count_refused {
            *self.calls.entry(now).or_default() += 1;
            self.count += 1;
        }
        if is_full { Err(self.seconds_until_free(now)) } else { Ok(()) }
    }

    fn seconds_until_free(&self, now: i64) -> u64 {
        // If refused calls count, more than one of them may have to leave the window.
        let mut too_many = (self.count + 1).saturating_sub(self.limit);
        let mut leaving = self.calls.iter();
        let leaves_last = leaving.find(|(_, calls)| {
            too_many = too_many.saturating_sub(**calls);
            too_many == 0
        });
        let taken_at = leaves_last.map_or(now, |(at, _)| *at);
        let wait = taken_at.saturating_add(WINDOW_MILLIS).saturating_sub(now);
        u64::try_from(wait).unwrap_or(0).div_ceil(1000).max(1)
    }

    /// Removes calls that are 30 seconds away, in the past or in the future: the clock may have
    /// gone back, and callers must not wait until it reaches those calls again.
    fn forget(&mut self, now: i64) {
        while let Some(call) = self.calls.first_entry()
            && *call.key() <= now.saturating_sub(WINDOW_MILLIS)
        {
            self.count = self.count.saturating_sub(call.remove());
        }
        while let Some(call) = self.calls.last_entry()
            && *call.key() >= now.saturating_add(WINDOW_MILLIS)
        {
            self.count = self.count.saturating_sub(call.remove());
        }
    }
}

/// The limits that Microsoft documents per 30 seconds and resource.
fn limit(operation: Operation) -> Option<usize> {
    match operation {
        Operation::CreateIdentity
        | Operation::CreateIdentityWithToken
        | Operation::IssueAccessToken => Some(1000),
        Operation::RevokeAccessTokens
        | Operation::DeleteIdentity
        | Operation::ExchangeTeamsUserAccessToken => Some(500),
        // The other operations have no documented limit.
        _ => None,
    }
}

const WINDOW_MILLIS: i64 = Duration::seconds(30).whole_seconds() * 1000;

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-03-05 07:08:09.25 UTC);

    #[test]
    fn each_operation_has_the_documented_limit_and_no_other_operations_calls_count() {
        let limits = RateLimits::default();
        for (operation, limit) in [
            (Operation::CreateIdentity, 1000),
            (Operation::IssueAccessToken, 1000),
            (Operation::CreateIdentityWithToken, 1000),
            (Operation::RevokeAccessTokens, 500),
            (Operation::DeleteIdentity, 500),
            (Operation::ExchangeTeamsUserAccessToken, 500),
        ] {
            for call in 1..=limit {
                assert_eq!(limits.admit(operation, NOW), Ok(()), "{operation:?}, call {call}");
            }
            assert_eq!(limits.admit(operation, NOW), Err(30), "{operation:?}");
        }
        assert!((0..5000).all(|_| limits.admit(Operation::BadRoute, NOW).is_ok()));
    }

    /// Requests a place at each of these milliseconds, and compares the results.
    fn assert_admitted(mut window: Window, calls: &[(i64, Result<(), u64>)]) {
        for (at, expected) in calls {
            let admitted = window.admit(NOW + Duration::milliseconds(*at));
            assert_eq!(admitted, *expected, "at {at} ms");
        }
    }

    #[test]
    fn the_window_slides_and_what_was_refused_took_no_place() {
        let calls = [
            (0, Ok(())),
            (10_000, Ok(())),
            (10_001, Err(20)),
            (29_999, Err(1)),
            (30_000, Ok(())),
            (30_001, Err(10)),
            (40_000, Ok(())),
        ];
        assert_admitted(Window::new(2), &calls);
    }

    #[test]
    fn where_refused_calls_count_a_place_is_free_when_enough_of_all_have_left() {
        let calls = [
            (0, Ok(())),
            (10_000, Ok(())),
            // Now three calls count, so two of them have to leave the window.
            (10_001, Err(30)),
            (29_999, Err(11)),
            // Of the calls at 0, 10,000, 10,001 and 29,999, one has left the window.
            (30_000, Err(30)),
            (60_000, Ok(())),
        ];
        assert_admitted(Window::new(2).count_refused(true), &calls);
    }

    #[test]
    fn a_clock_that_is_moved_far_in_either_direction_leaves_all_places_free() {
        for moved in [Duration::seconds(30), Duration::days(-1)] {
            let mut window = Window::new(1);
            assert_eq!(window.admit(NOW), Ok(()));
            assert_eq!(window.admit(NOW + moved), Ok(()), "{moved}");
            assert_eq!(window.admit(NOW + moved), Err(30), "{moved}");
        }
    }
}
