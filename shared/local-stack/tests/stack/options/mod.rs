//! Tests of what the options of the stack change.

mod host;
mod parameters;
