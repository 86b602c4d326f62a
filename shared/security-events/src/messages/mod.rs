//! What the signed messages of each kind say, after their signature was verified. The profile of a
//! kind says which `typ` its tokens have.

mod apple;
mod back_channel_logout;
mod claims;
mod global_token_revocation;
mod google;

use crate::signal::UserSignal;

pub use apple::{APPLE_PROFILE, apple_token_in};
pub use back_channel_logout::{LOGOUT_PROFILE, logout_token_in};
pub use global_token_revocation::{REVOCATION_PROFILE, RevocationProof, RevocationRequestError};
pub use google::GOOGLE_PROFILE;

/// What a message says that passed every check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageReading {
    /// Something happened to a user.
    Signal(UserSignal),
    /// The message is valid, but nothing follows from it.
    Ignored(IgnoredMessage),
}

/// Why nothing follows from a valid message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IgnoredMessage {
    /// No type of event in it changes what a user may have.
    Event,
    /// It names no user of this deployment.
    User,
}

impl IgnoredMessage {
    /// The reason, for logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Event => "the event changes nothing here",
            Self::User => "the message names no user of this deployment",
        }
    }
}

/// Why a message is refused, although its signature is valid. Names the claim, and quotes no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageRefusal {
    /// A claim is missing, or has another type than it must have.
    #[error("missing or invalid claim `{0}`")]
    Claim(&'static str),
    /// `iss` is not the configured issuer.
    #[error("`iss` is not the issuer of this transmitter")]
    Issuer,
    /// `aud` does not name this receiver.
    #[error("`aud` does not name this receiver")]
    Audience,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `iat` or `nbf` is in the future.
    #[error("`iat` or `nbf` is in the future")]
    NotYetValid,
    /// `nonce` is there: the token is an ID token.
    #[error("the claim `nonce` must not be present")]
    Nonce,
    /// The client is not one that may revoke tokens.
    #[error("`sub` is not a configured client")]
    Client,
}
