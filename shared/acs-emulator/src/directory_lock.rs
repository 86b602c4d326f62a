//! One process to a directory.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// A directory is its holder's alone as long as this is. The system gives it back when the
/// process ends, however it ends.
#[derive(Debug)]
pub struct DirectoryLock(File);

impl DirectoryLock {
    /// The file that is locked, which is its owner's alone. It stays behind, and means nothing
    /// by itself.
    #[must_use]
    pub fn path(directory: &Path) -> PathBuf {
        directory.join("lock")
    }

    /// Takes the directory, or nothing if another has it.
    pub fn take(directory: &Path) -> io::Result<Option<Self>> {
        let path = Self::path(directory);
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(source),
        }
    }
}

impl Drop for DirectoryLock {
    // To close the file is not enough: a program that another thread is starting just now has
    // it open, too, until it begins.
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
        // What a program inherits is the same open file, as a clone of it is.
        let inherited = held.0.try_clone().unwrap();
        drop(held);
        assert!(DirectoryLock::take(directory.path()).unwrap().is_some());
        drop(inherited);
    }
}
