//! The responses of ACS, and their meaning for each operation.

use std::time::{Duration, SystemTime};

use super::error_body::{ErrorBody, read_error};
use super::{AcsOperation, Answered, ErrorCause, Unanswered};
use crate::http::{LONGEST_NAME, LONGEST_TEXT, clean};

/// The parts of a response that the client uses.
#[derive(Debug)]
pub(crate) struct AcsResponse {
    pub(crate) status: u16,
    /// Empty if the body was too large.
    pub(crate) body: Body,
    pub(crate) retry_after: Option<Duration>,
    /// The `Date` header: the time at ACS.
    pub(crate) date: Option<SystemTime>,
    /// `MS-CV`, which ACS sends with every response.
    pub(crate) cv: String,
    /// `api-supported-versions`.
    pub(crate) versions: String,
    /// `x-ms-client-request-id` of the request.
    pub(crate) request_id: String,
    /// Whether the request was signed with an access key.
    pub(crate) is_signed: bool,
}

/// The outcome of an attempt.
pub(crate) type AttemptResult = Result<AcsResponse, Unanswered>;

/// A body. It can contain a token, so its `Debug` output shows only its length.
pub(crate) struct Body(pub(crate) Vec<u8>);

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Body({} bytes)", self.0.len())
    }
}

/// The meaning of a response for an operation.
#[derive(Debug)]
pub(crate) enum ResponseClass {
    /// The operation succeeded, or there was nothing to do.
    Done,
    /// ACS throttled the request and did nothing.
    Throttled(Answered),
    /// ACS failed. It may have performed the operation.
    Unavailable(Answered),
    /// ACS refused the request as invalid.
    Refused(Answered),
    /// The identity belongs to another resource, and nothing happened to it.
    Foreign(Answered),
}

impl AcsResponse {
    /// The meaning of this response for `operation`.
    pub(crate) fn classify(&self, operation: AcsOperation, now: SystemTime) -> ResponseClass {
        let error = read_error(&self.body.0);
        let is_gone = match &error {
            Some(error) => error.code == "IdentityNotFound",
            None => self.body.0.is_empty() && !self.cv.is_empty(),
        };
        let error = error.unwrap_or_default();
        let answered = |cause| self.answered(operation, &error, cause);
        match self.status {
            status if operation.is_done(status) => ResponseClass::Done,
            429 => ResponseClass::Throttled(answered(ErrorCause::Throttled)),
            401 | 403 => match (self.refusal_cause(&error, now), operation) {
                // The connection string names another resource. The operation was not performed,
                // so the identity and its tokens still exist.
                (
                    cause @ ErrorCause::IdentityNotOwned,
                    AcsOperation::Issue | AcsOperation::Revoke | AcsOperation::Delete,
                ) => ResponseClass::Foreign(answered(cause)),
                (cause, _) => ResponseClass::Refused(answered(cause)),
            },
            404 => match operation {
                AcsOperation::Issue => ResponseClass::Refused(answered(ErrorCause::IdentityLost)),
                AcsOperation::Revoke | AcsOperation::Delete if is_gone => ResponseClass::Done,
                // An older api-version, which does not have assignments, returns an empty 404.
                AcsOperation::FindAssignment | AcsOperation::DeleteAssignment
                    if !error.code.is_empty() =>
                {
                    ResponseClass::Done
                }
                // A 404 of another service does not prove that the identity is deleted: all Azure
                // services have codes like `ResourceNotFound`, and the connection string may name
                // a service other than ACS.
                AcsOperation::Revoke | AcsOperation::Delete => {
                    ResponseClass::Unavailable(answered(ErrorCause::Nonsense))
                }
                _ => ResponseClass::Refused(answered(ErrorCause::NoSuchOperation)),
            },
            408 | 500.. => ResponseClass::Unavailable(answered(ErrorCause::Failed)),
            400..=499 => ResponseClass::Refused(answered(self.bad_request_cause(&error))),
            300..=399 => ResponseClass::Unavailable(answered(ErrorCause::Redirected)),
            _ => ResponseClass::Unavailable(answered(ErrorCause::Nonsense)),
        }
    }

    /// Whether ACS refused the access key that signed the request. ACS then has not checked
    /// anything else.
    pub(crate) fn refuses_key(&self, now: SystemTime) -> bool {
        let error = || read_error(&self.body.0).unwrap_or_default();
        self.status == 401 && self.refusal_cause(&error(), now) == ErrorCause::KeyRefused
    }

    /// The error for a 2xx response whose body is invalid.
    pub(crate) fn invalid_body(&self, operation: AcsOperation) -> Answered {
        self.answered(operation, &ErrorBody::default(), ErrorCause::Nonsense)
    }

    fn answered(&self, operation: AcsOperation, error: &ErrorBody, cause: ErrorCause) -> Answered {
        Answered {
            operation: operation.name(),
            status: self.status,
            cause,
            code: clean(&error.code, LONGEST_NAME),
            message: clean(&error.message, LONGEST_TEXT),
            target: clean(error.target.as_deref().unwrap_or_default(), LONGEST_NAME),
            request_id: self.request_id.clone(),
            cv: self.cv.clone(),
        }
    }

    /// The cause of a 401 or 403.
    fn refusal_cause(&self, error: &ErrorBody, now: SystemTime) -> ErrorCause {
        match error.code.as_str() {
            "IdentityNotOwned" => return ErrorCause::IdentityNotOwned,
            "InvalidAccessToken" => return ErrorCause::InvalidAccessToken,
            _ if !self.is_signed => return ErrorCause::Denied,
            _ => {}
        }
        let ahead_s = self.date.map(|date| seconds_ahead(now, date));
        let is_skewed = ahead_s.is_some_and(|ahead| ahead.unsigned_abs() > ALLOWED_SKEW_S);
        if is_skewed || error.message.starts_with("The given request could not be resolved.") {
            return ErrorCause::ClockSkew { ahead_s };
        }
        ErrorCause::KeyRefused
    }

    /// The cause of a 400.
    fn bad_request_cause(&self, error: &ErrorBody) -> ErrorCause {
        match error.code.as_str() {
            "UnsupportedApiVersion" => {
                ErrorCause::UnsupportedApiVersion { supported: self.versions.clone() }
            }
            "ApiVersionUnspecified" => ErrorCause::ApiVersionUnspecified,
            "ValidationError" => {
                let target = clean(error.target.as_deref().unwrap_or_default(), LONGEST_NAME);
                ErrorCause::of_validation(&target, &error.message)
            }
            _ => ErrorCause::BadRequest,
        }
    }
}

fn seconds_ahead(ours: SystemTime, theirs: SystemTime) -> i64 {
    let seconds = |gap: Duration| i64::try_from(gap.as_secs()).unwrap_or(i64::MAX);
    match ours.duration_since(theirs) {
        Ok(ahead) => seconds(ahead),
        Err(behind) => -seconds(behind.duration()),
    }
}

/// ACS accepts signatures whose date differs from its clock by up to five minutes.
const ALLOWED_SKEW_S: u64 = 300;
