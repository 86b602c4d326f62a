//! Stdin, which a command reads for one thing only.

use std::{
    io::{self, StdinLock, stdin},
    sync::atomic::{AtomicBool, Ordering},
};

static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// Stdin, for the first who asks. Whoever asks next would find it empty, and say that of
/// whatever was to be in it.
pub(crate) fn take_stdin() -> io::Result<StdinLock<'static>> {
    if IS_TAKEN.swap(true, Ordering::Relaxed) {
        return Err(io::Error::other("stdin is named for something else, too"));
    }
    Ok(stdin().lock())
}
