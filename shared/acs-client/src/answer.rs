//! What ACS answered, and what it means for each operation.

use std::time::{Duration, SystemTime};

use reqwest::Method;

use crate::{
    Cause,
    error::{Answered, LONGEST_TEXT, clean},
    wire::{ErrorBody, read_error},
};

/// What is asked of ACS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Create,
    Issue,
    Revoke,
    Delete,
    ExchangeTeamsUser,
    #[cfg_attr(
        not(feature = "standalone"),
        expect(dead_code, reason = "only a standalone program asks for it")
    )]
    ExchangeTeamsExtension,
    FindAssignment,
    PutAssignment,
    DeleteAssignment,
}

impl Operation {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Create => "create identity",
            Self::Issue => "issue access token",
            Self::Revoke => "revoke access tokens",
            Self::Delete => "delete identity",
            Self::ExchangeTeamsUser => "exchange Teams user token",
            Self::ExchangeTeamsExtension => "exchange Teams extension token",
            Self::FindAssignment => "get Teams extension assignment",
            Self::PutAssignment => "put Teams extension assignment",
            Self::DeleteAssignment => "delete Teams extension assignment",
        }
    }

    pub(crate) fn method(self) -> Method {
        match self {
            Self::Delete | Self::DeleteAssignment => Method::DELETE,
            Self::FindAssignment => Method::GET,
            Self::PutAssignment => Method::PUT,
            _ => Method::POST,
        }
    }

    fn is_done(self, status: u16) -> bool {
        match self {
            // Versions before 2021 answer a creation with 200.
            Self::Create | Self::PutAssignment => matches!(status, 200 | 201),
            Self::Issue
            | Self::ExchangeTeamsUser
            | Self::ExchangeTeamsExtension
            | Self::FindAssignment => status == 200,
            // 204 and nothing else: anything in between can answer 200, and a
            // revocation must not be believed on its word.
            Self::Revoke | Self::Delete | Self::DeleteAssignment => status == 204,
        }
    }
}

/// An answer, as far as it matters.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Empty if it was too large.
    pub(crate) body: Body,
    pub(crate) retry_after: Option<Duration>,
    /// When ACS says it answered.
    pub(crate) date: Option<SystemTime>,
    /// `MS-CV`: ACS sends it with every answer.
    pub(crate) cv: String,
    /// `api-supported-versions`.
    pub(crate) versions: String,
    /// Our name for the request.
    pub(crate) request_id: String,
    /// Whether the request was signed with an access key.
    pub(crate) signed: bool,
}

/// A body that cannot be printed: it may hold a token.
pub(crate) struct Body(pub(crate) Vec<u8>);

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Body({} bytes)", self.0.len())
    }
}

/// What an answer comes to.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It was done, or there was nothing to do.
    Done,
    /// Slow down; nothing happened.
    Throttled(Answered),
    /// ACS does not do it; it may have done it.
    Unavailable(Answered),
    /// Our request is wrong.
    Refused(Answered),
    /// The identity belongs to another resource, and lives on there.
    Foreign(Answered),
}

impl Answer {
    /// What this comes to as the answer to `operation`, at `now`.
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
                // Not done, whatever was asked: where the connection string names another
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
                // Older versions have no assignments at all: an empty 404 is theirs.
                Operation::FindAssignment | Operation::DeleteAssignment
                    if !error.code.is_empty() =>
                {
                    Verdict::Done
                }
                // A 404 of another service, or about another thing, proves nothing about the
                // identity: every service of Azure has codes like `ResourceNotFound`, and the
                // connection string may name one that is not ACS.
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

    /// Whether ACS did not accept the access key the request was signed with. It has
    /// looked at nothing else then.
    pub(crate) fn refuses_key(&self, now: SystemTime) -> bool {
        let error = || read_error(&self.body.0).unwrap_or_default();
        self.status == 401 && self.refusal(&error(), now) == Cause::KeyRefused
    }

    /// A 2xx whose body is nothing we can use.
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

    /// Why ACS says 401 or 403.
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

    /// What ACS finds wrong with a request.
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

/// For error codes, and names that stand in headers.
pub(crate) const LONGEST_NAME: usize = 64;
