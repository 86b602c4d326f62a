//! A SCIM 2.0 service provider (RFC 7643, RFC 7644) for deprovisioning: a user who becomes
//! inactive at the identity provider is blocked, and a deleted one is deleted.
//!
//! Read in this order: `service` (what a request does, and in which order), `wire` (what is
//! accepted, and what is returned), `model` (the stored user, and who that is for this
//! deployment), [`ports`].

mod access;
mod model;
pub mod ports;
mod service;
#[cfg(feature = "testing")]
pub mod testing;
mod wire;

pub use access::bearer_in;
pub use model::{ScimUser, SubjectAttribute, UserMapping};
pub use service::{ScimRequest, ScimService, ScimStamp};
pub use wire::{MAX_SCIM_BODY, ScimResponse};
