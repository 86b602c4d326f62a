//! Work on many identities or messages.

pub(crate) mod bulk;
pub(crate) mod cleanup_plan;
pub(crate) mod dead_letters;
pub(crate) mod deletion;
mod pace;
