//! Why a request has no bearer token.

use std::error::Error;

/// The error of a source of bearer tokens. It is logged, so it must not contain a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The request for a token was refused: the configuration is wrong, and a retry does not help.
    #[error("request for a bearer token refused")]
    Refused(#[source] Box<dyn Error + Send + Sync>),
    /// The token endpoint could not be reached, or it failed.
    #[error("source of bearer tokens unavailable")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// The source returned no token in time.
    #[error("timed out while fetching a bearer token")]
    TimedOut,
    /// The source returned an invalid or expired token.
    #[error("the source returned an invalid or expired bearer token")]
    Unusable,
}

impl TokenError {
    /// Whether a retry may help.
    pub(crate) fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::TimedOut)
    }
}

/// Whether a text can be a token. A JWT consists of visible ASCII characters.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}
