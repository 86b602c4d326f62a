//! The types of the domain and the rules over them. They do no input or output.

pub mod admission;
pub mod audit;
pub(crate) mod cleanup_run;
pub(crate) mod error;
pub mod event;
pub mod event_decision;
pub mod identity;
pub mod policy;
pub mod record;
pub mod secret;
