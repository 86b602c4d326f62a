//! The local stack: its description, its control API, and how to start one.

pub(crate) mod control;
mod loopback;
pub(super) mod stack_file;
mod temporary_stack;
mod trust;

pub(crate) use loopback::is_loopback;
pub(crate) use stack_file::StackDescription;
pub(crate) use temporary_stack::TemporaryStack;
