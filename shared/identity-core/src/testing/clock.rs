use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, SystemTime};

use crate::ports::Clock;

/// A clock that advances only when a test advances it or a caller sleeps. It starts at 15 January
/// 2027, 08:00:00 UTC.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Moves the clock forward, by whole milliseconds.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX), Relaxed);
    }

    /// The time by which the clock has advanced since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        Duration::from_millis(self.0.load(Relaxed).unsigned_abs())
    }
}

impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_hours(500_000) + self.elapsed()
    }

    async fn sleep(&self, pause: Duration) {
        self.advance(pause);
        // Lets other tasks run, as a real sleep would.
        let mut first = true;
        std::future::poll_fn(|context| {
            if std::mem::take(&mut first) {
                context.waker().wake_by_ref();
                std::task::Poll::Pending
            } else {
                std::task::Poll::Ready(())
            }
        })
        .await;
    }
}
