//! The emulator's clock: the system's time plus an offset that a test may move.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use time::{Duration, OffsetDateTime};

/// The system clock with a movable offset, and with a skew. Clones share both.
///
/// The offset moves token lifetimes and the `Date` of responses. The check of a request's signing
/// date, and the `Date` of a 401, do not use it, because the signing clients do not know the
/// offset. They use the system clock plus the skew, by which the service's time differs from that
/// of its clients.
#[derive(Clone, Debug, Default)]
pub struct EmulatorClock {
    offset_seconds: Arc<AtomicI64>,
    skew_seconds: Arc<AtomicI64>,
}

impl EmulatorClock {
    /// The emulator's time: the system's plus the offset.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        moved(self.offset_seconds())
    }

    /// The time for checks of request dates: the system's plus the skew.
    #[must_use]
    pub fn signing_now(&self) -> OffsetDateTime {
        moved(self.skew_seconds())
    }

    /// Moves the clock by `seconds`, back if negative.
    ///
    /// The offset stays within a hundred years of the system's time.
    pub fn advance(&self, seconds: i64) {
        let moved = |offset: i64| Some(within_reach(offset.saturating_add(seconds)));
        // The closure always returns an offset, so this cannot fail.
        let _ = self.offset_seconds.fetch_update(Ordering::SeqCst, Ordering::SeqCst, moved);
    }

    /// The offset to the system's time, in seconds.
    #[must_use]
    pub fn offset_seconds(&self) -> i64 {
        self.offset_seconds.load(Ordering::SeqCst)
    }

    /// Sets the skew to `seconds`, behind if negative, in place of an earlier skew: the service
    /// then has the wrong time for its checks of request dates.
    ///
    /// The skew also stays within a hundred years.
    pub fn skew(&self, seconds: i64) {
        self.skew_seconds.store(within_reach(seconds), Ordering::SeqCst);
    }

    /// The skew of the checks of request dates, in seconds.
    #[must_use]
    pub fn skew_seconds(&self) -> i64 {
        self.skew_seconds.load(Ordering::SeqCst)
    }

    /// Resets the clock to the system's time, without a skew.
    pub fn reset(&self) {
        self.offset_seconds.store(0, Ordering::SeqCst);
        self.skew_seconds.store(0, Ordering::SeqCst);
    }

    /// The system's time, without offset and skew.
    #[expect(clippy::disallowed_methods, reason = "the one place where the emulator asks")]
    pub(crate) fn system_now() -> OffsetDateTime {
        SystemTime::now().into()
    }
}

/// The system's time plus `seconds`.
fn moved(seconds: i64) -> OffsetDateTime {
    let system = EmulatorClock::system_now();
    system.checked_add(Duration::seconds(seconds)).unwrap_or(system)
}

fn within_reach(seconds: i64) -> i64 {
    seconds.clamp(-FURTHEST_SECONDS, FURTHEST_SECONDS)
}

/// A hundred years: enough for any token, and within the range of any date format.
const FURTHEST_SECONDS: i64 = 100 * 366 * 24 * 60 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_moves_both_ways_and_is_shared_by_clones() {
        let clock = EmulatorClock::default();
        let other = clock.clone();
        clock.advance(3600);
        assert!(other.now() - EmulatorClock::system_now() > Duration::minutes(59));
        other.advance(-7200);
        assert_eq!(clock.offset_seconds(), -3600);
    }

    #[test]
    fn an_absurd_offset_is_clamped_and_now_still_answers() {
        let clock = EmulatorClock::default();
        clock.advance(i64::MAX);
        clock.skew(i64::MAX);
        assert_eq!(clock.offset_seconds(), FURTHEST_SECONDS);
        assert_eq!(clock.skew_seconds(), FURTHEST_SECONDS);
        assert!(clock.now().year() >= EmulatorClock::system_now().year() + 100);
        assert!(clock.signing_now().year() >= EmulatorClock::system_now().year() + 100);
    }
}
