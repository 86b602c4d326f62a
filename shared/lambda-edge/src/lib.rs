//! The edge that every function shares: it reads the caller and the request, and turns a result
//! into an HTTP response and a log line.

pub mod config;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;

mod access;
mod caller_hash;
mod clock;
mod deadline;
mod problem;
mod request;
mod response;

pub use access::{Access, Addressed, InvitationRules, named_invitation, unverified_claims};
pub use clock::system_clock;
pub use deadline::deadline;
pub use problem::Problem;
pub use request::{
    Caller, GatewayEvent, Object, TokenInput, fields, invalid_parameter, invocation, invocation_of,
    json, paging, query, short_json,
};
pub use response::{ApiResponse, ServiceEdge, correlation_id, run, serve};
