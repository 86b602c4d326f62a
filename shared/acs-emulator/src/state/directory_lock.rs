//! A lock that gives one process exclusive use of a directory.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::private_files;

/// Exclusive use of a directory as long as this value lives. The system releases the lock when the
/// process ends for any reason.
#[derive(Debug)]
pub struct DirectoryLock(File);

impl DirectoryLock {
    /// The lock file, which only its owner can read. It stays after the process ends; the file
    /// alone does not mean that the directory is locked.
    #[must_use]
    pub fn path(directory: &Path) -> PathBuf {
        directory.join("lock")
    }

    /// Locks the directory; `None` if another process holds the lock.
    pub fn take(directory: &Path) -> io::Result<Option<Self>> {
        let file = private_files::create(&Self::path(directory))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(source),
        }
    }
}

impl Drop for DirectoryLock {
    // Closing the file is not enough: a child process that another thread is starting at this
    // moment also holds it open until its `exec`.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_holder_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let held = DirectoryLock::take(directory.path()).unwrap();
        assert!(held.is_some());
        assert!(DirectoryLock::take(directory.path()).unwrap().is_none());
        drop(held);
        assert!(DirectoryLock::take(directory.path()).unwrap().is_some());
    }

    #[test]
    fn a_program_that_is_being_started_keeps_no_directory() {
        let directory = tempfile::tempdir().unwrap();
        let held = DirectoryLock::take(directory.path()).unwrap().unwrap();
        // A child process inherits the same open file; so does a clone.
        let inherited = held.0.try_clone().unwrap();
        drop(held);
        assert!(DirectoryLock::take(directory.path()).unwrap().is_some());
        drop(inherited);
    }
}
