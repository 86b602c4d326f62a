use std::future::Future;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// The source of the current time.
pub trait Clock: Sync {
    /// The current time.
    fn now(&self) -> SystemTime;

    /// Returns after `pause`.
    fn sleep(&self, pause: Duration) -> impl Future<Output = ()> + Send;
}

/// The clock of this machine, in whole milliseconds, which is the resolution of the store. A local
/// stack can set it ahead.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock {
    ahead_ms: i64,
    offset_file: Option<&'static Path>,
}

impl SystemClock {
    /// A clock that is this many milliseconds ahead of the machine's clock.
    #[must_use]
    pub fn ahead_by(ahead_ms: i64) -> Self {
        Self { ahead_ms, offset_file: None }
    }

    /// A clock that is ahead by the number of milliseconds in `file`. The file is read each time,
    /// so that a local stack can move the clocks of running processes.
    #[must_use]
    pub fn with_offset_file(file: Option<&'static Path>) -> Self {
        Self { ahead_ms: 0, offset_file: file }
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the time")]
    fn now(&self) -> SystemTime {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let milliseconds = i64::try_from(since.as_millis()).unwrap_or_default();
        let ahead_ms = self.offset_file.map_or(self.ahead_ms, read_offset);
        let milliseconds = milliseconds.saturating_add(ahead_ms).unsigned_abs();
        SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds)
    }

    async fn sleep(&self, pause: Duration) {
        tokio::time::sleep(pause).await;
    }
}

fn read_offset(file: &Path) -> i64 {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.trim().parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_has_whole_milliseconds_and_no_offset_by_default() {
        let clock = SystemClock::with_offset_file(Some(Path::new("no such file")));
        let before = clock.now();
        let since = before.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(since.subsec_nanos() % 1_000_000, 0);
        assert!(SystemClock::default().now().duration_since(before).unwrap() < LONG);
        let ahead = SystemClock::ahead_by(3_600_000).now().duration_since(before).unwrap();
        assert!((LONG..2 * LONG).contains(&ahead), "{ahead:?}");
    }

    const LONG: Duration = Duration::from_hours(1);
}
