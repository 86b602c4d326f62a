//! How each kind of transmitter authenticates and answers.

pub(crate) mod apple;
pub(crate) mod back_channel_logout;
pub(crate) mod event_grid;
pub(crate) mod global_token_revocation;
pub(crate) mod google;
pub(crate) mod graph;
mod message;
pub(crate) mod ssf;
