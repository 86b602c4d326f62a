//! What the program finds around it: environment, directory, terminal.

use std::{
    io::{IsTerminal as _, stderr, stdin, stdout},
    path::PathBuf,
};

use crate::style::Style;

/// What the program finds around it, read once.
pub(crate) struct Surroundings {
    /// Looks a variable up.
    pub(crate) env: fn(&str) -> Option<String>,
    /// Where it was started.
    pub(crate) directory: PathBuf,
    /// The directory of the program itself: `make` puts the local stack there, too.
    pub(crate) own_directory: PathBuf,
    /// Whether somebody types.
    pub(crate) stdin_is_terminal: bool,
    /// Whether somebody reads the output.
    pub(crate) stdout_is_terminal: bool,
    /// Whether somebody watches.
    pub(crate) stderr_is_terminal: bool,
    /// How stdout is written to.
    pub(crate) stdout_style: Style,
    /// How stderr is written to.
    pub(crate) stderr_style: Style,
}

impl Surroundings {
    /// Looks around.
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
            stderr_is_terminal: stderr().is_terminal(),
            stdout_style: Style::of(&stdout(), &variable),
            stderr_style: Style::of(&stderr(), &variable),
        }
    }

    /// A variable that is set, and not to nothing.
    pub(crate) fn variable(&self, name: &str) -> Option<String> {
        (self.env)(name).filter(|value| !value.trim().is_empty())
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
