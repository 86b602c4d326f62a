//! A client for the Identity REST API of Azure Communication Services (ACS):
//! create identities, issue and revoke their access tokens, delete them.
//!
//! [`AcsIdentityClient`] is the adapter of the port
//! [`IdentityClient`](identity_core::ports::IdentityClient). It signs each request
//! with the resource's access key, and it knows what may be sent twice:
//!
//! | Operation | Sent again after |
//! |---|---|
//! | create an identity, with or without a token | 429, or a connection that was never made |
//! | issue a token, revoke tokens, delete an identity | these, and a lost connection, a timeout, 500, 502, 503, 504 |
//!
//! A creation that ACS may have seen is never repeated: ACS makes a new identity
//! each time, and the first one would be lost. There are at most three attempts,
//! the last of which ends before the deadline of the call, and in any case within
//! [`Limits::call`]. `Retry-After` is honoured.
//!
//! # Example
//!
//! ```no_run
//! use std::time::{Duration, SystemTime};
//!
//! use acs_client::{AcsIdentityClient, Config};
//! use identity_core::{
//!     identity::{Lifetime, Scopes, TokenRequest},
//!     ports::{Clock, IdentityClient},
//! };
//!
//! # async fn example(clock: impl Clock, connection_string: &str) -> Result<(), Box<dyn std::error::Error>> {
//! // From the resource's page "Keys" in the Azure portal:
//! // endpoint=https://<resource>.communication.azure.com/;accesskey=<base64>
//! let deadline = clock.now() + Duration::from_secs(8);
//! let acs = AcsIdentityClient::new(Config::new(connection_string.parse()?), clock)?;
//!
//! let scopes = Scopes::parse(["chat", "voip"]).ok_or("unknown scope")?;
//! let request = TokenRequest { scopes, lifetime: Lifetime::HOUR };
//! let (identity, token) = acs.create_identity_with_token(&request, deadline).await?;
//! println!("{identity} has a token until {:?}", token.expires_on);
//!
//! acs.revoke_access_tokens(&identity, deadline).await?;
//! acs.delete_identity(&identity, deadline).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Units
//!
//! A [`Lifetime`](identity_core::identity::Lifetime) counts minutes, as ACS does;
//! deadlines and expiries are [`SystemTime`](std::time::SystemTime)s.
//!
//! # Errors
//!
//! | [`identity_core::Error`] | Means | Its source |
//! |---|---|---|
//! | `Throttled` | ACS answered 429, and waiting did not help or did not fit; `retry_after` is 1 s to 5 min | |
//! | `AcsUnavailable` | no connection, a timeout, 3xx, 408, 5xx, or an answer ACS does not give; `maybe_applied` is `false` only if ACS cannot have seen the request | [`Unanswered`] or [`Answered`] |
//! | `AcsRefused` | any other 4xx: the configuration or the mapping is wrong, and trying again does not help | [`Answered`] |
//!
//! The text of a source is for the log of whoever is on call: it names the cause,
//! ACS's error code and message, `x-ms-client-request-id` and `MS-CV` (what
//! Microsoft's support asks for). What ACS says in it is cut and cleaned. No error
//! and no `Debug` holds the access key, a token, or a body.

mod answer;
mod api_version;
mod bearer;
mod cause;
mod client;
mod client_secret;
mod config;
mod connection_string;
mod credential;
mod date;
mod error;
mod http;
mod identities;
mod keys;
mod retry;
pub mod sign;
mod teams;
mod teams_exchange;
mod transport;
mod wire;

pub use api_version::{ApiVersion, ApiVersionError};
pub use bearer::{BearerToken, ENTRA_SCOPE, TokenError, TokenSource};
pub use cause::{Cause, Mistake};
pub use client::AcsIdentityClient;
pub use client_secret::{AUTHORITY, ClientSecretCredential, EntraApp};
pub use config::{Config, ConfigError, Limits};
pub use connection_string::{AccessKey, ConnectionString, ConnectionStringError, Endpoint};
pub use credential::Credential;
pub use error::{Answered, Silence, Unanswered};
pub use keys::{ConnectionStrings, KeySource};
pub use teams::{Guid, GuidError, PrincipalType, TeamsExtensionAssignment};
