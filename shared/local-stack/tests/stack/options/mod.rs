//! Tests of what the options of the stack change.

mod parameters;
