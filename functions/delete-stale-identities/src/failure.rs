use std::{
    error::Error as _,
    fmt::{self, Debug, Display},
};

use identity_core::Error;
use lambda_http::lambda_runtime::Diagnostic;

/// Why there was no run, or not a whole one. It makes the invocation fail, so that Lambda
/// tries it again and then hands it to the failure destination.
///
/// Its `Debug` is its `Display`: that is the one line the runtime logs of it.
pub(crate) struct Failure {
    kind: &'static str,
    message: String,
}

impl Failure {
    /// The event is none of ours; what is wrong with it, and what would be right.
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
