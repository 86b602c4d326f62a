//! The credentials of requests: access keys with their signatures, and Entra bearer tokens.

pub(crate) mod bearer;
pub(crate) mod client_secret;
pub(crate) mod connection_string;
pub(crate) mod credential;
pub(crate) mod keys;
pub mod sign;
