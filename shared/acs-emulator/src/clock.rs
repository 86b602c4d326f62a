//! The time the emulator lives by: the system's, plus an offset a test may move.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use time::{Duration, OffsetDateTime};

/// The system clock with a movable offset. Clones share the offset.
///
/// The offset moves token lives and the `Date` of answers. The check of a
/// request's signing date, and the `Date` of a 401, use the system clock as it
/// is: the clients that sign do not know about the offset.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset_seconds: Arc<AtomicI64>,
}

impl Clock {
    /// The emulator's time: the system's plus the offset.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        let system = Self::system_now();
        system.checked_add(Duration::seconds(self.offset_seconds())).unwrap_or(system)
    }

    /// Moves the clock by `seconds`, back if negative.
    ///
    /// The offset stays within a hundred years of the system's time.
    pub fn advance(&self, seconds: i64) {
        let moved = |offset: i64| {
            Some(offset.saturating_add(seconds).clamp(-FURTHEST_SECONDS, FURTHEST_SECONDS))
        };
        // The closure always gives an offset, so there is no failure to look at.
        let _ = self.offset_seconds.fetch_update(Ordering::SeqCst, Ordering::SeqCst, moved);
    }

    /// How far the clock is ahead of the system's, in seconds.
    #[must_use]
    pub fn offset_seconds(&self) -> i64 {
        self.offset_seconds.load(Ordering::SeqCst)
    }

    /// Back to the system's time.
    pub fn reset(&self) {
        self.offset_seconds.store(0, Ordering::SeqCst);
    }

    /// The system's time, which the offset does not touch.
    #[expect(clippy::disallowed_methods, reason = "the one place where the emulator asks")]
    pub(crate) fn system_now() -> OffsetDateTime {
        SystemTime::now().into()
    }
}

/// A hundred years: far enough for any token, near enough for any date format.
const FURTHEST_SECONDS: i64 = 100 * 366 * 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_moves_both_ways_and_is_shared_by_clones() {
        let clock = Clock::default();
        let other = clock.clone();
        clock.advance(3600);
        assert!(other.now() - Clock::system_now() > Duration::minutes(59));
        other.advance(-7200);
        assert_eq!(clock.offset_seconds(), -3600);
    }

    #[test]
    fn an_absurd_offset_is_clamped_and_now_still_answers() {
        let clock = Clock::default();
        clock.advance(i64::MAX);
        assert_eq!(clock.offset_seconds(), FURTHEST_SECONDS);
        assert!(clock.now().year() >= Clock::system_now().year() + 100);
    }
}
