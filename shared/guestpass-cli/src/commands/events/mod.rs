//! The commands of `guestpass events`.

pub(crate) mod dead_letters;
pub(crate) mod explain;
mod explanation;
pub(crate) mod replay;
pub(crate) mod send;
mod settings;
pub(crate) mod streams;
