//! `guestpass man`

use std::path::PathBuf;

use clap::{Args, CommandFactory as _};

use crate::{
    cli::Cli,
    failure::{Failure, Result},
};

/// Where to.
#[derive(Args)]
#[command(after_help = "\
  guestpass man ~/.local/share/man/man1, then: man guestpass-identity-delete")]
pub(crate) struct Arguments {
    /// A directory that exists
    directory: PathBuf,
}

/// Writes one page for each command.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let directory = &arguments.directory;
    // The generator omits the description of options that `-h` hides.
    let command = Cli::command().mut_args(|argument| argument.hide_short_help(false));
    clap_mangen::generate_to(command, directory).map_err(|error| {
        Failure::usage(format!("cannot write to {}", directory.display()))
            .because(error.to_string())
            .so("name a directory that exists and that you may write to")
    })
}
