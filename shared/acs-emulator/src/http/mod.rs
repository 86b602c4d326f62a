//! Connections, requests and responses.

pub(crate) mod server;
pub(crate) mod tls;

mod connection;
mod resettable_stream;
mod response;
mod response_body;
mod service;
