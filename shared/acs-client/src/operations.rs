//! The operations of ACS as methods of the client.

mod identities;
#[cfg(feature = "standalone")]
mod standalone;
mod teams_exchange;
mod teams_phone;
mod wire;
