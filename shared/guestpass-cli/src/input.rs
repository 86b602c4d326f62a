//! Stdin, which a command reads for one thing only.

use std::{
    io::{StdinLock, stdin},
    sync::atomic::{AtomicBool, Ordering},
};

use crate::failure::{Failure, Result};

static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// Stdin, for the first who asks. Whoever asks next would find it empty, and say that of
/// whatever was to be in it.
pub(crate) fn take_stdin() -> Result<StdinLock<'static>> {
    if IS_TAKEN.swap(true, Ordering::Relaxed) {
        return Err(Failure::usage("stdin is to be two things at once")
            .because("what is read from it for one of them is gone for the other")
            .so("name a file for one of them"));
    }
    Ok(stdin().lock())
}
