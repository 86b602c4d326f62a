//! The commands of `guestpass identity`.

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod import;
pub(crate) mod list;
pub(crate) mod show;
