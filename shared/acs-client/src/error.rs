//! What is told to the log when a call did not do what was asked.

use std::fmt;

/// ACS, or something in its place, answered, but not with what was asked for.
///
/// The source of an [`identity_core::Error`]: downcast to it to tell causes apart.
/// What ACS says is untrusted; here it is cut, and free of control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    pub(crate) operation: &'static str,
    pub(crate) status: u16,
    pub(crate) cause: Cause,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) request_id: String,
    pub(crate) cv: String,
}

impl Answered {
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

    /// What it means.
    #[must_use]
    pub fn cause(&self) -> &Cause {
        &self.cause
    }
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, status, cause, code, message, request_id, cv } = self;
        write!(f, "ACS answered {status}")?;
        if !code.is_empty() {
            write!(f, " {code}")?;
        }
        write!(f, " to `{operation}` (")?;
        if !message.is_empty() {
            write!(f, "\"{message}\", ")?;
        }
        write!(f, "x-ms-client-request-id {request_id}")?;
        if !cv.is_empty() {
            write!(f, ", MS-CV {cv}")?;
        }
        write!(f, "): {cause}")
    }
}

impl std::error::Error for Answered {}

/// What an answer means, as far as we can tell.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The signature was not accepted. After a key was rotated, reading the
    /// connection string again helps.
    #[error("the access key is wrong, or belongs to another resource")]
    KeyRefused,
    /// The signature was not accepted because of its date.
    #[error("{}", skew_text(*.ahead_s))]
    ClockSkew {
        /// By how many seconds our clock is ahead of ACS's, if it said its time.
        ahead_s: Option<i64>,
    },
    /// The identity was made by another resource.
    #[error(
        "the identity belongs to another resource: the record or the connection string is wrong"
    )]
    NotOwned,
    /// ACS does not know the identity.
    #[error("ACS does not know the identity; the record is kept, since ACS may be wrong")]
    IdentityLost,
    /// The endpoint does not have the operation.
    #[error("there is no such operation: is the endpoint an ACS resource?")]
    NoSuchOperation,
    /// The api-version is not served.
    #[error(
        "the api-version is not supported; supported are: {}",
        if .supported.is_empty() { "(not told)" } else { .supported }
    )]
    UnsupportedVersion {
        /// What ACS says it supports.
        supported: String,
    },
    /// ACS finds something wrong with our request.
    #[error("ACS does not accept our request")]
    BadRequest,
    /// ACS wants fewer requests.
    #[error("too many requests")]
    Throttled,
    /// ACS, or what is in front of it, failed.
    #[error("ACS failed")]
    Failed,
    /// ACS does not redirect; and a signature is not carried elsewhere.
    #[error("redirects are not followed: is the endpoint an ACS resource?")]
    Redirected,
    /// The status or the body is nothing that ACS answers.
    #[error("the answer is not what ACS documents: is the endpoint an ACS resource?")]
    Nonsense,
}

fn skew_text(ahead_s: Option<i64>) -> String {
    match ahead_s {
        Some(ahead) if ahead < 0 => {
            format!("our clock is {} s behind ACS's, which allows 300 s", ahead.unsigned_abs())
        }
        Some(ahead) => format!("our clock is {ahead} s ahead of ACS's, which allows 300 s"),
        None => "our clock differs from ACS's by more than 300 s".to_owned(),
    }
}

/// There was no answer, or only a part of one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unanswered {
    /// Nothing was sent.
    #[error("`{operation}` was not sent: too little time is left before the deadline")]
    NoTime {
        /// What was to be done.
        operation: &'static str,
    },
    /// Nothing was sent: there is no connection.
    #[error(
        "could not connect to ACS for `{operation}` (x-ms-client-request-id {request_id}): {why}"
    )]
    NotConnected {
        /// What was to be done.
        operation: &'static str,
        /// Our name for the request.
        request_id: String,
        /// What the network says.
        why: String,
    },
    /// The answer did not come in time.
    #[error("ACS did not answer `{operation}` in time (x-ms-client-request-id {request_id})")]
    TimedOut {
        /// What was to be done.
        operation: &'static str,
        /// Our name for the request.
        request_id: String,
    },
    /// The connection was lost before the whole answer was there.
    #[error(
        "the connection was lost during `{operation}` (x-ms-client-request-id {request_id}): {why}"
    )]
    Lost {
        /// What was to be done.
        operation: &'static str,
        /// Our name for the request.
        request_id: String,
        /// What the network says.
        why: String,
    },
}

impl Unanswered {
    /// Whether ACS may have seen the request.
    pub(crate) fn maybe_applied(&self) -> bool {
        matches!(self, Self::TimedOut { .. } | Self::Lost { .. })
    }
}

/// Cuts a foreign text, and leaves nothing in it that could forge a log line.
pub(crate) fn clean(raw: &str, longest: usize) -> String {
    raw.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(longest).collect()
}

/// Everything an error says, from the outside in.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    clean(&text, LONGEST_TEXT)
}

/// ACS's own messages have up to 120 characters.
pub(crate) const LONGEST_TEXT: usize = 200;
