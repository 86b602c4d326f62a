//! `guestpass completion`

use std::io::{Write as _, stdout};

use clap::CommandFactory as _;
use clap_complete::Generator as _;

use crate::options::{Cli, CompletionArguments};
use crate::report::Result;

/// Writes the completion script.
pub(crate) fn run(arguments: &CompletionArguments) -> Result<()> {
    let mut command = Cli::command();
    command.set_bin_name("guestpass");
    command.build();
    // The generator panics if it writes to a closed pipe, so it writes to a buffer.
    let mut script = Vec::new();
    arguments.shell.generate(&command, &mut script);
    Ok(stdout().write_all(&script)?)
}
