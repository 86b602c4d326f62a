use std::fmt::{self, Debug, Display};

use identity_core::{Error, error_chain};
use lambda_http::lambda_runtime::Diagnostic;

/// The reason why a run failed or did not start. It makes the invocation fail, so that Lambda
/// retries it and then sends it to the failure destination.
///
/// Its `Debug` output equals its `Display` output, because that is the line that the runtime
/// logs.
pub(crate) struct CleanupError {
    kind: &'static str,
    message: String,
}

impl CleanupError {
    /// The event is invalid; the message says what is wrong and what is valid.
    pub(crate) fn event(message: impl Into<String>) -> Self {
        Self { kind: "BadEvent", message: message.into() }
    }
}

impl From<Error> for CleanupError {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::StoreUnavailable(_) => "StoreUnavailable",
            Error::StoreRefused(_) => "StoreRefused",
            Error::BeyondPolicy
            | Error::Blocked
            | Error::SignInRequired
            | Error::TooManyTokens { .. }
            | Error::TooManySignOuts { .. }
            | Error::TeamsToken(_)
            | Error::TeamsPhone(_)
            | Error::NotFound
            | Error::GuestsDisabled
            | Error::InvitationRefused(_)
            | Error::InvalidInvitation(_)
            | Error::ReservedExternalId
            | Error::Stuck
            | Error::EventFromTheFuture
            | Error::Busy { .. }
            | Error::Throttled { .. }
            | Error::AcsUnavailable { .. }
            | Error::AcsRefused(_)
            | Error::ForeignIdentity(_)
            | Error::UnknownResource(_)
            | Error::Internal(_) => "Internal",
        };
        Self { kind, message: error_chain(&error) }
    }
}

impl From<CleanupError> for Diagnostic {
    fn from(error: CleanupError) -> Self {
        Self { error_type: error.kind.to_owned(), error_message: error.message }
    }
}

impl Display for CleanupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}

impl Debug for CleanupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}
