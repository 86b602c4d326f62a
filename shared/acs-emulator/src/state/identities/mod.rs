//! The identities of the resource, their tokens, and the journal that stores them.

pub(crate) mod assignment;
pub(crate) mod identity;
pub(crate) mod journal;
mod records;
pub(crate) mod registry;
