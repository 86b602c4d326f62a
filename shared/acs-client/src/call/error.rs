//! The errors of a call, as the log shows them.

use std::fmt;

use super::cause::Cause;
use crate::auth::bearer::TokenError;

/// ACS, or a proxy in front of it, answered with an error or an unexpected response.
///
/// It is the source of an [`identity_core::Error`]: downcast to it to tell causes apart. Text of
/// ACS is untrusted; here it is cut, and free of control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    pub(crate) operation: &'static str,
    pub(crate) status: u16,
    pub(crate) cause: Cause,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) target: String,
    pub(crate) request_id: String,
    pub(crate) cv: String,
}

impl Answered {
    /// The response of ACS, if it is the reason for `error`.
    #[must_use]
    pub fn of(error: &identity_core::Error) -> Option<&Self> {
        std::error::Error::source(error)?.downcast_ref()
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// ACS's error code, e.g. `Denied`; empty if it gave none.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The member of the request that the error is about, e.g. `appId`; empty if ACS names none.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The meaning of the response.
    #[must_use]
    pub fn cause(&self) -> &Cause {
        &self.cause
    }

    /// The client's id of the request: `x-ms-client-request-id`.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// ACS's id of the request, `MS-CV`: Microsoft's support asks for it. Empty if the response
    /// has none.
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

/// There was no response, or only a part of one.
///
/// The source of an [`identity_core::Error`]; its own source is a [`Silence`].
#[derive(Debug, thiserror::Error)]
#[error("no answer to `{operation}` (x-ms-client-request-id {request_id})")]
pub struct Unanswered {
    pub(crate) operation: &'static str,
    pub(crate) request_id: String,
    #[source]
    pub(crate) why: Silence,
}

impl Unanswered {
    /// Why there was no response.
    #[must_use]
    pub fn why(&self) -> &Silence {
        &self.why
    }

    /// The client's id of the request: `x-ms-client-request-id`.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Whether ACS may have seen the request.
    pub(crate) fn maybe_applied(&self) -> bool {
        matches!(self.why, Silence::TimedOut | Silence::Lost(_))
    }
}

/// Why there was no response.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Silence {
    /// The request was not sent: too little time was left.
    #[error("it was not sent: too little time is left before the deadline")]
    NoTime,
    /// The request was not sent: ACS has throttled this operation, and the process waits before
    /// it sends the next request of it.
    #[error("it was not sent: ACS answered 429 to an earlier request of this operation")]
    Held,
    /// The request was not sent: it needs a bearer token, and there is none.
    #[error("it was not sent: there is no bearer token")]
    NoBearer(#[source] TokenError),
    /// The request was not sent: the bearer token would be sent in the clear.
    #[error(
        "it was not sent: a bearer token goes over https only; for an emulator on this machine, \
         set `bearer_over_loopback_http`"
    )]
    BearerOverHttp,
    /// The request was not sent: there is no connection.
    #[error("could not connect to ACS: {0}")]
    NotConnected(String),
    /// The response did not arrive in time.
    #[error("ACS did not answer in time")]
    TimedOut,
    /// The connection was lost before the whole response arrived.
    #[error("the connection was lost: {0}")]
    Lost(String),
}
