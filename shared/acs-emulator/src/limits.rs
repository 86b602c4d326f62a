//! The documented limits: so many calls of an operation in any 30 seconds.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use hyper::header::{HeaderValue, RETRY_AFTER};
use time::{Duration, OffsetDateTime};

use crate::answer::{self, Answer};
use crate::error::ApiError;
use crate::operation::Operation;
use crate::route::Route;

/// The calls of the last 30 seconds, by operation.
///
/// Every call that is believed takes a place, also one that is then refused for
/// what it says; one that finds no place takes none, so that a caller who keeps
/// knocking gets in as soon as the one who waits.
#[derive(Default)]
pub(crate) struct Limits {
    windows: Mutex<HashMap<&'static str, Window>>,
}

impl Limits {
    /// Takes a place for a call at `now`, or says how many seconds from then one is free.
    pub(crate) fn admit(&self, operation: Operation, now: OffsetDateTime) -> Result<(), u64> {
        let Some(limit) = limit(operation) else { return Ok(()) };
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        windows.entry(operation.name()).or_default().admit(limit, now)
    }

    pub(crate) fn clear(&self) {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// The calls of one operation, counted by their millisecond.
#[derive(Default)]
struct Window {
    calls: BTreeMap<i64, usize>,
    count: usize,
}

impl Window {
    fn admit(&mut self, limit: usize, now: OffsetDateTime) -> Result<(), u64> {
        let now = now.unix_timestamp().saturating_mul(1000) + i64::from(now.millisecond());
        self.forget(now);
        if self.count >= limit {
            let oldest = self.calls.keys().next().copied().unwrap_or(now);
            let wait = oldest.saturating_add(WINDOW_MILLIS).saturating_sub(now);
            return Err(u64::try_from(wait).unwrap_or(0).div_ceil(1000).max(1));
        }
        *self.calls.entry(now).or_default() += 1;
        self.count += 1;
        Ok(())
    }

    /// Forgets calls that are 30 seconds away. Those of the future too: the
    /// clock went back, and nobody should wait for it to come forth again.
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

/// The calls that Microsoft documents per 30 seconds and resource.
fn limit(operation: Operation) -> Option<usize> {
    match operation {
        Operation::CreateIdentity
        | Operation::CreateIdentityWithToken
        | Operation::IssueAccessToken => Some(1000),
        Operation::RevokeAccessTokens
        | Operation::DeleteIdentity
        | Operation::ExchangeTeamsUserAccessToken => Some(500),
        // Nothing is documented for the others.
        _ => None,
    }
}

/// The answer to a call that found no place.
pub(crate) fn refusal(route: &Route, retry_after_seconds: Option<u64>) -> Answer {
    let mut answer = answer::of(route, Err(ApiError::too_many_requests().into()));
    if let Some(seconds) = retry_after_seconds {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    answer
}

const WINDOW_MILLIS: i64 = Duration::seconds(30).whole_seconds() * 1000;

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-03-05 07:08:09.25 UTC);

    #[test]
    fn each_operation_has_the_documented_limit_and_no_other_operations_calls_count() {
        let limits = Limits::default();
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
    fn the_window_slides_and_what_was_refused_took_no_place() {
        let mut window = Window::default();
        let at = |seconds| NOW + Duration::milliseconds(seconds);
        assert_eq!(window.admit(2, at(0)), Ok(()));
        assert_eq!(window.admit(2, at(10_000)), Ok(()));
        assert_eq!(window.admit(2, at(10_001)), Err(20));
        assert_eq!(window.admit(2, at(29_999)), Err(1));
        assert_eq!(window.admit(2, at(30_000)), Ok(()));
        assert_eq!(window.admit(2, at(30_001)), Err(10));
        assert_eq!(window.admit(2, at(40_000)), Ok(()));
    }

    #[test]
    fn a_clock_that_is_moved_far_in_either_direction_leaves_all_places_free() {
        for moved in [Duration::seconds(30), Duration::days(-1)] {
            let mut window = Window::default();
            assert_eq!(window.admit(1, NOW), Ok(()));
            assert_eq!(window.admit(1, NOW + moved), Ok(()), "{moved}");
            assert_eq!(window.admit(1, NOW + moved), Err(30), "{moved}");
        }
    }
}
