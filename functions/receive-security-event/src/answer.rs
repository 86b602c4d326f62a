//! The answer to a transmitter, and what the log says about it.

use lambda_http::http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE,
    X_CONTENT_TYPE_OPTIONS,
};
use lambda_http::http::{HeaderValue, StatusCode};
use lambda_http::{Body, Response};
use serde_json::json;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignalOutcome {
    /// So many signals are in the queue.
    Accepted(usize),
    /// The request was valid and changes nothing, for this reason.
    Ignored(&'static str),
    /// The transmitter tested the stream.
    Verified,
    /// The stream has this new state.
    StreamUpdated(&'static str),
    /// The request is refused with this code.
    Refused(&'static str),
    /// This deployment has trouble of its own; the transmitter must try again.
    Failed(&'static str),
}

/// The answer to a transmitter. It contains nothing of the request.
#[derive(Debug)]
pub(crate) struct SignalAnswer {
    pub(crate) status: StatusCode,
    pub(crate) outcome: SignalOutcome,
    headers: Vec<(HeaderName, &'static str)>,
    body: String,
}

impl SignalAnswer {
    /// An answer without a body.
    pub(crate) fn empty(status: StatusCode, outcome: SignalOutcome) -> Self {
        Self { status, outcome, headers: Vec::new(), body: String::new() }
    }

    /// An error of RFC 8935 §2.3.
    pub(crate) fn set_error(status: StatusCode, err: &'static str, description: &str) -> Self {
        let headers = vec![(CONTENT_TYPE, "application/json"), (CONTENT_LANGUAGE, "en")];
        let body = json!({ "err": err, "description": description }).to_string();
        Self { status, outcome: SignalOutcome::Refused(err), headers, body }
    }

    /// An error with the members of RFC 6749 §5.2.
    pub(crate) fn oauth_error(status: StatusCode, error: &'static str, description: &str) -> Self {
        let headers = vec![(CONTENT_TYPE, "application/json")];
        let body = json!({ "error": error, "error_description": description }).to_string();
        Self { status, outcome: SignalOutcome::Refused(error), headers, body }
    }

    /// This deployment cannot accept the signal now. `reason` is for the log.
    pub(crate) fn unavailable(reason: &'static str) -> Self {
        let outcome = SignalOutcome::Failed(reason);
        Self::empty(StatusCode::SERVICE_UNAVAILABLE, outcome).with(RETRY_AFTER, "30")
    }

    /// A refusal without a body, for a kind that has no form for it.
    pub(crate) fn refused(status: StatusCode, code: &'static str) -> Self {
        Self::empty(status, SignalOutcome::Refused(code))
    }

    /// The path names no configured transmitter.
    pub(crate) fn unknown_transmitter() -> Self {
        Self::refused(StatusCode::NOT_FOUND, "unknown-transmitter")
    }

    /// Adds a header.
    pub(crate) fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The body.
    pub(crate) fn with_body(self, body: String) -> Self {
        Self { body, ..self }
    }

    /// The response for API Gateway, with the name of the request in the log.
    pub(crate) fn into_response(self, request_id: &str) -> Response<Body> {
        let body = if self.body.is_empty() { Body::Empty } else { Body::Text(self.body) };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        for (name, value) in self.headers {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if let Ok(id) = HeaderValue::from_str(request_id) {
            headers.insert(HeaderName::from_static("x-request-id"), id);
        }
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
