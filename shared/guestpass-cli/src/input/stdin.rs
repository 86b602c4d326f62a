//! Stdin, which a command can read for one purpose only.

use std::io::{StdinLock, stdin};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::report::{CliError, Result};

static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// Returns stdin to the first caller. A second caller would find it empty, and report its own
/// input as empty.
pub(crate) fn take_stdin() -> Result<StdinLock<'static>> {
    if IS_TAKEN.swap(true, Ordering::Relaxed) {
        return Err(CliError::usage("stdin can be used for only one option")
            .because("several options or arguments name stdin with `-`")
            .hint("name a file for all but one of them"));
    }
    Ok(stdin().lock())
}
