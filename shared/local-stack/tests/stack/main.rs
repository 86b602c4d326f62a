//! The stack, with a function made for the purpose: the example `echo_function`, which
//! `cargo test` builds, too, unless it is told to build only one test.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may die")]

mod fixture;
mod gateway;
mod processes;
mod program;
mod services;
