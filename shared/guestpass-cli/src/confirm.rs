//! Asks for confirmation before a step that cannot be undone.

use std::io::{self, stdin};

use crate::{
    failure::{Exit, Failure, Result},
    output,
    surroundings::Surroundings,
};

/// Continues if `yes` is set, or if the user confirms in the terminal.
pub(crate) fn confirm(question: &str, yes: bool, around: &Surroundings) -> Result<()> {
    if yes {
        return Ok(());
    }
    if !around.stdin_is_terminal || !around.stderr_is_terminal {
        return Err(Failure::usage("this needs a yes, and nobody can be asked")
            .because("stdin or stderr is not a terminal")
            .so("add --yes if you are sure"));
    }
    output::ask(&format!("{question} [y/N]"))?;
    let mut answer = String::new();
    io::BufRead::read_line(&mut stdin().lock(), &mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes" | "Yes") {
        Ok(())
    } else {
        Err(Failure::new(Exit::Failed, "nothing was done").because("the answer was not yes"))
    }
}
