//! Checks that only the user can have written a file.
//!
//! A `stack.json` decides where tokens and deletions are sent, and the tool searches for it in
//! every directory above the current one, `/tmp` included. Another user must not be able to
//! create or change the file that the tool finds:
//!
//! * The file and its folder belong to the user or to root, and only the owner may write them.
//!   With an access control list, the group bits show the most that the list permits, so this rule
//!   covers such lists.
//! * A symbolic link in the path belongs to the user or to root, and the same rules hold for its
//!   target.
//! * A directory above the folder is not session-writable, unless it is sticky as `/tmp` is: then
//!   other users can add files, but not replace those of the user.
//!
//! A directory above the folder may belong to another user, and may be writable by its group.
//! Such a user can move the folder away, but cannot create a folder and a file that belong to
//! the user of the tool. Both cases are common: a repository that is mounted in a container,
//! where the tool runs as root, and the umask 002 of systems on which each user has a group.
//!
//! A local stack runs on Linux and macOS, so on other systems there is no such file to trust.

#[cfg(unix)]
mod owners;

use std::io;
use std::path::{Path, PathBuf};

/// Why a file is not used.
#[derive(Debug)]
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

/// Reads a file that only the user or root can have written.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Distrust> {
    #[cfg(unix)]
    return owners::read(path);
    #[cfg(not(unix))]
    Err(io::Error::new(io::ErrorKind::Unsupported, "a local stack runs on Linux and macOS").into())
}

/// The bit of a directory in which users can replace their own files only.
pub(crate) const STICKY: u32 = 0o1000;
