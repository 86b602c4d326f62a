//! The terms of the ACS Identity API: routes, operations, versions, bodies and errors.

mod error;
mod http_request;
mod mri;
mod operation;
mod request_body;
mod route;
pub(crate) mod service_version;
mod timestamp;

pub(crate) use error::{ApiError, Raised};
pub(crate) use http_request::HttpRequest;
pub(crate) use mri::Mri;
pub(crate) use operation::Operation;
pub(crate) use request_body::RequestBody;
pub(crate) use route::{AssignmentKey, RouteMatch, Verb, percent_decoded};
pub(crate) use service_version::ServiceVersion;
pub(crate) use timestamp::{date_time_offset, http_date};
