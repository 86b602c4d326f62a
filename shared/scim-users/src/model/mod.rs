//! The stored user, and who that is for this deployment.

mod mapping;
mod user;

pub use mapping::{SubjectAttribute, UserMapping};
pub use user::ScimUser;
