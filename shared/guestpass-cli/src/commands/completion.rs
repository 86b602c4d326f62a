//! `guestpass completion`

use std::io::{Write as _, stdout};

use clap::CommandFactory as _;
use clap_complete::{Generator as _, Shell};

use crate::{
    options::{Cli, CompletionArguments, CompletionShell},
    report::error::Result,
};

/// Writes the completion script.
pub(crate) fn run(arguments: &CompletionArguments) -> Result<()> {
    let shell = match arguments.shell {
        CompletionShell::Bash => Shell::Bash,
        CompletionShell::Elvish => Shell::Elvish,
        CompletionShell::Fish => Shell::Fish,
        CompletionShell::Powershell => Shell::PowerShell,
        CompletionShell::Zsh => Shell::Zsh,
    };
    let mut command = Cli::command();
    command.set_bin_name("guestpass");
    command.build();
    // The generator panics if it writes to a closed pipe, so it writes to a buffer.
    let mut script = Vec::new();
    shell.generate(&command, &mut script);
    Ok(stdout().write_all(&script)?)
}
