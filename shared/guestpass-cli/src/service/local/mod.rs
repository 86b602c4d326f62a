//! The local stack: its description, its control API, and how to start one.

pub(crate) mod control;
mod loopback;
pub(crate) mod stack_file;
pub(crate) mod temporary_stack;
mod trust;
