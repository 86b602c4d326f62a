//! The commands of `guestpass cleanup`.

pub(crate) mod apply;
pub(crate) mod plan;
