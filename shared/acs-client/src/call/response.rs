//! The responses of ACS, and what they mean for each operation.

use std::time::{Duration, SystemTime};

use super::{
    cause::Cause,
    error::Answered,
    error_body::{ErrorBody, read_error},
    operation::Operation,
};
use crate::http::text::{LONGEST_NAME, LONGEST_TEXT, clean};

/// The parts of a response that matter.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Empty if the body was too large.
    pub(crate) body: Body,
    pub(crate) retry_after: Option<Duration>,
    /// The `Date` header: the time of the response at ACS.
    pub(crate) date: Option<SystemTime>,
    /// `MS-CV`: ACS sends it with every response.
    pub(crate) cv: String,
    /// `api-supported-versions`.
    pub(crate) versions: String,
    /// The id that the client gave the request.
    pub(crate) request_id: String,
    /// Whether the request was signed with an access key.
    pub(crate) signed: bool,
}

/// A body whose `Debug` shows only its length: it may hold a token.
pub(crate) struct Body(pub(crate) Vec<u8>);

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Body({} bytes)", self.0.len())
    }
}

/// The result of an operation, according to a response.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// The operation is done, or there was nothing to do.
    Done,
    /// ACS throttled the request and did nothing.
    Throttled(Answered),
    /// ACS failed. It may have done the operation.
    Unavailable(Answered),
    /// The request is wrong.
    Refused(Answered),
    /// The identity belongs to another resource, and nothing happened to it.
    Foreign(Answered),
}

impl Answer {
    /// The result of `operation` for this response, at `now`.
    pub(crate) fn verdict(&self, operation: Operation, now: SystemTime) -> Verdict {
        let error = read_error(&self.body.0);
        let says_gone = match &error {
            Some(error) => error.code == "IdentityNotFound",
            None => self.body.0.is_empty() && !self.cv.is_empty(),
        };
        let error = error.unwrap_or_default();
        let answered = |cause| self.answered(operation, &error, cause);
        match self.status {
            status if operation.is_done(status) => Verdict::Done,
            429 => Verdict::Throttled(answered(Cause::Throttled)),
            401 | 403 => match (self.refusal(&error, now), operation) {
                // The operation was not done: the connection string names another resource, and
                // the identity and its tokens still exist.
                // resource, the identity and its tokens live on.
                (
                    cause @ Cause::IdentityNotOwned,
                    Operation::Issue | Operation::Revoke | Operation::Delete,
                ) => Verdict::Foreign(answered(cause)),
                (cause, _) => Verdict::Refused(answered(cause)),
            },
            404 => match operation {
                Operation::Issue => Verdict::Refused(answered(Cause::IdentityLost)),
                Operation::Revoke | Operation::Delete if says_gone => Verdict::Done,
                // Older api-versions do not have assignments at all and answer with an empty
                // 404.
                Operation::FindAssignment | Operation::DeleteAssignment
                    if !error.code.is_empty() =>
                {
                    Verdict::Done
                }
                // A 404 of another service, or about another object, does not show that the
                // identity is gone: every service of Azure has codes like `ResourceNotFound`,
                // and the connection string may name a service other than ACS.
                Operation::Revoke | Operation::Delete => {
                    Verdict::Unavailable(answered(Cause::Nonsense))
                }
                _ => Verdict::Refused(answered(Cause::NoSuchOperation)),
            },
            408 | 500.. => Verdict::Unavailable(answered(Cause::Failed)),
            400..=499 => Verdict::Refused(answered(self.complaint(&error))),
            300..=399 => Verdict::Unavailable(answered(Cause::Redirected)),
            _ => Verdict::Unavailable(answered(Cause::Nonsense)),
        }
    }

    /// Whether ACS refused the access key that signed the request. In that case it has checked
    /// nothing else.
    pub(crate) fn refuses_key(&self, now: SystemTime) -> bool {
        let error = || read_error(&self.body.0).unwrap_or_default();
        self.status == 401 && self.refusal(&error(), now) == Cause::KeyRefused
    }

    /// The cause for a 2xx response with an unusable body.
    pub(crate) fn nonsense(&self, operation: Operation) -> Answered {
        self.answered(operation, &ErrorBody::default(), Cause::Nonsense)
    }

    fn answered(&self, operation: Operation, error: &ErrorBody, cause: Cause) -> Answered {
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
    fn refusal(&self, error: &ErrorBody, now: SystemTime) -> Cause {
        match error.code.as_str() {
            "IdentityNotOwned" => return Cause::IdentityNotOwned,
            "InvalidAccessToken" => return Cause::InvalidAccessToken,
            _ if !self.signed => return Cause::Denied,
            _ => {}
        }
        let ahead_s = self.date.map(|date| seconds_ahead(now, date));
        let is_skewed = ahead_s.is_some_and(|ahead| ahead.unsigned_abs() > ALLOWED_SKEW_S);
        if is_skewed || error.message.starts_with("The given request could not be resolved.") {
            return Cause::ClockSkew { ahead_s };
        }
        Cause::KeyRefused
    }

    /// The cause of a 400.
    fn complaint(&self, error: &ErrorBody) -> Cause {
        match error.code.as_str() {
            "UnsupportedApiVersion" => {
                Cause::UnsupportedApiVersion { supported: self.versions.clone() }
            }
            "ApiVersionUnspecified" => Cause::ApiVersionUnspecified,
            "ValidationError" => {
                let target = clean(error.target.as_deref().unwrap_or_default(), LONGEST_NAME);
                Cause::of_validation(&target, &error.message)
            }
            _ => Cause::BadRequest,
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

/// ACS accepts signatures whose date is up to five minutes off.
const ALLOWED_SKEW_S: u64 = 300;
