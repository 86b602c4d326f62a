//! The documented limits: a number of calls of an operation in any 30 seconds.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use time::{Duration, OffsetDateTime};

use crate::EmulatorOptions;
use crate::api::Operation;

/// The calls of the last 30 seconds, by operation.
///
/// Every authenticated call takes a place, even if it is then refused for its content. Whether a
/// call that finds no free place also takes one is an option, and whether the 30 seconds slide.
#[derive(Default)]
pub(crate) struct RateLimits {
    options: EmulatorOptions,
    windows: Mutex<HashMap<&'static str, Window>>,
}

impl RateLimits {
    pub(crate) fn new(options: EmulatorOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// Takes a place for a call at `now`, or returns in how many seconds a place is free.
    pub(crate) fn admit(&self, operation: Operation, now: OffsetDateTime) -> Result<(), u64> {
        let EmulatorOptions { divide_limits, count_refused, fixed_windows, .. } = self.options;
        let Some(limit) = limit(operation) else { return Ok(()) };
        let limit = (limit / usize::from(divide_limits)).max(1);
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.entry(operation.name());
        let new = || Window::new(limit).count_refused(count_refused).fixed(fixed_windows);
        window.or_insert_with(new).admit(now)
    }

    pub(crate) fn clear(&self) {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// The places for one operation's calls in 30 seconds. The emulator counts with it, and
/// simulations of its callers can use it without a server.
#[derive(Debug)]
pub struct Window {
    limit: usize,
    count_refused: bool,
    is_fixed: bool,
    /// The number of calls that have taken a place, by their millisecond.
    calls: BTreeMap<i64, usize>,
    count: usize,
}

impl Window {
    /// An empty window with `limit` places in any 30 seconds. A refused call takes no place.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit, count_refused: false, is_fixed: false, calls: BTreeMap::new(), count: 0 }
    }

    /// Whether a refused call also takes a place.
    #[must_use]
    pub fn count_refused(self, count_refused: bool) -> Self {
        Self { count_refused, ..self }
    }

    /// Whether all places are free again every 30 seconds, at the full and at the half minute, in
    /// place of each one 30 seconds after it was taken.
    #[must_use]
    pub fn fixed(self, is_fixed: bool) -> Self {
        Self { is_fixed, ..self }
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
        if self.is_fixed {
            let wait = WINDOW_MILLIS - now.rem_euclid(WINDOW_MILLIS);
            return u64::try_from(wait).unwrap_or(0).div_ceil(1000);
        }
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
        if self.is_fixed {
            let window = now.div_euclid(WINDOW_MILLIS);
            self.calls.retain(|at, _| at.div_euclid(WINDOW_MILLIS) == window);
            self.count = self.calls.values().sum();
            return;
        }
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

    #[test]
    fn the_limits_can_be_divided_but_are_at_least_one() {
        for (divide_limits, served) in [(1, 500), (100, 5), (1000, 1)] {
            let options = EmulatorOptions { divide_limits, ..EmulatorOptions::default() };
            let limits = RateLimits::new(options);
            let admitted =
                (0..600).filter(|_| limits.admit(Operation::DeleteIdentity, NOW).is_ok()).count();
            assert_eq!(admitted, served, "{divide_limits}");
        }
    }

    #[test]
    fn the_options_choose_how_the_limits_are_counted() {
        let admitted = |options| {
            let limits = RateLimits::new(EmulatorOptions { divide_limits: 500, ..options });
            // The half minute ends 20.75 s after the first call.
            let admit = |ms| {
                let now = NOW + Duration::milliseconds(ms);
                limits.admit(Operation::DeleteIdentity, now).is_ok()
            };
            [0, 1_000, 20_750, 31_000].map(admit)
        };
        let kind = EmulatorOptions::default();
        assert_eq!(admitted(kind), [true, false, false, true]);
        let strict = EmulatorOptions { count_refused: true, ..kind };
        assert_eq!(admitted(strict), [true, false, false, false]);
        let fixed = EmulatorOptions { fixed_windows: true, ..kind };
        assert_eq!(admitted(fixed), [true, false, true, false]);
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
    fn in_fixed_windows_all_places_are_free_at_the_half_minute() {
        for count_refused in [false, true] {
            // It is 9.25 s after the full minute.
            let calls = [
                (0, Ok(())),
                (20_000, Ok(())),
                (20_001, Err(1)),
                (20_749, Err(1)),
                (20_750, Ok(())),
                (20_751, Ok(())),
                (20_752, Err(30)),
                (49_750, Err(1)),
                (50_750, Ok(())),
                // The clock was set back.
                (-60_000, Ok(())),
            ];
            assert_admitted(Window::new(2).fixed(true).count_refused(count_refused), &calls);
        }
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
