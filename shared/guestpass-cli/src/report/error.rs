//! Failures: what happened, why, what to do, and the exit code.

use std::error::Error;
use std::{fmt, io};

use crate::report::{Style, printable};

/// The result of every function that may fail.
pub(crate) type Result<T> = std::result::Result<T, CliError>;

/// The exit codes. [`EXIT_CODES`] documents them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Any failure without a code of its own.
    Failed = 1,
    /// The command line, the configuration or the input is wrong.
    Usage = 2,
    /// The identity does not exist.
    NotFound = 3,
    /// The user is blocked, or ACS or AWS refuses the credentials.
    Refused = 4,
    /// A service is down, busy, or throttles requests.
    Later = 5,
    /// Some items of many were not done.
    Partly = 6,
    /// The doctor or a test of a policy found a fault.
    Unwell = 7,
    /// Stopped by Ctrl-C.
    Interrupted = 130,
}

/// The text in `--help`.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    failed in a way that no other code names
  2    the command line, the configuration or the input is wrong
  3    not found: an identity, invitation, assignment or stream
  4    refused: the user is blocked, or ACS or AWS does not accept the credentials
  5    try again later: something is down, busy, or asks for fewer requests
  6    partly done; what was not is named
  7    the doctor or `policy test` found something
  130  stopped by Ctrl-C; a second run goes on where this one stopped";

/// Why a command failed. It holds no secret.
#[derive(Debug)]
pub(crate) struct CliError {
    /// The exit code.
    pub(crate) exit: Exit,
    what: String,
    why: Option<String>,
    hint: Option<String>,
    /// The messages of the errors, from the outside in, for `--debug`.
    chain: Vec<String>,
    is_closed: bool,
}

impl CliError {
    /// A failure with this exit code and text.
    pub(crate) fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self { exit, what: what.into(), why: None, hint: None, chain: Vec::new(), is_closed: false }
    }

    /// The command line, the configuration or the input is wrong.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what)
    }

    /// Adds the reason.
    #[must_use]
    pub(crate) fn because(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    /// Adds the remedy.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Keeps the messages of the errors for `--debug`.
    #[must_use]
    pub(crate) fn caused_by(mut self, error: &(dyn Error + 'static)) -> Self {
        self.chain = chain(error);
        self
    }

    /// The remedy, if there is one.
    pub(crate) fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// What happened and why, in one line.
    pub(crate) fn in_short(&self) -> String {
        match &self.why {
            Some(why) => format!("{}: {why}", self.what),
            None => self.what.clone(),
        }
    }

    /// Whether the reader of the output has closed it, as `| head` does.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Prints the failure for a person.
    pub(crate) fn print(
        &self,
        out: &mut impl io::Write,
        style: Style,
        debug: bool,
    ) -> io::Result<()> {
        let Self { what, why, hint, chain, .. } = self;
        writeln!(out, "{}: {}", style.bad("guestpass"), printable(what))?;
        if let Some(why) = why {
            writeln!(out, "  why: {}", printable(why))?;
        }
        if let Some(hint) = hint {
            writeln!(out, "  do:  {}", printable(hint))?;
        }
        if debug {
            for error in chain {
                writeln!(out, "  from: {}", printable(error))?;
            }
        } else if !chain.is_empty() && why.is_none() {
            writeln!(out, "  rerun with --debug for details")?;
        }
        Ok(())
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_short())
    }
}

/// The messages of an error and its sources, from the outside in.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    let mut next = error.source();
    while let Some(source) = next {
        let text = source.to_string();
        // Some errors repeat the message of their source.
        if texts.last() != Some(&text) {
            texts.push(text);
        }
        next = source.source();
    }
    texts
}

/// The innermost message of an error, which is the actual cause.
pub(crate) fn innermost(error: &(dyn Error + 'static)) -> String {
    chain(error).pop().unwrap_or_default()
}

impl From<io::Error> for CliError {
    fn from(error: io::Error) -> Self {
        let is_closed = error.kind() == io::ErrorKind::BrokenPipe;
        let failure =
            Self::new(Exit::Failed, "failed to write the output").because(error.to_string());
        Self { is_closed, ..failure }
    }
}
