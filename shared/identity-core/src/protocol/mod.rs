//! The protocols that several operations share: sequences of requests to the ports that stay
//! correct if a process dies in between, or if several requests change the same record.

pub mod administrator;
pub mod ensure_identity;
pub(crate) mod find_record;
pub(crate) mod find_settled;
pub(crate) mod finish_pending;
pub mod inviter;
pub mod pacer;
pub(crate) mod resources;
pub(crate) mod waiting;
