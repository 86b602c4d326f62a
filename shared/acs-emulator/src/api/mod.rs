//! The terms of the ACS Identity API: routes, operations, versions, bodies and errors.

pub(crate) mod error;
pub(crate) mod http_request;
pub(crate) mod mri;
pub(crate) mod operation;
pub(crate) mod request_body;
pub(crate) mod route;
pub(crate) mod service_version;
pub(crate) mod timestamp;
