//! Writes lines for people, besides an answer or instead of a table.

use std::io::{self, Write as _, stderr, stdout};

use crate::report::{Result, printable};

/// Writes a line to stdout.
pub(crate) fn line(text: &str) -> Result<()> {
    Ok(writeln!(stdout(), "{}", printable(text))?)
}

/// Writes a line to stdout, after a mark that may have a colour.
pub(crate) fn marked(mark: &str, text: &str) -> Result<()> {
    Ok(writeln!(stdout(), "{mark} {}", printable(text))?)
}

/// Writes an empty line to stdout, between two parts of an answer.
pub(crate) fn blank() -> Result<()> {
    Ok(writeln!(stdout())?)
}

/// Writes a line to stderr, besides the answer. If stderr is closed, the line is lost.
pub(crate) fn note(text: &str) {
    let _ = writeln!(stderr(), "{}", printable(text));
}

/// Writes a question to stderr. The user types the answer on the same line.
pub(crate) fn ask(question: &str) -> io::Result<()> {
    let mut out = stderr().lock();
    write!(out, "{} ", printable(question))?;
    out.flush()
}
