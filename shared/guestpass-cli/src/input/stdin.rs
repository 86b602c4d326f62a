//! Stdin, which a command can read for one purpose only.

use std::fs::File;
use std::io::{self, BufRead, BufReader, StdinLock, stdin};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::report::{CliError, Result};

static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// Returns stdin to the first caller. A second caller would find it empty, and report its own
/// input as empty.
fn take_stdin() -> Result<StdinLock<'static>> {
    if IS_TAKEN.swap(true, Ordering::Relaxed) {
        return Err(CliError::usage("stdin can be used for only one option")
            .because("several options or arguments name stdin with `-`")
            .hint("name a file for all but one of them"));
    }
    Ok(stdin().lock())
}

/// Opens a file, or with `-` stdin. `unreadable` is the error for a file that cannot be opened.
pub(crate) fn open(
    file: &Path,
    unreadable: impl FnOnce(io::Error) -> CliError,
) -> Result<Box<dyn BufRead>> {
    if file == Path::new("-") {
        return Ok(Box::new(take_stdin()?));
    }
    Ok(Box::new(BufReader::new(File::open(file).map_err(unreadable)?)))
}
