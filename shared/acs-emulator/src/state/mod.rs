//! What the emulator remembers, in memory and in its data directory.

pub(crate) mod clock;
pub(crate) mod data_dir;
pub(crate) mod directory_lock;
pub(crate) mod faults;
pub(crate) mod identities;
pub(crate) mod keys;
pub(crate) mod limits;
pub(crate) mod request_log;
pub(crate) mod start_error;
