//! Connections, requests and responses.

mod connection;
mod resettable_stream;
mod response;
mod response_body;
mod server;
mod service;
mod tls;

pub use server::EmulatorServer;
pub(crate) use tls::Tls;
