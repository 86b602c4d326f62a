//! What the stack says on its own stdout.

use std::fmt::Display;
use std::io::Write as _;

/// Writes one line. A closed stdout is no reason to stop serving.
pub(crate) fn say(line: impl Display) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}
