//! Why a file is not trusted.

use std::io;
use std::path::PathBuf;

/// Why a file is not used.
#[derive(Debug)]
#[cfg_attr(not(unix), expect(dead_code, reason = "owners and modes are those of Unix"))]
pub(crate) enum Distrust {
    /// The file could not be read.
    Unreadable(io::Error),
    /// It is a directory, a pipe or a device.
    NotAFile(PathBuf),
    /// The file, or a directory or link in its path, belongs to another user.
    Foreign {
        /// The path that belongs to another user.
        path: PathBuf,
        /// The user id of its owner.
        owner: u32,
        /// The user id of this process.
        user: u32,
    },
    /// Other users can write the file, or a directory in its path.
    Writable {
        /// The path that they can write.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
        /// The permissions that `chmod` must remove.
        excess: &'static str,
    },
}

impl From<io::Error> for Distrust {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

/// The bit of a directory in which users can replace their own files only.
pub(crate) const STICKY: u32 = 0o1000;
