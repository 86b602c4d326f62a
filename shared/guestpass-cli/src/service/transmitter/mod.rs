//! The API of a transmitter of signals: stream management of the Shared Signals Framework 1.0.

mod access;
mod api;
mod metadata;

pub(crate) use access::{ApiCredential, TransmitterAccess};
pub(crate) use api::{ManagedStream, StreamRequest, TransmitterApi};
