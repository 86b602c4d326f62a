//! The clock of the whole stack: the system's time plus an offset that can be moved.
//!
//! Gateway, issuer, queues and schedules use this clock. The functions are separate processes, so
//! they read the offset from a file; the ACS emulator's clock is moved along.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use std::{fs, io};

use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};
use tokio::sync::watch;

/// The variable that gives a function the path of the offset file.
pub(crate) const OFFSET_FILE: &str = "GUESTPASS_CLOCK_OFFSET_FILE";

/// A hundred years either way: every date format can represent that.
const MAX_OFFSET_MS: i64 = 100 * 366 * 24 * 60 * 60 * 1000;

/// The longest single sleep: timers do not count the time while a laptop is suspended.
const LONGEST_SLEEP: Duration = Duration::from_mins(1);

/// A clock that can be moved, and that wakes tasks that wait for a time.
pub(crate) struct StackClock {
    offset_ms: watch::Sender<i64>,
    /// Held while the clock is moved, so that clock, file and ACS are moved together.
    moving: Mutex<()>,
    file: Option<OffsetFile>,
    acs: Vec<acs_emulator::EmulatorClock>,
}

impl StackClock {
    /// The system's time, for callers without a stack.
    #[cfg(test)]
    pub(crate) fn system() -> Arc<Self> {
        let offset_ms = watch::Sender::new(0);
        Arc::new(Self { offset_ms, moving: Mutex::default(), file: None, acs: Vec::new() })
    }

    /// A clock that stores its offset in `file`, and that also moves the clocks of the ACS
    /// emulators.
    ///
    /// With `keep`, the clock continues with the offset of the last run, because the stored data
    /// contains times of that clock.
    pub(crate) fn open(
        file: PathBuf,
        keep: bool,
        acs: Vec<acs_emulator::EmulatorClock>,
    ) -> io::Result<Arc<Self>> {
        let found = fs::read_to_string(&file).ok().filter(|_| keep);
        let offset = found.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        let file = OffsetFile { path: file, scratch: !keep };
        let (offset_ms, moving) = (watch::Sender::new(0), Mutex::default());
        let clock = Self { offset_ms, moving, file: Some(file), acs };
        clock.advance_ms(offset)?;
        Ok(Arc::new(clock))
    }

    /// Now, in UTC.
    pub(crate) fn now(&self) -> OffsetDateTime {
        let now = OffsetDateTime::now_utc();
        now.checked_add(time::Duration::milliseconds(self.offset_ms())).unwrap_or(now)
    }

    /// Milliseconds since the epoch.
    pub(crate) fn now_ms(&self) -> i64 {
        epoch_ms(self.now())
    }

    /// The offset to the system's time.
    pub(crate) fn offset_ms(&self) -> i64 {
        *self.offset_ms.borrow()
    }

    /// Moves the clock, back if the offset is negative, and wakes tasks that wait for a time.
    pub(crate) fn advance(&self, seconds: i64) -> io::Result<()> {
        self.advance_ms(seconds.saturating_mul(1000))
    }

    fn advance_ms(&self, by: i64) -> io::Result<()> {
        let _moving = self.moving.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.offset_ms();
        let offset = before.saturating_add(by).clamp(-MAX_OFFSET_MS, MAX_OFFSET_MS);
        if let Some(file) = &self.file {
            file.write(offset)?;
        }
        for acs in &self.acs {
            let seconds = (offset - before) / 1000;
            acs.advance(seconds);
            // The functions sign with the moved time, so the emulator must check signatures with
            // it.
            acs.skew(acs.skew_seconds().saturating_add(seconds));
        }
        self.offset_ms.send_replace(offset);
        Ok(())
    }

    /// Removes the file if it is not needed after the stack has ended.
    pub(crate) fn remove_file(&self) {
        if let Some(file) = self.file.as_ref().filter(|file| file.scratch) {
            let _ = fs::remove_file(&file.path);
        }
    }

    /// The file from which functions read the offset.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.file.as_ref().map(|file| file.path.as_path())
    }

    /// Returns when this clock reaches `ms` (since the epoch), by waiting or by being moved. Never
    /// returns without a time.
    pub(crate) async fn sleep_until(&self, ms: Option<i64>) {
        let Some(ms) = ms else { return std::future::pending().await };
        let mut moved = self.offset_ms.subscribe();
        loop {
            moved.mark_unchanged();
            let Ok(left @ 1..) = u64::try_from(ms.saturating_sub(self.now_ms())) else { return };
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(left).min(LONGEST_SLEEP)) => {}
                // The clock owns the sender, so there is always a next change.
                _ = moved.changed() => {}
            }
        }
    }
}

/// Milliseconds since the epoch.
pub(crate) fn epoch_ms(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// The time of `ms` since the epoch; 1970 if no date can represent it.
pub(crate) fn from_ms(ms: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// EventBridge's time format: RFC 3339 in UTC, in whole seconds.
pub(crate) fn rfc3339(at: OffsetDateTime) -> String {
    at.to_offset(UtcOffset::UTC).truncate_to_second().format(&Rfc3339).unwrap_or_default()
}

struct OffsetFile {
    path: PathBuf,
    /// Whether the file is not needed after the stack has ended.
    scratch: bool,
}

impl OffsetFile {
    /// Writes the offset atomically, because functions read the file at the same time.
    fn write(&self, offset_ms: i64) -> io::Result<()> {
        let mut new = self.path.clone().into_os_string();
        new.push(".new");
        fs::write(&new, offset_ms.to_string())?;
        fs::rename(&new, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(file: &Path, keep: bool) -> (Arc<StackClock>, acs_emulator::EmulatorClock) {
        let acs = acs_emulator::EmulatorClock::default();
        (StackClock::open(file.to_owned(), keep, vec![acs.clone()]).unwrap(), acs)
    }

    #[test]
    fn moving_the_clock_also_moves_acs_and_the_file_and_can_survive_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("offset");
        let (clock, acs) = opened(&file, true);
        clock.advance(3600).unwrap();
        clock.advance(-600).unwrap();
        assert!(clock.now() - OffsetDateTime::now_utc() > time::Duration::minutes(49));
        assert_eq!((acs.offset_seconds(), acs.skew_seconds()), (3000, 3000));
        assert_eq!(fs::read_to_string(&file).unwrap(), "3000000");
        drop(clock);
        let (clock, acs) = opened(&file, true);
        assert_eq!((clock.offset_ms(), acs.offset_seconds()), (3_000_000, 3000));
        drop(clock);
        let (clock, acs) = opened(&file, false);
        assert_eq!((clock.offset_ms(), acs.skew_seconds()), (0, 0));
        clock.remove_file();
        assert!(!file.exists());
    }

    #[test]
    fn an_offset_beyond_the_limit_is_clamped() {
        let clock = StackClock::system();
        clock.advance(i64::MAX).unwrap();
        assert_eq!(clock.offset_ms(), MAX_OFFSET_MS);
    }

    #[tokio::test]
    async fn a_waiting_task_is_woken_when_the_clock_is_moved() {
        let clock = StackClock::system();
        let waiting = Arc::clone(&clock);
        let until = clock.now_ms() + 3_600_000;
        let waiter = tokio::spawn(async move { waiting.sleep_until(Some(until)).await });
        clock.advance(1800).unwrap();
        tokio::task::yield_now().await;
        assert!(!waiter.is_finished());
        clock.advance(1800).unwrap();
        tokio::time::timeout(Duration::from_secs(5), waiter).await.unwrap().unwrap();
    }
}
