//! The service: which one is selected, and how it is reached.

pub(crate) mod aws;
pub(crate) mod environment;
pub(crate) mod event_publisher;
pub(crate) mod explain;
pub(crate) mod local;
pub(crate) mod operator;
pub(crate) mod secret;
pub(crate) mod session;
pub(crate) mod target;
