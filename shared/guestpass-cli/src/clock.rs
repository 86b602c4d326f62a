//! The clock.

use std::time::{Duration, SystemTime};

use identity_core::ports::Clock;

/// The time of this machine; for a local stack, with the stack's offset.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemClock {
    ahead_ms: i64,
}

impl SystemClock {
    /// A clock that is so far ahead of this machine's clock.
    pub(crate) fn ahead_by(ahead_ms: i64) -> Self {
        Self { ahead_ms }
    }
}

impl Clock for SystemClock {
    /// The time in whole milliseconds, the resolution of the store.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the time")]
    fn now(&self) -> SystemTime {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let milliseconds = i64::try_from(since.as_millis()).unwrap_or_default();
        let milliseconds = milliseconds.saturating_add(self.ahead_ms).unsigned_abs();
        SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds)
    }

    async fn sleep(&self, pause: Duration) {
        tokio::time::sleep(pause).await;
    }
}
