use std::{borrow::Cow, time::Duration};

use api_types::{ProblemType, Retry};
use identity_core::exchange_teams_token::TeamsTokenFault;
use identity_core::guest::{InvalidInvitation, InvitationRefusal};
use identity_core::phone::PhoneFault;
use identity_core::{Error, error_chain};
use tracing::{error, warn};

/// A failure as the client gets it: an RFC 9457 problem document.
///
/// Internal details are logged and not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    kind: ProblemType,
    /// What the client can do about it.
    detail: Cow<'static, str>,
    retry_after: Duration,
}

impl Problem {
    /// A problem with a detail that names the invalid field. A detail never quotes a string from
    /// the request, which may be a secret.
    #[must_use]
    pub fn new(kind: ProblemType, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, detail: detail.into(), retry_after: SHORTEST_WAIT }
    }

    /// The type of the problem.
    #[must_use]
    pub fn kind(&self) -> ProblemType {
        self.kind
    }

    /// What the client can do about it.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The wait before a retry, if one can succeed.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        (self.kind.retry == Retry::Later).then_some(self.retry_after)
    }

    /// The response came too late, or ACS or the store cannot be reached.
    pub(crate) fn unavailable() -> Self {
        Self::after(ProblemType::UNAVAILABLE, Duration::from_secs(2))
    }

    fn after(kind: ProblemType, wait: Duration) -> Self {
        Self { retry_after: wait.max(SHORTEST_WAIT), ..kind.into() }
    }
}

/// The smallest number of seconds in `Retry-After`.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

impl From<ProblemType> for Problem {
    fn from(kind: ProblemType) -> Self {
        Self::new(kind, kind.detail)
    }
}

impl From<Error> for Problem {
    /// The only table that maps an error to the problem that the client gets.
    fn from(error: Error) -> Self {
        let problem = match &error {
            Error::BeyondPolicy => ProblemType::BEYOND_POLICY.into(),
            Error::Blocked => ProblemType::BLOCKED.into(),
            Error::SignInRequired => ProblemType::SIGN_IN_REQUIRED.into(),
            Error::TooManyTokens { retry_after } => {
                Self::after(ProblemType::TOO_MANY_TOKENS, *retry_after)
            }
            Error::TooManySignOuts { retry_after } => {
                Self::after(ProblemType::TOO_MANY_SIGN_OUTS, *retry_after)
            }
            Error::TeamsToken(fault) => of_teams_token(*fault).into(),
            Error::TeamsPhone(fault) => of_phone(*fault),
            Error::NotFound => ProblemType::NOT_FOUND.into(),
            Error::GuestsDisabled => Self::new(
                ProblemType::NOT_FOUND,
                "Guests are off: the policy of this deployment has no member `guests`.",
            ),
            Error::InvitationRefused(refusal) => of_invitation(*refusal),
            Error::InvalidInvitation(InvalidInvitation { member, reason }) => {
                let detail = format!("invalid value at `/{member}`: {reason}");
                Self::new(ProblemType::INVALID_INVITATION, detail)
            }
            Error::ReservedExternalId => Self::new(
                ProblemType::INVALID_EXTERNAL_ID,
                "`externalId` must not begin with `guest|`, which is reserved for guests.",
            ),
            Error::Stuck => ProblemType::STUCK.into(),
            Error::ForeignIdentity(_) => ProblemType::FOREIGN_RESOURCE.into(),
            Error::Busy { retry_after } => Self::after(ProblemType::BUSY, *retry_after),
            Error::Throttled { retry_after, .. } => {
                Self::after(ProblemType::THROTTLED, *retry_after)
            }
            Error::AcsUnavailable { .. } | Error::StoreUnavailable(_) => Self::unavailable(),
            Error::EventFromTheFuture
            | Error::UnknownResource(_)
            | Error::AcsRefused(_)
            | Error::StoreRefused(_)
            | Error::Internal(_) => ProblemType::INTERNAL.into(),
        };
        if problem.kind.status >= 500 {
            error!(error = error_chain(&error), "request failed");
        } else {
            warn!(error = error_chain(&error), "request refused");
        }
        problem
    }
}

/// A guest who asks too early should ask again in time, and at least every five minutes, because
/// the invitation may be changed.
fn of_invitation(refusal: InvitationRefusal) -> Problem {
    match refusal {
        InvitationRefusal::Unknown => ProblemType::INVITATION_UNKNOWN.into(),
        InvitationRefusal::NotOpen { opens_in } => {
            Problem::after(ProblemType::INVITATION_NOT_OPEN, opens_in.min(LONGEST_WAIT_TO_OPEN))
        }
        InvitationRefusal::Closed => ProblemType::INVITATION_CLOSED.into(),
        InvitationRefusal::Revoked => ProblemType::INVITATION_REVOKED.into(),
        InvitationRefusal::UsedUp => ProblemType::INVITATION_USED_UP.into(),
        InvitationRefusal::PinRequired => ProblemType::PIN_REQUIRED.into(),
        InvitationRefusal::PinWrong => ProblemType::PIN_WRONG.into(),
        InvitationRefusal::Locked => ProblemType::INVITATION_LOCKED.into(),
    }
}

const LONGEST_WAIT_TO_OPEN: Duration = Duration::from_mins(5);

fn of_teams_token(fault: TeamsTokenFault) -> ProblemType {
    match fault {
        TeamsTokenFault::AnotherUser => ProblemType::TEAMS_TOKEN_OF_ANOTHER_USER,
        TeamsTokenFault::Expired => ProblemType::TEAMS_TOKEN_EXPIRED,
        TeamsTokenFault::Expiring => ProblemType::TEAMS_TOKEN_EXPIRING,
        TeamsTokenFault::WrongAudience => ProblemType::TEAMS_TOKEN_AUDIENCE,
        TeamsTokenFault::MissingPermission => ProblemType::TEAMS_TOKEN_PERMISSION,
        TeamsTokenFault::WrongApp => ProblemType::TEAMS_TOKEN_APP,
        TeamsTokenFault::WrongUser => ProblemType::TEAMS_TOKEN_USER,
        TeamsTokenFault::Invalid => ProblemType::TEAMS_TOKEN_INVALID,
    }
}

fn of_phone(fault: PhoneFault) -> Problem {
    let kind = match fault {
        PhoneFault::Off => ProblemType::TEAMS_PHONE_OFF,
        PhoneFault::Forged => ProblemType::TEAMS_PHONE_TOKEN_INVALID,
        PhoneFault::KeysUnavailable => return Problem::unavailable(),
        PhoneFault::WrongAudience => ProblemType::TEAMS_PHONE_TOKEN_AUDIENCE,
        PhoneFault::MissingConsent => ProblemType::TEAMS_PHONE_CONSENT,
        PhoneFault::WrongTenant => ProblemType::TEAMS_PHONE_TENANT,
        PhoneFault::WrongClient => ProblemType::TEAMS_PHONE_APP,
        PhoneFault::WrongKind => ProblemType::TEAMS_PHONE_KIND,
        PhoneFault::NoClient => {
            let detail = "invalid value at `/clientIds`: a user needs the id of at least one app";
            return Problem::new(ProblemType::INVALID_BODY, detail);
        }
        PhoneFault::NotAssigned => ProblemType::TEAMS_PHONE_NOT_ASSIGNED,
        PhoneFault::MissingLicense => ProblemType::TEAMS_PHONE_LICENSE,
        PhoneFault::SubscriptionNotAllowed => ProblemType::TEAMS_PHONE_SUBSCRIPTION,
    };
    kind.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_at_least_a_second() {
        let busy = Problem::from(Error::Busy { retry_after: Duration::from_millis(3) });
        assert_eq!(busy.retry_after(), Some(Duration::from_secs(1)));
    }
}
