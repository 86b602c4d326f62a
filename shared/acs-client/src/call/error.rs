//! The errors of a call, in the form in which they are logged.

use std::fmt;

use super::ErrorCause;
use crate::auth::TokenError;

/// ACS, or a proxy in front of it, answered with an error or an unexpected response.
///
/// It is the source of an [`identity_core::Error`]. To distinguish causes, downcast to it. Text from
/// ACS is untrusted: it is shortened, and control characters are removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    pub(crate) operation: &'static str,
    pub(crate) status: u16,
    pub(crate) cause: ErrorCause,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) target: String,
    pub(crate) request_id: String,
    pub(crate) cv: String,
}

impl Answered {
    /// The response of ACS that is the source of `error`, if any.
    #[must_use]
    pub fn of(error: &identity_core::Error) -> Option<&Self> {
        std::error::Error::source(error)?.downcast_ref()
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// ACS's error code, e.g. `Denied`; empty if the response has none.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The invalid member of the request, e.g. `appId`; empty if the response does not name it.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The cause of the error.
    #[must_use]
    pub fn cause(&self) -> &ErrorCause {
        &self.cause
    }

    /// The request ID that the client chose: `x-ms-client-request-id`.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// ACS's request ID, `MS-CV`, which Microsoft's support needs. Empty if the response has none.
    #[must_use]
    pub fn ms_cv(&self) -> &str {
        &self.cv
    }
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, status, cause, code, message, target, request_id, cv } = self;
        write!(f, "ACS answered {status}")?;
        if !code.is_empty() {
            write!(f, " {code}")?;
        }
        write!(f, " to `{operation}` (")?;
        if !message.is_empty() {
            write!(f, "\"{message}\", ")?;
        }
        if !target.is_empty() {
            write!(f, "target {target}, ")?;
        }
        write!(f, "x-ms-client-request-id {request_id}")?;
        if !cv.is_empty() {
            write!(f, ", MS-CV {cv}")?;
        }
        write!(f, "): {cause}")
    }
}

impl std::error::Error for Answered {}

/// The client received no response, or only a part of one.
///
/// It is the source of an [`identity_core::Error`]; its own source is a [`Silence`].
#[derive(Debug, thiserror::Error)]
#[error("no response to `{operation}` (x-ms-client-request-id {request_id})")]
pub struct Unanswered {
    pub(crate) operation: &'static str,
    pub(crate) request_id: String,
    #[source]
    pub(crate) why: Silence,
}

impl Unanswered {
    /// Why the client received no response.
    #[must_use]
    pub fn why(&self) -> &Silence {
        &self.why
    }

    /// The request ID that the client chose: `x-ms-client-request-id`.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Whether ACS may have received the request.
    pub(crate) fn maybe_applied(&self) -> bool {
        matches!(self.why, Silence::TimedOut | Silence::Lost(_))
    }
}

/// Why the client received no response.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Silence {
    /// The request was not sent, because the deadline was too close.
    #[error("request not sent: too little time left before the deadline")]
    NoTime,
    /// The request was not sent, because ACS throttled this operation recently.
    #[error("request not sent: ACS answered 429 to an earlier request of this operation")]
    Held,
    /// The request was not sent, because no bearer token could be obtained.
    #[error("request not sent: no bearer token available")]
    NoBearer(#[source] TokenError),
    /// The request was not sent, because it is unknown what an assignment of a user without apps
    /// means.
    #[error(
        "request not sent: an assignment of a user must have the client id of at least one app"
    )]
    NoClientId,
    /// The request was not sent, because it would expose the bearer token without encryption.
    #[error(
        "request not sent: bearer tokens are sent over https only; for an emulator on this machine, \
         set `bearer_over_loopback_http`"
    )]
    BearerOverHttp,
    /// The request was not sent, because the connection failed.
    #[error("connecting to ACS failed: {0}")]
    NotConnected(String),
    /// The response did not arrive in time.
    #[error("timed out while waiting for ACS")]
    TimedOut,
    /// The connection was lost before the whole response arrived.
    #[error("connection to ACS lost: {0}")]
    Lost(String),
}
