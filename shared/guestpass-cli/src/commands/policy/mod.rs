//! The commands of `guestpass policy`.

pub(crate) mod explain;
mod loaded;
pub(crate) mod test;
