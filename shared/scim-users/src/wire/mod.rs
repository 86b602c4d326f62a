//! What is accepted from providers, and what is returned to them.

mod attributes;
mod body;
mod discovery;
mod filter;
mod patch;
mod query;
mod refusal;
mod resource;
mod response;

pub(crate) use attributes::UserChange;
pub(crate) use body::read_body;
pub(crate) use discovery::{resource_types, schemas, service_provider_config};
pub(crate) use filter::UserFilter;
pub(crate) use patch::read_patch;
pub(crate) use query::ListQueryString;
pub(crate) use refusal::ScimRefusal;
pub(crate) use resource::{Projection, list_response, user_location, user_resource};

pub use body::MAX_SCIM_BODY;
pub use response::ScimResponse;
