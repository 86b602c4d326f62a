//! The stack, with a function made for the purpose.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may die")]

mod fixture;
mod gateway;
mod processes;
mod program;
mod services;
