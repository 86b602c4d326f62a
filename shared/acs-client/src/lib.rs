//! A client for the Identity REST API of Azure Communication Services (ACS).
//!
//! | Operation | Method of [`AcsIdentityClient`] |
//! |---|---|
//! | create an identity | `create_identity`, `create_identity_with_token` |
//! | issue and revoke its access tokens | `issue_access_token`, `revoke_access_tokens` |
//! | delete it | `delete_identity` |
//! | exchange a Teams user's token | [`exchange_teams_user_token`](AcsIdentityClient::exchange_teams_user_token) |
//! | exchange a Teams Phone user's token | [`exchange_teams_extension_token`](AcsIdentityClient::exchange_teams_extension_token) |
//! | manage who may use Teams Phone | [`find_teams_extension_assignment`](AcsIdentityClient::find_teams_extension_assignment), [`put_…`](AcsIdentityClient::put_teams_extension_assignment), [`delete_…`](AcsIdentityClient::delete_teams_extension_assignment) |
//!
//! The client also implements the port [`IdentityClient`](identity_core::ports::IdentityClient).
//! There, a method that returns a token requires an
//! [`Admission`](identity_core::admission::Admission), the proof that the user may have one. The
//! methods of the client do not: they need the feature `standalone`, which is on by default and off
//! in the service. The crate omits operations that exist only in the withdrawn preview 2025-03-02.
//!
//! # Example
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/fixture.rs"));
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let ExampleFixture { connection_string, clock, server: _server, .. } = ExampleFixture::new().await?;
//! use std::time::Duration;
//!
//! use acs_client::identity_core::{
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
//! # Features
//!
//! All are on by default.
//!
//! | Feature | |
//! |---|---|
//! | `standalone` | methods that return tokens without an admission |
//! | `bearer` | bearer tokens as the credential of the client: `TokenSource`, `EntraAppCredential` |
//! | `mozilla-roots` | TLS trusts Mozilla's root certificates, as of this crate's build. Without it, TLS only trusts the file `SSL_CERT_FILE` and [`Config::extra_roots_pem`] |
//!
//! # Units
//!
//! A [`Lifetime`](identity_core::identity::Lifetime) is in minutes, as in ACS: 60 to 1,440.
//! Deadlines and expiries are [`SystemTime`](std::time::SystemTime)s; expiries from ACS have a
//! resolution of 100 ns. The time comes from a [`Clock`](identity_core::ports::Clock).
//!
//! # Credentials
//!
//! | [`Credential`] | What a request carries |
//! |---|---|
//! | [`key`](Credential::key), [`Config::new`] | a signature with the access key (HMAC-SHA256, see [`sign`]) |
//! | [`keys`](Credential::keys), [`Config::load`] | the same; when ACS refuses the key, the client reads a [`KeySource`] again |
//! | [`bearer`](Credential::bearer) | an Entra token of a [`TokenSource`], e.g. a [`EntraAppCredential`] |
//!
//! A resource has two access keys, so that an administrator can regenerate one while the other
//! stays valid. If ACS refuses the key in use with a 401, the client reads the source once, and all
//! callers wait for the result. It then sends the request once more with a key that was not
//! refused, even a creation, because ACS did not process it. The client reads the source at most
//! once per 30 s. It does not read the source for a 401 with another cause: an identity of another
//! resource, or a wrong clock.
//!
//! A bearer token is sent over https only, or over http to an emulator on this machine if
//! [`Config::bearer_over_loopback_http`] is set. Signed requests are sent over http to an emulator
//! on this machine, and to the hosts of the environment variable [`INSECURE_HOSTS`].
//!
//! # Retries
//!
//! | Operation | Retried after |
//! |---|---|
//! | create an identity, with or without a token | a failed connection attempt |
//! | all others | a failed connection attempt, a lost connection, a timeout, 500, 502, 503, 504 |
//!
//! A creation that ACS may have received is never retried: ACS would create a second identity, and
//! the first one would be lost. There are at most three attempts; the last one ends before the
//! deadline of the call and within [`CallLimits::call`]. The pauses between them are random: at most
//! 0.1 s, then at most 0.2 s. After a 503, the pause is at least its `Retry-After`, in seconds or as
//! a date. If the pause would end after the deadline, or is longer than a minute, the call ends.
//!
//! The client does not retry after a 429, because refused requests may count against the limit,
//! too. Instead it *holds* the operation: for a while, calls of it fail with `Throttled` and send
//! nothing. A hold lasts for `Retry-After` and up to a fifth longer, or 5 to 15 s without
//! `Retry-After`. There is one hold for creating, with or without a token, one for issuing, and one
//! for exchanging. Revocations and deletions are never held.
//!
//! # Errors
//!
//! | [`identity_core::Error`] | Meaning | Source |
//! |---|---|---|
//! | `Throttled` | ACS answered 429, or the operation is held; `retry_after` is 1 s to 5 min | [`Answered`], or [`Unanswered`] if it is held |
//! | `AcsUnavailable` | a failed connection, a timeout, 3xx, 408, 5xx, a response that ACS does not document, or a 4xx to putting an assignment that an earlier attempt may have made; `maybe_applied` is `false` only if ACS cannot have received the request | [`Unanswered`] or [`Answered`] |
//! | `ForeignIdentity` | 401 `IdentityNotOwned` to issuing, revoking or deleting: the identity belongs to another resource and is unchanged | [`Answered`] |
//! | `AcsRefused` | any other 4xx, or Entra refuses a token: the configuration or the request is wrong, and a retry does not help | [`Answered`] or [`Unanswered`] |
//!
//! [`Answered::of`] returns the source, which has an [`ErrorCause`]:
//!
//! | Status, code | [`ErrorCause`] |
//! |---|---|
//! | 401 `Denied` | `KeyRefused`; `ClockSkew` if the clocks differ; `Denied` for a bearer token |
//! | 401 `IdentityNotOwned` | `IdentityNotOwned` |
//! | 401 `InvalidAccessToken` | `InvalidAccessToken`: the Teams user's token |
//! | 400 `ValidationError` | `AppId`, `UserId` (each with a [`Mistake`]); `PrincipalType`; `Validation` for any other target |
//! | 400 `UnsupportedApiVersion`, `ApiVersionUnspecified` | the same |
//! | 404 | `IdentityLost`, `NoSuchOperation` |
//! | any other 4xx | `BadRequest` |
//!
//! Deleting an identity that is already deleted, or revoking its tokens, succeeds: the response is a
//! 404 `IdentityNotFound`, or an empty 404 with an `MS-CV`. The text of a source is for the
//! operator's log: it has the cause, ACS's error code, message and target, `x-ms-client-request-id`,
//! and `MS-CV`, which Microsoft's support needs. Text from ACS is shortened, and control characters
//! are removed. No error and no `Debug` output contains a key, a secret, a token, or a body.
//!
//! # Sources
//!
//! Formats: Microsoft's [specification of the API] (2021-03-07 to 2026-09-23). Lifetimes, limits
//! and revocation: [Microsoft Learn]. Codes, messages and the format of dates come from recorded
//! traffic where available. The responses with `Denied`, to an unsupported api-version and with 429
//! are known from reports only.
//!
//! [specification of the API]: https://github.com/Azure/azure-rest-api-specs/tree/main/specification/communication/data-plane/Identity
//! [Microsoft Learn]: https://learn.microsoft.com/azure/communication-services/concepts/identity-model

mod api_version;
mod auth;
mod call;
mod client;
mod config;
mod config_error;
mod http;
mod operations;

pub use api_version::{ApiVersion, ApiVersionError};
#[cfg(feature = "bearer")]
pub use auth::{
    AUTHORITY, AppProof, BearerToken, ENTRA_SCOPE, EntraApp, EntraAppCredential, TokenSource,
};
pub use auth::{
    AccessKey, ConnectionString, ConnectionStringError, ConnectionStrings, Credential, Endpoint,
    INSECURE_HOSTS, KeySource, TokenError, connection_strings, sign,
};
pub use call::{Answered, ErrorCause, Mistake, Silence, Unanswered};
pub use client::AcsIdentityClient;
pub use config::{CallLimits, Config};
pub use config_error::ClientConfigError;
/// The types of identities, tokens, errors and ports in this crate's API.
pub use identity_core;
pub use identity_core::phone::{
    Guid, GuidError, PrincipalType, ResourceAccountName, TeamsExtensionAssignment,
};
