//! Tests of the stack with functions for this purpose: the examples `echo_function` and
//! `worker_function`. `cargo test` also builds them, unless it is told to build only one test.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may die")]

mod control;
mod cors;
mod delivery;
mod fixture;
mod gateway;
mod hostile_page;
mod options;
mod pages;
mod processes;
mod program;
mod refusals;
mod services;

mod signals;
