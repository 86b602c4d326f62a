//! The stack, with functions made for the purpose: the examples `echo_function` and
//! `worker_function`, which `cargo test` builds, too, unless it is told to build only one test.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may die")]

mod control;
mod delivery;
mod fixture;
mod gateway;
mod processes;
mod program;
mod services;
