//! The commands of `guestpass resource`.

pub(crate) mod explain;
pub(crate) mod list;
