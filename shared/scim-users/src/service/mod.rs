//! What a request does.
//!
//! An event is sent before the change is stored. If the process ends in between, the provider gets
//! no answer and repeats the request, which sends the event again: a deactivation is never lost,
//! and an event that is applied twice has no further effect.

mod events;
mod list;
mod request;
mod users;

pub use request::{ScimRequest, ScimStamp};
pub use users::ScimService;
