//! Lines for people, beside an answer or instead of a table.

use std::io::{self, Write as _, stderr, stdout};

use super::printable;
use crate::failure::Result;

/// Writes a line to stdout.
pub(crate) fn line(text: &str) -> Result<()> {
    Ok(writeln!(stdout(), "{}", printable(text))?)
}

/// Writes a line to stdout, with a mark in front that has a colour of ours.
pub(crate) fn marked(mark: &str, text: &str) -> Result<()> {
    Ok(writeln!(stdout(), "{mark} {}", printable(text))?)
}

/// Writes an empty line to stdout, between two parts of an answer.
pub(crate) fn blank() -> Result<()> {
    Ok(writeln!(stdout())?)
}

/// Writes a line to stderr, to be read beside the answer. Without a reader it is lost.
pub(crate) fn note(text: &str) {
    let _ = writeln!(stderr(), "{}", printable(text));
}

/// Writes a question to stderr, whose answer is typed on the same line.
pub(crate) fn ask(question: &str) -> io::Result<()> {
    let mut out = stderr().lock();
    write!(out, "{} ", printable(question))?;
    out.flush()
}
