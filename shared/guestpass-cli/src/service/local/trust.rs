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
//! * A directory above the folder is not writable by all users, unless it is sticky as `/tmp` is: then
//!   other users can add files, but not replace those of the user.
//!
//! A directory above the folder may belong to another user, and may be writable by its group.
//! Such a user can move the folder away, but cannot create a folder and a file that belong to
//! the user of the tool. Both cases are common: a repository that is mounted in a container,
//! where the tool runs as root, and the umask 002 of systems on which each user has a group.
//!
//! A local stack runs on Linux and macOS. On other systems, no file is trusted.

mod distrust;
#[cfg(unix)]
mod owners;

use std::path::Path;

pub(crate) use distrust::{Distrust, STICKY};

/// Reads a file that only the user or root can have written.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Distrust> {
    #[cfg(unix)]
    return owners::read(path);
    #[cfg(not(unix))]
    Err(std::io::Error::other(format!(
        "a local stack runs on Linux and macOS alone: {}",
        path.display()
    ))
    .into())
}
