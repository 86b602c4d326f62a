//! `guestpass man`

use clap::CommandFactory as _;

use crate::options::{Cli, ManArguments};
use crate::report::{CliError, Result};

/// Writes one page for each command.
pub(crate) fn run(arguments: &ManArguments) -> Result<()> {
    let directory = &arguments.directory;
    // The generator omits the description of options that `-h` hides.
    let command = Cli::command().mut_args(|argument| argument.hide_short_help(false));
    clap_mangen::generate_to(command, directory).map_err(|error| {
        CliError::usage(format!("cannot write to {}", directory.display()))
            .because(error.to_string())
            .hint("name a directory that exists and that you may write to")
    })
}
