//! The responses of the gateway itself, when it does not forward a function's response.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Why the gateway responds itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum GatewayRefusal {
    /// No route has the method and the path.
    NotFound,
    /// The request has no valid credential. The text is the value of `www-authenticate`.
    Unauthorized(String),
    /// The caller is known, but may not use the route. The text is the value of
    /// `www-authenticate`, if there is one.
    Forbidden(Option<String>),
    /// The request is larger than the gateway or Lambda accepts.
    TooLarge,
    /// The route's rate limit is exceeded.
    TooManyRequests,
    /// The function or the authorizer failed, or its response is invalid.
    Internal,
    /// The function did not respond in time.
    Unavailable,
}

impl IntoResponse for GatewayRefusal {
    fn into_response(self) -> Response {
        let (status, message) = match &self {
            Self::NotFound => (StatusCode::NOT_FOUND, "Not Found"),
            Self::Unauthorized(_) => (StatusCode::UNAUTHORIZED, "Unauthorized"),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, "Forbidden"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
            Self::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, "Too Many Requests"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
        };
        let mut response = Response::new(Body::from(json!({ "message": message }).to_string()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        // The captured 401 responses have no content type. A 403 was not captured.
        if status != StatusCode::UNAUTHORIZED {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Self::Unauthorized(challenge) | Self::Forbidden(Some(challenge)) = self
            && let Ok(challenge) = HeaderValue::try_from(challenge)
        {
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

#[cfg(test)]
mod tests;
