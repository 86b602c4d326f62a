//! The checks of the table and its content.

mod directories;
mod guests;
mod resources;
mod subject_claims;
mod table;

pub(crate) use directories::look_at_directories;
pub(crate) use guests::look_at_guest_cleanup;
pub(crate) use resources::look_at_resources;
pub(crate) use subject_claims::look_at_keys;
pub(crate) use table::{look_at_resource, look_at_table};
