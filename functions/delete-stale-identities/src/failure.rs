use std::{
    error::Error as _,
    fmt::{self, Debug, Display},
};

use identity_core::Error;
use lambda_http::lambda_runtime::Diagnostic;

/// The reason why a run failed or did not start. It makes the invocation fail, so that Lambda
/// retries it and then sends it to the failure destination.
///
/// Its `Debug` output equals its `Display` output, because that is the line that the runtime
/// logs.
pub(crate) struct Failure {
    kind: &'static str,
    message: String,
}

impl Failure {
    /// The event is invalid; the message says what is wrong and what is valid.
    pub(crate) fn event(message: impl Into<String>) -> Self {
        Self { kind: "BadEvent", message: message.into() }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::StoreUnavailable(_) => "StoreUnavailable",
            Error::StoreRefused(_) => "StoreRefused",
            _ => "Internal",
        };
        let mut message = error.to_string();
        let mut next = error.source();
        while let Some(source) = next {
            message = format!("{message}: {source}");
            next = source.source();
        }
        Self { kind, message }
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        Self { error_type: failure.kind.to_owned(), error_message: failure.message }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}

impl Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}
