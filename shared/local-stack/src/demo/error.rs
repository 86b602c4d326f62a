//! The errors of the demonstration.

use reqwest::StatusCode;

/// Why the demonstration could not be filled in.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A request was not answered.
    #[error("cannot fill the demonstration: a request of the stack to itself failed: {0}")]
    Client(#[source] reqwest::Error),
    /// A request was refused.
    #[error("cannot fill the demonstration: {url} answered {status}: see the log of the function")]
    Refused {
        /// The URL.
        url: String,
        /// The status of the response.
        status: StatusCode,
    },
}
