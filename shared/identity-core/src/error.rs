use std::time::Duration;

use crate::exchange_teams_token::TeamsTokenFault;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why an operation did not happen.
///
/// A variant exists only if some caller acts on it; everything else is a
/// `source`. Displaying an error never prints its source, and never a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The policy does not allow this caller these scopes, or this lifetime.
    #[error("the policy does not allow it")]
    BeyondPolicy,
    /// The user is blocked.
    #[error("the user is blocked")]
    Blocked,
    /// The caller's bearer is from before they were signed out or cut off.
    #[error("the bearer was issued before the user was signed out or cut off")]
    SignInRequired,
    /// The user asks for tokens too often.
    #[error("the user asks for tokens too often")]
    TooManyTokens {
        /// When to come back.
        retry_after: Duration,
    },
    /// The user signs out too often.
    #[error("the user signs out too often")]
    TooManySignOuts {
        /// When to come back.
        retry_after: Duration,
    },
    /// A Teams user's token cannot be exchanged.
    #[error("the Teams user's token cannot be exchanged: {0}")]
    TeamsToken(TeamsTokenFault),
    /// There is no such identity.
    #[error("no such identity")]
    NotFound,
    /// A revocation or a deletion of the identity failed again and again; until somebody
    /// looks there is no token.
    #[error("the identity is stuck")]
    Stuck,
    /// An event says it happened later than any clock may say now.
    #[error("the event's time is too far ahead")]
    EventFromTheFuture,
    /// Somebody else is changing this identity right now.
    #[error("the identity is being changed by another request")]
    Busy {
        /// When to come back.
        retry_after: Duration,
    },
    /// ACS asked us to slow down, now or a moment ago. Nothing happened there.
    #[error("ACS throttled the request")]
    Throttled {
        /// What ACS asked for, or our own floor.
        retry_after: Duration,
        /// What ACS answered, or why the request was not sent.
        #[source]
        source: Source,
    },
    /// ACS could not be reached, was too slow, or answered nonsense.
    #[error("ACS is unavailable")]
    AcsUnavailable {
        /// Whether ACS may have done what it was asked all the same.
        maybe_applied: bool,
        /// Why.
        #[source]
        source: Source,
    },
    /// ACS refused a request of ours that must be right: our key is wrong, or we speak
    /// another version.
    #[error("ACS refused our request")]
    AcsRefused(#[source] Source),
    /// The identity was created by another ACS resource than the one we use. Nothing
    /// happened to it, and it lives on there.
    #[error("the identity belongs to another ACS resource")]
    ForeignIdentity(#[source] Source),
    /// The identity store could not be reached, or answered nonsense.
    #[error("the identity store is unavailable")]
    StoreUnavailable(#[source] Source),
    /// The identity store refused a request of ours that must be right: the table
    /// is missing, or we may not use it.
    #[error("the identity store refused our request")]
    StoreRefused(#[source] Source),
    /// Something the code holds to be impossible.
    #[error("internal error: {0}")]
    Internal(&'static str),
}

impl Error {
    /// Somebody else is at it; they usually need less than a second.
    #[must_use]
    pub const fn busy() -> Self {
        Self::Busy { retry_after: Duration::from_secs(1) }
    }
}
