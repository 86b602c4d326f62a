//! The edge that every function shares: it reads the caller and the request, and turns a result
//! into an HTTP response and a log line.

pub mod config;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;

mod access;
mod caller;
mod caller_hash;
mod clock;
mod deadline;
mod object;
mod problem;
mod request;
mod response;
mod token_input;

pub use access::{Access, Addressed};
pub use caller::Caller;
pub use caller_hash::CallerHash;
pub use clock::system_clock;
pub use deadline::deadline;
pub use object::Object;
pub use problem::Problem;
pub use request::{invocation, invocation_of, json, query};
pub use response::{ApiResponse, serve};
pub use token_input::TokenInput;
