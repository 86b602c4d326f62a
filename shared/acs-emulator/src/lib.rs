//! A local Azure Communication Services Identity service that verifies the signatures, versions and
//! bodies of requests. It answers byte for byte as recorded traffic does, issues real RS256 tokens,
//! and knows which of them are still valid.
//!
//! ```no_run
//! # async fn example() -> Result<(), acs_emulator::EmulatorStartError> {
//! let emulator = acs_emulator::Emulator::builder().build()?;
//! let server = emulator.serve_on_loopback().await?;
//! println!("ACS is at {}", server.endpoint());
//! server.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Served
//!
//! The operations are served in every api-version from 2021-03-07 to 2026-09-23 that the real
//! service was recorded to answer or to name: 2021-03-07, 2021-03-31-preview1, 2021-10-31-preview,
//! 2021-11-01, 2022-06-01, 2022-10-01, 2023-08-01, 2023-10-01, 2025-03-31-preview (only issuing, because only the issuing route named it), 2025-06-30 and
//! 2026-09-23.
//!
//! | Operation | Since |
//! |---|---|
//! | create (with or without a token), issue access token, revoke access tokens, delete | 2021-03-07 |
//! | exchange a Teams user's token | 2022-06-01; with the token alone in 2021-03-31-preview1 and 2021-10-31-preview; not in 2021-11-01 |
//! | Teams Phone: exchange one's own token; get, put and delete assignments | 2025-06-30 |
//!
//! What only the withdrawn 2025-03-02-preview had is not served: custom ids, getting an identity,
//! and Entra access.
//!
//! The emulator also serves the control API under `/_emulator/`, without credentials, and the
//! endpoints of Entra ID that credential classes use. It serves http, and https with its own
//! certificate authority.
//!
//! # Control
//!
//! | `/_emulator/` | Takes | Gives |
//! |---|---|---|
//! | `GET`, `HEAD health` | | `{"status": "ok", "version"}`, under any host name and for any origin |
//! | `GET`, `POST clock` | `{"advanceSeconds": -60}`, `{"skewSeconds": 400}` or both | `{"offsetSeconds", "skewSeconds", "now"}` |
//! | `POST introspect` | `{"token"}` | `{"active", "reason", "identity", "scopes", "expiresOn"}`, and `"revokedAt", "effectiveAt"` of a token that was revoked or deleted |
//! | `GET identities` | | `{"identities": [{"id", "createdAt", "liveTokens"}]}` |
//! | `GET requests` | | `{"counts": {"createIdentity": 0, …}, "requests": [the last 1,000]}` |
//! | `GET jwks` | | the key that signs tokens |
//! | `POST entra/token` | JSON or a form, see below | `{"token", "expiresOn", "claims"}` |
//! | `GET entra/jwks` | | the key that signs Entra-like tokens |
//! | `GET`, `POST`, `DELETE faults` | `{"faults": [{"operation", "nth", "times", "action"}]}` | `{"faults", "held"}` |
//! | `POST faults/release` | | `{"released"}` |
//! | `POST keys/regenerate` | `{"keyType": "primary"}` or `"secondary"` | `{"keyType", "accessKey"}`: the one answer that shows a key |
//! | `POST reset` | | 204: everything except the keys is removed |
//!
//! `advanceSeconds` adds to the offset of the clock that determines the lifetime of tokens and the
//! dates of responses. `skewSeconds` sets the error of the clock by which the service checks
//! signatures and operators' bearers; 0 ends it. The offset does not move that clock. It also dates
//! the 401s, so with a skew of more than 5 minutes either way, the clock of the service differs
//! from that of every client.
//!
//! The reason of an invalid token is `revoked`, `expired`, `identity-deleted`, `key-regenerated`,
//! `identity-unknown` (issued before a reset), `unknown-signature` or `malformed`. With a
//! revocation lag, a revoked token has an `effectiveAt` in the future, and is active until then.
//!
//! A fault's action is one of `{"status": 503, "retryAfter": "2", "body": "{}"}`, `{"html": true}`
//! and `{"resetBefore": true}`, which do not execute the operation; or `{"delayMs": 50}`,
//! `{"resetAfter": true}`, `{"halfBody": true}`, `{"slowBytesMs": 20}` (one byte of the body every
//! so many milliseconds), `{"wrongJson": true}` (valid JSON of another shape) and `{"hold": true}`,
//! which execute the operation first. With `"afterEffect": true`, `status` and `html` also execute
//! it first. Without `nth` a fault applies to every call, or to the first `times` calls; with `nth`
//! it applies to `times` calls from the nth on.
//!
//! # Tokens of Entra ID
//!
//! A development issuer issues tokens like those of Entra ID, of version 1.0. `POST
//! /_emulator/entra/token` accepts these optional members: `tenant`, `oid`, `appid`, `aud`, `scp`
//! (with spaces between) or `scopes` (a list), `roles`, `groups`, `expiresInSeconds` (may be
//! negative), `iss`, and `ver` (`2.0` for the claims of that version). Without members it returns
//! the token of the development user for a Teams exchange. For a bearer of the operations, request
//! `{"aud": "https://communication.azure.com/"}`.
//!
//! Microsoft's credential classes get their tokens over https from `POST
//! /{tenant}/oauth2/v2.0/token`, by client secret or by password, if their authority is the
//! emulator and instance discovery is disabled; otherwise the discovery request goes to Microsoft's
//! own host. MSAL for Python looks for the realm of a user at port 443; it makes neither request if
//! its authority is `https://localhost:PORT/adfs`. Unless the builder sets others, these accounts
//! exist:
//!
//! | | |
//! |---|---|
//! | tenant | `e0000000-0000-4000-8000-000000000001`, also for names that are not a GUID |
//! | application | `e0000000-0000-4000-8000-000000000002`, secret `development-secret` |
//! | user | `user@emulator.invalid`, password `development-password`, object id `e0000000-0000-4000-8000-000000000003` |
//!
//! The trusted tokens are those of the development issuer and those signed with a key of
//! [`Builder::trust_entra_keys`], if `iss` has one of Entra's two forms for the token's `tid`. A
//! bearer of the operations is checked by the system's clock, as a signature is; users' tokens are
//! checked by the clock that tests move. `nbf` is not checked, since that clock may go back.
//!
//! | For | `aud` | `scp` |
//! |---|---|---|
//! | operations | `https://communication.azure.com` | none; `roles` if [`Builder::require_entra_role`] says so |
//! | Teams exchange | `https://auth.msft.communication.azure.com` or `1fd5118e-2576-4263-8130-9503064c837a` | `Teams.ManageCalls` and `Teams.ManageChats` |
//! | Teams Phone | the same | `TeamsExtension.ManageCalls` |
//!
//! An `aud` may end with one slash.
//!
//! In the clouds `gcch` and `dod`, the audience of users' tokens is
//! `https://auth.msft.communication.azure.us`, that of operators' tokens
//! `https://communication.azure.us` or the public one, and the issuer of version 2.0 is on
//! `login.microsoftonline.us`. Identities are `8:gcch-acs:…` and `8:dod-acs:…`, and Teams users
//! `8:gcch:…` and `8:dod:…`. Which audience operators' tokens have there is not documented.
//!
//! # Options
//!
//! Where the behaviour of the real service is unknown or can vary, [`EmulatorOptions`] select it. The
//! other behaviour is fixed.
//!
//! * A 429 is `{"error":{"code":"TooManyRequests","message"}}`, without `api-supported-versions`,
//!   like the gateway's other refusals. Every authenticated call takes a place in the window, even
//!   if it is then refused with 400. The window uses the clock that tests move.
//! * A token remembers the access key of its request, and becomes invalid when that key is
//!   regenerated, at once and regardless of the lag. A token that was requested with a bearer does
//!   not. The old key is refused like any wrong key; the log says that it was regenerated.
//! * With a lag, a deletion keeps old tokens valid for that time, and refuses new ones at once.
//! * An id that does not have the form `8:acs:…` does not belong to the resource: 401
//!   `IdentityNotOwned`.
//! * The signature is checked before the limit, the limit before the route, the
//!   route before the api-version, the body before the ownership of the id.
//! * Refusals for the api-version do not carry `api-supported-versions`, like every refusal before
//!   a controller. An operation that a version does not have is refused like an unknown version.
//!   The header is as recorded in October 2023 and April 2025, with 2025-06-30 and 2026-09-23
//!   added. So it names 2020-07-20-preview2 and 2025-03-02-preview, which are not served here, and omits
//!   2021-03-31-preview1 and 2023-08-01, which are.
//! * A Teams user's token names `8:orgid:{oid}` and the scopes `chat` and `voip`, and ends with the
//!   Entra token that was exchanged for it, or at a reset. The user is not an identity of the
//!   resource, so revoking and deleting do not affect the token. If the same check finds two
//!   errors, the response names the one in `appId`.
//! * A user who exchanges their own token without an assignment, or with an application that
//!   `clientIds` does not name (an empty `clientIds` allows any), is refused with 401 `Denied`. The
//!   new token ends with the user's token. A Teams Phone user is `8:acs:{resource}_{tid}_{oid}`
//!   with the scope `voip`. Removing an assignment ends the tokens of all users who last used it; replacing it
//!   ends none.
//! * A missing assignment is a 404 `AssignmentNotFound`; removing it is a 204.
//! * In early October 2022 the refusal of an `expiresInMinutes` out of range ended after `is
//!   invalid.`; the emulator only uses the later wording with the interval.
//! * `Strict-Transport-Security` is omitted over https, because a browser would remember localhost
//!   as https only.
//!
//! # Kept
//!
//! State is kept in memory, unless [`Builder::data_dir`] or `--data` names a directory. Then the
//! keys, including regenerated ones, identities, token lifetimes and revocations survive even a
//! kill of the process. Limits, faults, the request log and the clock's offset and skew are not
//! kept. A directory serves one emulator at a time.

mod api;
mod auth;
mod cloud;
mod control;
mod emulator;
mod http;
mod operations;
pub mod options;
mod resource;
mod state;

pub use cloud::Cloud;
pub use emulator::{Builder, Emulator};
pub use http::{AllowedHosts, EmulatorServer, ForeignRequest, Tls, check_local_request};
pub use options::EmulatorOptions;
pub use state::{DirectoryLock, EmulatorClock, EmulatorStartError, ResourceKey, Window};
