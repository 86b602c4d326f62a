//! Asks for confirmation before a step that cannot be undone.

use std::io::{self, stdin};

use crate::report::{CliError, Exit, Result, output};
use crate::service::CliEnvironment;

/// Continues if `yes` is set, or if the user confirms in the terminal.
pub(crate) fn confirm(question: &str, yes: bool, environment: &CliEnvironment) -> Result<()> {
    if yes {
        return Ok(());
    }
    if !environment.stdin_is_terminal || !environment.stderr_is_terminal {
        return Err(CliError::usage("confirmation required")
            .because("stdin or stderr is not a terminal")
            .hint("rerun with --yes, or in a terminal"));
    }
    output::ask(&format!("{question} [y/N]"))?;
    let mut answer = String::new();
    io::BufRead::read_line(&mut stdin().lock(), &mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes" | "Yes") {
        Ok(())
    } else {
        Err(CliError::new(Exit::Failed, "nothing was done").because("the answer was not yes"))
    }
}
