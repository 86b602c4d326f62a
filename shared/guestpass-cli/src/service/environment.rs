//! The environment of the process: variables, directories, terminal.

use std::io::{IsTerminal as _, stderr, stdin, stdout};
use std::path::PathBuf;

use console::Term;

use crate::report::Style;

/// The environment of the process, read once.
pub(crate) struct CliEnvironment {
    /// Looks up a variable.
    pub(crate) env: fn(&str) -> Option<String>,
    /// The current directory.
    pub(crate) directory: PathBuf,
    /// The directory of the program: `make` puts the local stack there, too.
    pub(crate) own_directory: PathBuf,
    /// Whether a user can type answers.
    pub(crate) stdin_is_terminal: bool,
    /// Whether a user sees the output.
    pub(crate) stdout_is_terminal: bool,
    /// The width of the terminal that shows the output.
    pub(crate) stdout_width: Option<usize>,
    /// Whether a user sees the progress.
    pub(crate) stderr_is_terminal: bool,
    /// The style of stdout.
    pub(crate) stdout_style: Style,
    /// The style of stderr.
    pub(crate) stderr_style: Style,
}

impl CliEnvironment {
    /// Reads the environment.
    pub(crate) fn of_process() -> Self {
        let own = std::env::current_exe().ok().and_then(|own| own.canonicalize().ok());
        Self {
            env: variable,
            directory: std::env::current_dir().unwrap_or_default(),
            own_directory: own
                .as_deref()
                .and_then(|own| own.parent())
                .map_or_else(PathBuf::new, Into::into),
            stdin_is_terminal: stdin().is_terminal(),
            stdout_is_terminal: stdout().is_terminal(),
            stdout_width: width(),
            stderr_is_terminal: stderr().is_terminal(),
            stdout_style: Style::of(&stdout(), &variable),
            stderr_style: Style::of(&stderr(), &variable),
        }
    }

    /// The value of a variable that is set and not empty.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        (self.env)(name).filter(|value| !value.trim().is_empty())
    }
}

/// A terminal that does not know its width has the usual one.
fn width() -> Option<usize> {
    let size = || Term::stdout().size_checked();
    stdout().is_terminal().then(|| size().map_or(80, |(_, columns)| columns.into()))
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
