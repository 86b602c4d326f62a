//! `guestpass`: the operator's tool.
//!
//! Read the modules in this order: `cli` (the commands), `target` (which service is selected),
//! `world` (how it is reached), then one file per command in `commands`. The rules are in
//! `identity-core`, the same as in the functions.

mod arguments;
mod bulk;
mod bus;
mod checks;
mod cli;
mod commands;
mod confirm;
mod control;
mod dead_letters;
mod events;
mod explain;
mod failure;
mod history;
mod input;
mod jwt;
mod logs;
mod loopback;
mod moment;
mod names;
mod operator;
mod output;
mod own_stack;
mod pace;
mod plan;
mod progress;
mod receipt;
mod span;
mod stack_file;
mod style;
mod surroundings;
mod target;
mod trust;
mod views;
mod world;

use std::{io::stderr, process::ExitCode};

use crate::{
    cli::{Cli, Command},
    commands::Context,
    failure::Result,
    surroundings::Surroundings,
};

fn main() -> ExitCode {
    let around = Surroundings::of_process();
    let Cli { place, how, command } = match arguments::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(failure) => {
            let _ = failure.show(&mut stderr(), around.stderr_style, false);
            return ExitCode::from(failure.exit as u8);
        }
    };
    let (style, debug) = (around.stderr_style, how.debug);
    let context = Context { around, place, output: how.output };
    match run(command, &context) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if failure.is_closed() {
                // The reader of the output has closed it.
                return ExitCode::SUCCESS;
            }
            let _ = failure.show(&mut stderr(), style, debug);
            ExitCode::from(failure.exit as u8)
        }
    }
}

fn run(command: Command, context: &Context) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let outcome = runtime.block_on(commands::run(command, context));
    // Does not wait for a read of stdin, which may never end.
    runtime.shutdown_background();
    outcome
}
