//! Stdin, which a command can read for one purpose only.

use std::{
    io::{StdinLock, stdin},
    sync::atomic::{AtomicBool, Ordering},
};

use crate::failure::{Failure, Result};

static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// Returns stdin to the first caller. A second caller would find it empty, and report its own
/// input as empty.
pub(crate) fn take_stdin() -> Result<StdinLock<'static>> {
    if IS_TAKEN.swap(true, Ordering::Relaxed) {
        return Err(Failure::usage("stdin is to be two things at once")
            .because("what is read from it for one of them is gone for the other")
            .so("name a file for one of them"));
    }
    Ok(stdin().lock())
}
