//! The system's clock.

use std::time::{Duration, SystemTime};

use identity_core::ports::Clock;

/// The time of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    /// In whole milliseconds: what the store keeps.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the time")]
    fn now(&self) -> SystemTime {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let milliseconds = u64::try_from(since.as_millis()).unwrap_or_default();
        SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds)
    }

    async fn sleep(&self, pause: Duration) {
        tokio::time::sleep(pause).await;
    }
}
