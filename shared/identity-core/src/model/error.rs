use std::time::Duration;

use crate::model::{InvalidInvitation, InvitationRefusal, ResourceName};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// The reason why an operation failed.
///
/// A variant exists only if a caller handles it specially; every other detail is in `source`. The
/// `Display` output of an error never includes its source or a secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The policy does not allow this caller the requested scopes or lifetime.
    #[error("the policy does not allow the requested scopes or lifetime")]
    BeyondPolicy,
    /// The user is blocked.
    #[error("the user is blocked")]
    Blocked,
    /// The caller's bearer token is from before they were signed out or cut off.
    #[error("the bearer was issued before the user was signed out or cut off")]
    SignInRequired,
    /// The user requests tokens too often.
    #[error("the user requests tokens too often")]
    TooManyTokens {
        /// How long to wait before a retry.
        retry_after: Duration,
    },
    /// The user signs out too often.
    #[error("the user signs out too often")]
    TooManySignOuts {
        /// How long to wait before a retry.
        retry_after: Duration,
    },
    /// A Teams user's token cannot be exchanged.
    #[error("the Teams user's token cannot be exchanged: {0}")]
    TeamsToken(TeamsTokenFault),
    /// A user's Entra token cannot be exchanged for a token of Teams Phone.
    #[error("the token cannot be exchanged for Teams Phone: {0}")]
    TeamsPhone(#[from] PhoneFault),
    /// The identity does not exist. For an invitation: it does not exist, or another caller created
    /// it.
    #[error("the identity or the invitation does not exist")]
    NotFound,
    /// The policy has no member `guests`, so that invitations are not enabled.
    #[error("guests are not enabled: the policy has no member `guests`")]
    GuestsDisabled,
    /// The invitation gives no token.
    #[error("the invitation gives no token: {0}")]
    InvitationRefused(InvitationRefusal),
    /// A member of a new or extended invitation is out of bounds.
    #[error(transparent)]
    InvalidInvitation(InvalidInvitation),
    /// The external ID is one of a guest, which only an invitation can create.
    #[error("the external ID begins with `guest|`, which is reserved for guests")]
    ReservedExternalId,
    /// A revocation or a deletion of the identity failed repeatedly. No token is issued until an
    /// administrator acts.
    #[error("the identity is stuck: manual action required")]
    Stuck,
    /// The time of an event is too far in the future.
    #[error("the time of the event is too far in the future")]
    EventFromTheFuture,
    /// Another request is changing this identity right now.
    #[error("the identity is being changed by another request")]
    Busy {
        /// How long to wait before a retry.
        retry_after: Duration,
    },
    /// ACS throttled this request or a recent one. ACS did nothing.
    #[error("ACS throttled the request")]
    Throttled {
        /// The time that ACS asked for, or our own minimum.
        retry_after: Duration,
        /// The answer of ACS, or the reason why the request was not sent.
        #[source]
        source: Source,
    },
    /// ACS could not be reached, was too slow, or returned an invalid response.
    #[error("ACS is unavailable")]
    AcsUnavailable {
        /// Whether ACS may still have performed the request.
        maybe_applied: bool,
        /// The reason.
        #[source]
        source: Source,
    },
    /// ACS refused a request that should be valid: the key is wrong, or ACS expects another API
    /// version.
    #[error("ACS refused the request")]
    AcsRefused(#[source] Source),
    /// The identity was created by another ACS resource than the configured one. It was not
    /// changed, and it still exists there.
    #[error("the identity belongs to another ACS resource")]
    ForeignIdentity(#[source] Source),
    /// The record names an ACS resource that is not configured. Nothing was sent to ACS.
    #[error(
        "the record names the ACS resource `{0}`, which is not configured: add its connection \
         string to the secret again, with the same name"
    )]
    UnknownResource(ResourceName),
    /// The identity store could not be reached, or returned an invalid response.
    #[error("the identity store is unavailable")]
    StoreUnavailable(#[source] Source),
    /// The identity store refused a request that should be valid: the table is missing, or
    /// permissions for it are missing.
    #[error("the identity store refused the request")]
    StoreRefused(#[source] Source),
    /// A condition that the code assumes to be impossible.
    #[error("internal error: {0}")]
    Internal(&'static str),
}

impl Error {
    /// Another request is changing the record, usually for less than a second.
    #[must_use]
    pub const fn busy() -> Self {
        Self::Busy { retry_after: Duration::from_secs(1) }
    }
}

/// The reason why a Teams user's token was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TeamsTokenFault {
    /// The token belongs to a user other than the caller.
    #[error("it belongs to another user")]
    AnotherUser,
    /// The token has expired.
    #[error("it has expired")]
    Expired,
    /// The token expires too soon: clients renew it ten minutes before it expires.
    #[error("it has less than ten minutes left")]
    Expiring,
    /// The token is for another service.
    #[error("its audience is not ACS")]
    WrongAudience,
    /// The token lacks `Teams.ManageCalls` or `Teams.ManageChats`.
    #[error("it lacks a permission")]
    MissingPermission,
    /// The token was issued to a different application than `app_id`, or `app_id` is not a GUID.
    #[error("the application is not the one it was issued to")]
    WrongApp,
    /// ACS reports that the token belongs to another user.
    #[error("ACS reports that it belongs to another user")]
    WrongUser,
    /// Neither ACS nor the token's claims show the reason.
    #[error("ACS does not accept it")]
    Invalid,
}

/// The reason why no token of Teams Phone is issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PhoneFault {
    /// The deployment does not use Teams Phone.
    #[error("Teams Phone is not configured")]
    Off,
    /// The token is not a genuine token of Entra.
    #[error("its signature is invalid, or Entra did not issue it")]
    Forged,
    /// The keys of Entra are not available, so nothing is known about the token.
    #[error("the keys of Entra are not available")]
    KeysUnavailable,
    /// The token is for another service.
    #[error("its audience is not ACS")]
    WrongAudience,
    /// The token lacks `TeamsExtension.ManageCalls`: the app has no consent.
    #[error("it lacks the permission TeamsExtension.ManageCalls")]
    MissingConsent,
    /// The tenant of the token is not allowed.
    #[error("its tenant is not allowed")]
    WrongTenant,
    /// The app of the token is not allowed.
    #[error("its app is not allowed")]
    WrongClient,
    /// The kind of the principal is not allowed.
    #[error("the kind of the principal is not allowed")]
    WrongKind,
    /// An assignment of a user names no app.
    #[error("an assignment of a user needs at least one app")]
    NoClient,
    /// The user has no assignment, or not for this app.
    #[error("the user is not assigned")]
    NotAssigned,
    /// The user has no license for Teams.
    #[error("the user has no license for Teams")]
    MissingLicense,
    /// Microsoft has not enabled the Azure subscription for Teams Phone.
    #[error("the Azure subscription is not enabled for Teams Phone")]
    SubscriptionNotAllowed,
}

/// The messages of an error and of its sources on one line, from the outside in.
#[must_use]
pub fn error_chain(error: &(dyn std::error::Error + 'static)) -> String {
    let errors = std::iter::successors(Some(error), |error| error.source());
    errors.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_chain_has_all_sources_on_one_line() {
        let source = std::io::Error::other("connection refused");
        let error = Error::AcsUnavailable { maybe_applied: false, source: source.into() };
        assert_eq!(error_chain(&error), format!("{error}: connection refused"));
    }
}
