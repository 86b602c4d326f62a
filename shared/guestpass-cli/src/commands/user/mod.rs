//! The commands of `guestpass user`.

pub(crate) mod history;
mod timeline;
pub(crate) mod unblock;
