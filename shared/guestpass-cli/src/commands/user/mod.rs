//! The commands of `guestpass user`.

pub(crate) mod history;
pub(crate) mod relocate;
mod timeline;
pub(crate) mod unblock;
