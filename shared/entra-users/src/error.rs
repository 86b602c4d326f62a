//! Why Graph could not answer.

use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

use serde::Deserialize;

/// Why a request to Graph failed. It has no URL and no message of Graph, because both can name a
/// user.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    /// No answer, or a temporary failure: retry.
    #[error("Microsoft Graph is unavailable: {0}")]
    Unavailable(String),
    /// Too many requests, and the time left is shorter than Graph asks to wait: retry later.
    #[error("Microsoft Graph throttles requests; it asks to wait {} s", .0.as_secs())]
    Throttled(Duration),
    /// The client secret could not be read.
    #[error("the client secret of the app could not be read: {0}")]
    NoSecret(#[source] Box<dyn Error + Send + Sync>),
    /// Entra refused the app's credentials.
    #[error(
        "Entra refused the app: {0}; check `clientId`, `tenants` and the secret's `clientSecret`"
    )]
    AppRefused(String),
    /// Graph refused the request.
    #[error(
        "Microsoft Graph refused the request: {0}; the app needs the application permission User.Read.All, with admin consent"
    )]
    Refused(String),
    /// Graph's record of the changes is gone: start over with [`DeltaStart::Everyone`].
    ///
    /// [`DeltaStart::Everyone`]: crate::DeltaStart::Everyone
    #[error("the delta link has expired")]
    DeltaExpired,
    /// The response is not what Graph documents.
    #[error("invalid response of {0}")]
    Invalid(&'static str),
    /// The HTTP client could not be created.
    #[error("failed to create the HTTP client")]
    Client(#[from] https_client::HttpsClientError),
}

impl GraphError {
    /// A request without a response. The URL is removed: it contains the id of a user.
    pub(crate) fn no_response(what: &'static str, error: &dyn Error) -> Self {
        let mut text = format!("no response of {what}: {error}");
        let mut source = error.source();
        while let Some(error) = source {
            // Writing to a string cannot fail.
            let _ = write!(text, ": {error}");
            source = error.source();
        }
        Self::Unavailable(text)
    }
}

/// The error code in a response, such as `Request_ResourceNotFound`, or an empty text. Messages
/// are dropped: they quote the request.
pub(crate) fn error_code(body: &[u8]) -> String {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Problem {
        error: ProblemCode,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct ProblemCode {
        code: String,
    }
    let problem: Problem = serde_json::from_slice(body).unwrap_or_default();
    let is_code = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    let code = problem.error.code;
    if code.len() <= LONGEST_CODE && code.bytes().all(is_code) { code } else { String::new() }
}

/// More than the longest code of Graph.
const LONGEST_CODE: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_code_is_quoted() {
        for (body, expected) in [
            (
                r#"{"error": {"code": "Request_ResourceNotFound", "message": "no x"}}"#,
                "Request_ResourceNotFound",
            ),
            (r#"{"error": {"code": "not a code"}}"#, ""),
            (r#"{"error": "invalid_client"}"#, ""),
            (r#"{"error": {"code": 1}}"#, ""),
            ("", ""),
            ("<html>", ""),
        ] {
            assert_eq!(error_code(body.as_bytes()), expected, "{body}");
        }
        let (fits, long) = ("x".repeat(LONGEST_CODE), "x".repeat(LONGEST_CODE + 1));
        for (code, expected) in [(&fits, fits.as_str()), (&long, "")] {
            let body = format!(r#"{{"error": {{"code": "{code}"}}}}"#);
            assert_eq!(error_code(body.as_bytes()), expected);
        }
    }
}
