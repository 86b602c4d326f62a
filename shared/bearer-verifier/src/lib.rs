//! Verifies the bearers (OIDC access or ID tokens) of several issuers, as RFC 8725 demands.
//!
//! Read in this order: [`SignedToken`] (what is read before anything is trusted), [`KeySet`] (the
//! keys of an issuer), [`TrustedIssuer`] (who may issue bearers, for which audience), [`verify`]
//! (every check), [`KeyCache`] (when to fetch keys). The crate makes no request and reads no
//! clock.

mod algorithm;
mod issuer;
mod key_cache;
mod key_set;
mod object;
mod profile;
mod refusal;
#[cfg(feature = "testing")]
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a test may panic"
)]
pub mod testing;
mod token;
mod verify;

pub use algorithm::Algorithm;
pub use issuer::{TrustError, TrustedIssuer, is_https_or_loopback};
pub use key_cache::{FRESH_FOR, KeyCache, KeyLookup, REFETCH_AFTER, RETRY_AFTER, STALE_FOR};
pub use key_set::{KeySet, KeySetError};
pub use profile::{MAX_TOKEN_BYTES, TokenProfile};
pub use refusal::TokenRefusal;
pub use token::SignedToken;
pub use verify::{LEEWAY, VerifiedClaims, verify, verify_message, verify_signature};
