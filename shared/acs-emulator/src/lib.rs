//! A local Azure Communication Services Identity service that verifies what it
//! is sent: signatures, versions, bodies. It answers byte for byte what recorded
//! traffic shows, mints real RS256 tokens, and knows which of them still live.
//!
//! ```no_run
//! # async fn example() -> Result<(), acs_emulator::StartError> {
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
//! In every api-version from 2021-03-07 to 2026-09-23 that the real service was
//! recorded to answer or to name: 2021-03-07, 2021-03-31-preview1,
//! 2021-10-31-preview, 2021-11-01, 2022-06-01, 2022-10-01, 2023-08-01, 2023-10-01,
//! 2025-03-02-preview, 2025-03-31-preview (only issuing, where alone it was
//! named), 2025-06-30 and 2026-09-23.
//!
//! | Operation | Since |
//! |---|---|
//! | create (with or without a token), issue access token, revoke access tokens, delete | 2021-03-07 |
//! | exchange a Teams user's token | 2022-06-01; with the token alone in 2021-03-31-preview1 and 2021-10-31-preview; not in 2021-11-01 |
//! | Teams Phone: exchange one's own token; get, put and delete assignments | 2025-06-30; 2025-03-02-preview |
//! | get identity, `customId`; Entra: exchange one's own token; get, put, delete and patch assignments | 2025-03-02-preview alone |
//!
//! And the control API under `/_emulator/`, without credentials, and as much of
//! Entra ID's endpoints as credential classes ask for. Over http, and over https
//! with a certificate authority of its own.
//!
//! # Control
//!
//! | `/_emulator/` | Takes | Gives |
//! |---|---|---|
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
//! | `POST reset` | | 204: all but the keys is forgotten |
//!
//! `advanceSeconds` adds to the offset of the clock that tokens live by, and that
//! dates answers. `skewSeconds` says how wrong the service is, from then on, about
//! the time that signatures and operators' bearers are judged by; 0 ends it. That
//! time, which the offset does not move, dates the 401s, so with a skew of more
//! than 5 minutes either way every client meets a service whose clock disagrees.
//!
//! A dead token's reason is `revoked`, `expired`, `identity-deleted`,
//! `key-regenerated`, `identity-unknown` (of before a reset), `unknown-signature`
//! or `malformed`. One that was revoked while revocations lag has an
//! `effectiveAt` to come, and is active until then.
//!
//! A fault's action is one of `{"status": 503, "retryAfter": "2", "body": "{}"}`,
//! `{"html": true}`, `{"resetBefore": true}`, which do nothing else; and
//! `{"delayMs": 50}`, `{"resetAfter": true}`, `{"halfBody": true}`,
//! `{"slowBytesMs": 20}` (a byte of the body every so many milliseconds),
//! `{"wrongJson": true}` (valid, of another shape), `{"hold": true}`, which first
//! do what was asked. `"afterEffect": true` beside
//! `status` or `html` has them come after it too. Without `nth` every call is
//! struck, or the first `times`; with it the nth, and `times` from there on.
//!
//! # Tokens of Entra ID
//!
//! A development issuer makes tokens like those of Entra ID, of version 1.0.
//! `POST /_emulator/entra/token` takes, all of it optional: `tenant`, `oid`,
//! `appid`, `aud`, `scp` (with spaces between) or `scopes` (a list), `roles`,
//! `groups`, `expiresInSeconds` (may be negative), `iss`, and `ver` (`2.0` for
//! the claims of that version). Without anything it makes the token of the
//! development user for a Teams exchange. For a bearer of the operations, ask
//! for `{"aud": "https://communication.azure.com/"}`.
//!
//! Microsoft's credential classes get theirs over https from
//! `POST /{tenant}/oauth2/v2.0/token`, by client secret or by password, when
//! their authority is the emulator and instance discovery is disabled; a
//! discovery that is not goes to Microsoft's own host. MSAL for Python, which
//! looks for the realm of a user at port 443, asks for neither if its authority
//! is `https://localhost:PORT/adfs`. Unless the builder names others, there are:
//!
//! | | |
//! |---|---|
//! | tenant | `e0000000-0000-4000-8000-000000000001`, also for names that are not a GUID |
//! | application | `e0000000-0000-4000-8000-000000000002`, secret `development-secret` |
//! | user | `user@emulator.invalid`, password `development-password`, object id `e0000000-0000-4000-8000-000000000003` |
//!
//! Whose tokens are believed: the development issuer's and those signed with a
//! key of [`Builder::trust_entra_keys`], for a `tid` of Entra's two forms of
//! `iss`. A bearer of the operations is dated by the system's clock, as a
//! signature is; users' tokens live by the clock that tests move. `nbf` is not
//! looked at, since that clock may go back.
//!
//! | For | `aud` | `scp` |
//! |---|---|---|
//! | operations | `https://communication.azure.com` | none; `roles` if [`Builder::require_entra_role`] says so |
//! | Teams exchange | `https://auth.msft.communication.azure.com` or `1fd5118e-2576-4263-8130-9503064c837a` | `Teams.ManageCalls` and `Teams.ManageChats` |
//! | Teams Phone | the same | `TeamsExtension.ManageCalls` |
//! | Entra access | `https://communication.azure.com/clients` or `2a04943b-b6a7-4f65-8786-2bb6131b59f6` | any of `Chat`, `Chat.Join`, `Chat.Join.Limited`, `VoIP`, `VoIP.Join` |
//!
//! An `aud` may end with one slash.
//!
//! # Choices
//!
//! Where nothing is known of the real service, or it may do either, this one can
//! be told which way to play it.
//!
//! | What is open | By default | The other way | By flag | By [`Builder`] |
//! |---|---|---|---|---|
//! | The limits per operation and 30 seconds | 1000 for creating, creating with a token and issuing, 500 for revoking, deleting and exchanging; 429 above | none | `--no-limits` | [`limits(false)`](Builder::limits) |
//! | Whether a call that is answered with that 429 takes a place in the 30 seconds | no: a caller that keeps asking is served as soon as one that waits | yes: callers that keep asking can keep each other out | `--count-refused` | [`count_refused`](Builder::count_refused) |
//! | `Retry-After` on that 429 | the seconds until a place is free | absent | `--no-retry-after` | [`retry_after(false)`](Builder::retry_after) |
//! | When a revocation or deletion ends tokens | at once | up to 15 minutes later | `--revocation-lag SECONDS` | [`revocation_lag`](Builder::revocation_lag) |
//! | A token issued after a revocation, in its second | lives: their order decides | dies: `iat` decides | `--revoke-by-second` | [`revoke_by_second`](Builder::revoke_by_second) |
//! | Issuing for an identity that was deleted or never created | 404 `IdentityNotFound` | 200, and the token lives | `--issue-for-deleted` | [`issue_for_deleted`](Builder::issue_for_deleted) |
//! | Revoking and deleting such an identity | 204: only the resource inside an id is known to be checked | 404 `IdentityNotFound` | `--refuse-unknown-identities` | [`refuse_unknown_identities`](Builder::refuse_unknown_identities) |
//! | An unknown scope, and a join scope before 2023-08-01 | 400 `ValidationError` | issued as it is | `--accept-unknown-scopes` | [`accept_unknown_scopes`](Builder::accept_unknown_scopes) |
//! | A member newer than the api-version (`expiresInMinutes` before 2022-10-01, `customId`) | ignored, as ASP.NET would | 400 `ValidationError` | `--refuse-newer-members` | [`refuse_newer_members`](Builder::refuse_newer_members) |
//! | A host that was signed with a trailing slash | 401, as the real service does, and its own line in the log | believed | `--allow-host-with-slash` | [`allow_host_with_slash`](Builder::allow_host_with_slash) |
//! | How far a request's date may be off | 5 minutes | any other margin; by flag up to a day | `--skew SECONDS` | [`skew`](Builder::skew) |
//!
//! The rest is as follows.
//!
//! * A 429 is `{"error":{"code":"TooManyRequests","message"}}`, without
//!   `api-supported-versions`, as a gateway's refusals are. Every call that is
//!   believed takes a place in the window, one that is then a 400 too. The window
//!   is on the clock that tests move.
//! * A token remembers the access key of the request that asked for it, and dies
//!   when that key is regenerated, at once whatever the lag; one that was asked
//!   for with a bearer does not. The old key is denied like any wrong one; the
//!   log says that it was regenerated.
//! * A lagging deletion lets old tokens live on, and refuses new ones at once.
//! * An id that is not of the form `8:acs:…` is not the resource's:
//!   401 `IdentityNotOwned`.
//! * The signature is checked before the limit, the limit before the route, the
//!   route before the api-version, the body before the ownership of the id.
//! * Refusals for the api-version do not carry `api-supported-versions`, like
//!   everything raised before a controller. An operation that a version does not
//!   have is refused like a version that is unknown. The header is as recorded
//!   in October 2023 and April 2025 with 2025-06-30 and 2026-09-23 added, so it
//!   names 2020-07-20-preview2, which is not served here, and leaves out
//!   2021-03-31-preview1 and 2023-08-01, which are.
//! * A Teams user's token names `8:orgid:{oid}` and the scopes `chat` and `voip`,
//!   and ends with the Entra token it was exchanged for, or at a reset. It is no
//!   identity of the resource, so revoking and deleting do not reach it. Of two
//!   mistakes in the same check, the one in `appId` is told.
//! * Whoever comes with a token of their own and is not assigned, or with
//!   another application than `clientIds` names (any, if it names none), is
//!   refused as 401 `Denied`. The token ends with theirs. A Teams Phone user is
//!   `8:acs:{resource}_{tid}_{oid}` with the scope `voip`, an Entra user
//!   `8:acs:{resource}_wf_{tid}_{oid}` with the scopes granted. Ending an
//!   assignment ends the tokens of everybody who last came by it; replacing it
//!   ends none.
//! * An assignment that does not exist is a 404 `AssignmentNotFound`; ending one
//!   is a 204. A patch of assignments is done whole or not at all, and is a 204.
//! * A deleted identity's custom id is free again.
//! * In early October 2022 the refusal of an `expiresInMinutes` out of range ended
//!   after `is invalid.`; the wording with the interval superseded that, and alone
//!   is played.
//! * `Strict-Transport-Security` is left out over https, or a browser would
//!   remember localhost as https only.
//!
//! # Kept
//!
//! In memory, unless [`Builder::data_dir`] or `--data` names a directory: then the
//! keys, those regenerated among them, identities, tokens' lives and revocations
//! are there again after the process was killed. Limits, faults, the request log
//! and the clock's offset and skew are not kept. A directory serves one emulator at a time.

mod access_key;
mod answer;
mod api_version;
mod breakable;
pub mod choices;
mod clock;
mod control;
mod data_dir;
mod directory_lock;
mod emulator;
mod entra;
mod error;
mod faults;
mod identities;
mod identity;
mod introspection;
mod journal;
mod keys;
mod limits;
mod mri;
mod operation;
mod operations;
mod options;
mod payload;
mod random;
mod request_body;
mod request_log;
mod resource;
mod route;
mod server;
mod service;
mod signature;
mod start_error;
mod timestamp;
mod tls;
mod token;

pub use access_key::AccessKey;
pub use clock::Clock;
pub use directory_lock::DirectoryLock;
pub use emulator::{Builder, Emulator};
pub use limits::Window;
pub use server::Server;
pub use start_error::StartError;
