//! A client for the Identity REST API of Azure Communication Services (ACS).
//!
//! | Operation | Method of [`AcsIdentityClient`] |
//! |---|---|
//! | create an identity | `create_identity`, `create_identity_with_token` |
//! | issue and revoke its access tokens | `issue_access_token`, `revoke_access_tokens` |
//! | delete it | `delete_identity` |
//! | exchange a Teams user's token | [`exchange_teams_user_token`](AcsIdentityClient::exchange_teams_user_token) |
//! | exchange a Teams Phone user's token | [`exchange_teams_extension_token`](AcsIdentityClient::exchange_teams_extension_token) |
//! | who may use Teams Phone | [`find_teams_extension_assignment`](AcsIdentityClient::find_teams_extension_assignment), [`put_…`](AcsIdentityClient::put_teams_extension_assignment), [`delete_…`](AcsIdentityClient::delete_teams_extension_assignment) |
//!
//! The operations on identities are also the port
//! [`IdentityClient`](identity_core::ports::IdentityClient). There, a method that returns a
//! token requires a proof that the user may have one. The methods here require none: they are
//! behind the feature `standalone`, which is on by default and off in the service. The crate
//! omits the operations that only the preview 2025-03-02 had, because Microsoft has withdrawn
//! it.
//!
//! # Example
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let World { connection_string, clock, server: _server, .. } = World::new().await?;
//! use std::time::Duration;
//!
//! use identity_core::{
//!     identity::{Lifetime, Scopes, TokenRequest},
//!     ports::{Clock, IdentityClient},
//! };
//!
//! // From the resource's page "Keys" in the Azure portal:
//! // endpoint=https://<resource>.communication.azure.com/;accesskey=<base64>
//! let deadline = clock.now() + Duration::from_secs(8);
//! let acs = AcsIdentityClient::new(Config::new(connection_string.parse()?), clock)?;
//!
//! let request = TokenRequest { scopes: Scopes::chat_and_voip(), lifetime: Lifetime::HOUR };
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
//! A [`Lifetime`](identity_core::identity::Lifetime) counts minutes, as ACS does: 60 to 1,440.
//! Deadlines and expiries are [`SystemTime`](std::time::SystemTime)s; ACS gives expiries to
//! 100 ns. The time comes from a [`Clock`](identity_core::ports::Clock).
//!
//! # Credentials
//!
//! | [`Credential`] | What a request carries |
//! |---|---|
//! | [`key`](Credential::key), [`Config::new`] | a signature by the access key (HMAC-SHA256, see [`sign`]) |
//! | [`keys`](Credential::keys), [`Config::load`] | the same; when ACS refuses the key, it is read again from a [`KeySource`] |
//! | [`bearer`](Credential::bearer) | an Entra token of a [`TokenSource`], e.g. a [`ClientSecretCredential`] |
//!
//! A resource has two access keys, so that an administrator can regenerate one while the other
//! works. After a 401 for the key in use, the client reads the source once, and all callers wait
//! for it. It then sends the request once more with a key that was not refused. This includes a
//! creation, because ACS has not processed it. The client reads the source at most once per
//! 30 s. ACS also answers 401 for an identity of another resource and for a wrong clock; the client
//! does not read the source for these.
//!
//! A bearer token is sent over https only. If [`Config::bearer_over_loopback_http`] is set, it
//! is also sent over http to an emulator on this machine.
//!
//! # Retries
//!
//! | Operation | After |
//! |---|---|
//! | create an identity, with or without a token | a connection that was never made |
//! | all others | this, and a lost connection, a timeout, 500, 502, 503, 504 |
//!
//! A creation that ACS may have seen is never repeated: ACS creates a new identity each time,
//! and the first one would be lost. There are at most three attempts; the last one ends before
//! the deadline of the call and within [`Limits::call`]. The pauses between them are random, up
//! to 0.1 s and up to 0.2 s. After a 503, the pause is at least its `Retry-After`, in seconds or
//! as a date. If the pause does not fit before the deadline, or is longer than a minute, the
//! call ends.
//!
//! The client does not retry after a 429: requests that ACS refuses may count against its limit,
//! too. After a 429 the client *holds* the operation for as long as `Retry-After` says and up to
//! a fifth longer, or for 5 to 15 s without it: calls of that operation fail with `Throttled`
//! and send nothing. There is one hold for creating, with or without a token, one for issuing,
//! and one for exchanging. A revocation or a deletion is never held.
//!
//! # Errors
//!
//! | [`identity_core::Error`] | Means | Its source |
//! |---|---|---|
//! | `Throttled` | ACS answered 429, or the operation is held; `retry_after` is 1 s to 5 min | [`Answered`], or [`Unanswered`] if it is held |
//! | `AcsUnavailable` | no connection, a timeout, 3xx, 408, 5xx, or an answer ACS does not give; `maybe_applied` is `false` only if ACS cannot have seen the request | [`Unanswered`] or [`Answered`] |
//! | `ForeignIdentity` | 401 `IdentityNotOwned` to issuing, revoking or deleting: the identity belongs to another resource, and nothing happened to it | [`Answered`] |
//! | `AcsRefused` | any other 4xx, or Entra gives no token: the configuration or the mapping is wrong, and trying again does not help | [`Answered`] or [`Unanswered`] |
//!
//! [`Answered::of`] finds the source, and its [`Cause`] is the exact cause:
//!
//! | Status, code | [`Cause`] |
//! |---|---|
//! | 401 `Denied` | `KeyRefused`; `ClockSkew` if the dates differ; `Denied` for a bearer token |
//! | 401 `IdentityNotOwned` | `IdentityNotOwned` |
//! | 401 `InvalidAccessToken` | `InvalidAccessToken`: the Teams user's token |
//! | 400 `ValidationError` | `AppId`, `UserId` (each with a [`Mistake`]); `Validation` for any other target |
//! | 400 `UnsupportedApiVersion`, `ApiVersionUnspecified` | the same |
//! | 404 | `IdentityLost`, `NoSuchOperation` |
//! | any other 4xx | `BadRequest` |
//!
//! Deleting or revoking what is already gone succeeds: the response is a 404 `IdentityNotFound`,
//! or an empty 404 with an `MS-CV`. The text of a source is for the operator's log: it has the
//! cause, ACS's error code, message and target, `x-ms-client-request-id` and `MS-CV` (which
//! Microsoft's support asks for). Text of ACS is cut and cleaned. No error and no `Debug` holds
//! a key, a secret, a token, or a body.
//!
//! # Sources
//!
//! Formats: Microsoft's [specification of the API] (2021-03-07 to 2026-09-23). Lifetimes, limits
//! and revocation: [Microsoft Learn]. Codes, messages and the format of dates come from recorded
//! traffic, where that exists; the responses to `Denied`, to a wrong api-version and to too many
//! requests (429) are known from reports only.
//!
//! [specification of the API]: https://github.com/Azure/azure-rest-api-specs/tree/main/specification/communication/data-plane/Identity
//! [Microsoft Learn]: https://learn.microsoft.com/azure/communication-services/concepts/identity-model

mod api_version;
mod auth;
mod call;
mod client;
mod config;
mod config_error;
mod guid;
mod http;
mod operations;

pub use api_version::{ApiVersion, ApiVersionError};
pub use auth::{
    bearer::{BearerToken, ENTRA_SCOPE, TokenError, TokenSource},
    client_secret::{AUTHORITY, ClientSecretCredential, EntraApp},
    connection_string::{AccessKey, ConnectionString, ConnectionStringError, Endpoint},
    credential::Credential,
    keys::{ConnectionStrings, KeySource},
    sign,
};
pub use call::{
    cause::{Cause, Mistake},
    error::{Answered, Silence, Unanswered},
};
pub use client::AcsIdentityClient;
pub use config::{Config, Limits};
pub use config_error::ConfigError;
pub use guid::{Guid, GuidError};
pub use operations::teams_phone::{PrincipalType, TeamsExtensionAssignment};
