//! The commands of `guestpass events`.

pub(crate) mod dead_letters;
pub(crate) mod explain;
mod explanation;
pub(crate) mod send;
pub(crate) mod streams;
