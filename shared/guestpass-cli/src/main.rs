//! `guestpass`: the operator's tool.
//!
//! `options` defines the command line, `commands` has one file per command, `jobs` works on many
//! identities, `checks` belongs to the doctor, `service` finds and reaches the service, `input`
//! reads and `report` writes. The rules are in `identity-core`, the same as in the functions.

mod checks;
mod commands;
mod input;
mod jobs;
mod options;
mod report;
mod service;

use std::io::stderr;
use std::process::ExitCode;

use crate::commands::CommandContext;
use crate::options::{Cli, Command};
use crate::report::Result;
use crate::service::CliEnvironment;

fn main() -> ExitCode {
    let environment = CliEnvironment::of_process();
    let style = environment.stderr_style;
    let Cli { service, output, command } = match options::parse_command_line(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print(&mut stderr(), style, false);
            return ExitCode::from(error.exit as u8);
        }
    };
    let context =
        CommandContext { environment, service, output: output.output, is_wide: output.wide };
    match run(command, &context) {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of the output has closed it.
        Err(error) if error.is_closed() => ExitCode::SUCCESS,
        Err(error) => {
            let _ = error.print(&mut stderr(), style, output.debug);
            ExitCode::from(error.exit as u8)
        }
    }
}

fn run(command: Command, context: &CommandContext) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(commands::run(command, context));
    // Does not wait for a read of stdin, which may never end.
    runtime.shutdown_background();
    outcome
}
