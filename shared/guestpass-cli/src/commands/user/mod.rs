//! The commands of `guestpass user`.

pub(crate) mod block;
pub(crate) mod history;
mod timeline;
pub(crate) mod unblock;
