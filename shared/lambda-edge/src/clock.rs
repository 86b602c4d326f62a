use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
    time::{Duration, SystemTime},
};

use identity_core::ports::Clock;

use crate::config::process_env;

/// The system's clock. On a developer's machine a file can set it ahead.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    /// The current time in whole milliseconds, the resolution of the store.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the time")]
    fn now(&self) -> SystemTime {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let milliseconds = i64::try_from(since.as_millis()).unwrap_or_default();
        let milliseconds = milliseconds.saturating_add(offset()).unsigned_abs();
        SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds)
    }

    async fn sleep(&self, pause: Duration) {
        tokio::time::sleep(pause).await;
    }
}

/// The variable with the path of that file. The local stack sets it, so that one step of its
/// clock moves the clock of every process. A deployed function does not have it.
const OFFSET_FILE: &str = "GUESTPASS_CLOCK_OFFSET_FILE";

/// How far the clock is ahead of the system's, in milliseconds.
fn offset() -> i64 {
    static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let file = FILE.get_or_init(|| process_env(OFFSET_FILE).map(PathBuf::from));
    file.as_deref().map_or(0, read_offset)
}

fn read_offset(file: &Path) -> i64 {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.trim().parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_keeps_whole_milliseconds_and_goes_by_the_system_unless_told_otherwise() {
        let since = SystemClock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(since.subsec_nanos() % 1_000_000, 0);
        assert_eq!(offset(), 0);
        assert_eq!(read_offset(Path::new("no such file")), 0);
    }
}
