//! Connections, requests and responses.

mod connection;
mod local_only;
mod resettable_stream;
mod response;
mod response_body;
mod server;
mod service;
mod tls;

pub use local_only::{AllowedHosts, ForeignRequest, check_local_request};
pub use server::EmulatorServer;
pub use tls::Tls;
