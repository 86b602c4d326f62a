//! The credentials of requests: access keys with their signatures, and Entra bearer tokens.

#[cfg(feature = "bearer")]
mod bearer;
mod connection_string;
mod connection_strings;
mod credential;
#[cfg(feature = "bearer")]
mod entra_app;
mod insecure_hosts;
mod keys;
pub mod sign;
mod token_error;

#[cfg(feature = "bearer")]
pub(crate) use bearer::Bearers;
#[cfg(feature = "bearer")]
pub use bearer::{BearerToken, ENTRA_SCOPE, TokenSource};
pub use connection_string::{AccessKey, ConnectionString, ConnectionStringError, Endpoint};
pub use connection_strings::connection_strings;
pub use credential::Credential;
pub(crate) use credential::RequestCredential;
#[cfg(feature = "bearer")]
pub use entra_app::{AUTHORITY, AppProof, EntraApp, EntraAppCredential};
pub use insecure_hosts::INSECURE_HOSTS;
pub(crate) use keys::Keys;
pub use keys::{ConnectionStrings, KeySource};
pub use token_error::TokenError;
pub(crate) use token_error::is_token;
