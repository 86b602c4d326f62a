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
//! Create (with or without a token), issue access token, revoke access tokens
//! and delete, in every generally available api-version from 2021-03-07 to
//! 2026-09-23; and the control API under `/_emulator/`, without credentials. Over http, and
//! over https with a certificate authority of its own.
//!
//! # Control
//!
//! | `/_emulator/` | Takes | Gives |
//! |---|---|---|
//! | `GET`, `POST clock` | `{"advanceSeconds": -60}` | `{"offsetSeconds", "now"}` |
//! | `POST introspect` | `{"token"}` | `{"active", "reason", "identity", "scopes", "expiresOn"}` |
//! | `GET identities` | | `{"identities": [{"id", "createdAt", "liveTokens"}]}` |
//! | `GET requests` | | `{"counts": {"createIdentity": 0, …}, "requests": [the last 1,000]}` |
//! | `GET jwks` | | the key that signs tokens |
//! | `GET`, `POST`, `DELETE faults` | `{"faults": [{"operation", "nth", "times", "action"}]}` | `{"faults", "held"}` |
//! | `POST faults/release` | | `{"released"}` |
//! | `POST reset` | | 204: all but the keys is forgotten |
//!
//! A dead token's reason is `revoked`, `expired`, `identity-deleted`,
//! `identity-unknown` (of before a reset), `unknown-signature` or `malformed`.
//!
//! A fault's action is one of `{"status": 503, "retryAfter": "2", "body": "{}"}`,
//! `{"html": true}`, `{"resetBefore": true}`, which do nothing else; and
//! `{"delayMs": 50}`, `{"resetAfter": true}`, `{"halfBody": true}`,
//! `{"hold": true}`, which first do what was asked. `"afterEffect": true` beside
//! `status` or `html` has them come after it too. Without `nth` every call is
//! struck, or the first `times`; with it the nth, and `times` from there on.
//!
//! # Choices
//!
//! Where nothing is known of the real service, this one does as follows.
//!
//! * An unknown scope, and a join scope before 2023-10-01, is a 400
//!   `ValidationError`.
//! * A token for an identity that was deleted or never created is refused with
//!   404 `IdentityNotFound`; [`Builder::issue_for_deleted`] makes the service
//!   issue one that lives. Revoking and deleting answer 204 for such an
//!   identity: only the resource inside an id is known to be checked.
//! * An id that is not of the form `8:acs:…` is not the resource's:
//!   401 `IdentityNotOwned`.
//! * The signature is checked before the route, the route before the
//!   api-version, the body before the ownership of the id.
//! * A member newer than the api-version is ignored, as ASP.NET would.
//! * Refusals for the api-version do not carry `api-supported-versions`, like
//!   everything raised before a controller. The header lists what is served here.
//! * A host signed with a trailing slash is refused, as the real service does;
//!   the log names that cause, and [`Builder::allow_host_with_slash`] lets it pass.
//! * A revocation begins a new generation of tokens, so a token issued in the
//!   same second, but after it, lives.
//! * `Strict-Transport-Security` is left out over https, or a browser would
//!   remember localhost as https only.

mod access_key;
mod answer;
mod api_version;
mod breakable;
mod clock;
mod control;
mod data_dir;
mod emulator;
mod entra;
mod error;
mod faults;
mod identities;
mod introspection;
mod journal;
mod mri;
mod operation;
mod operations;
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
pub use emulator::{Builder, Emulator};
pub use server::Server;
pub use start_error::StartError;
