use std::{path::PathBuf, sync::OnceLock};

use identity_core::ports::SystemClock;

use crate::config::process_env;

/// The clock of this process. The local stack can set it ahead with a file.
#[must_use]
pub fn system_clock() -> SystemClock {
    static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let file = FILE.get_or_init(|| process_env(OFFSET_FILE).map(PathBuf::from));
    SystemClock::with_offset_file(file.as_deref())
}

/// The variable with the path of that file. The local stack sets it, so that one step of its
/// clock moves the clock of every process. A deployed function does not have it.
const OFFSET_FILE: &str = "GUESTPASS_CLOCK_OFFSET_FILE";
