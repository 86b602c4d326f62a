//! `guestpass man`

use std::path::PathBuf;

use clap::{Args, CommandFactory as _};

use crate::{
    cli::Cli,
    failure::{Failure, Result},
};

/// Where to.
#[derive(Args)]
pub(crate) struct Arguments {
    /// A directory that exists
    directory: PathBuf,
}

/// Writes one page for each command.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let directory = &arguments.directory;
    clap_mangen::generate_to(Cli::command(), directory).map_err(|error| {
        Failure::usage(format!("cannot write to {}", directory.display()))
            .because(error.to_string())
            .so("name a directory that exists and that you may write to")
    })
}
