//! The error responses of ACS: `{"error":{"code","message","target"}}`.

use hyper::StatusCode;
use serde::Serialize;
use serde_json::Value;

/// A refusal, with the texts of the real service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub status: StatusCode,
    pub code: &'static str,
    pub message: String,
    pub target: Option<&'static str>,
    /// The layer that refuses. Responses of the service's controllers carry
    /// `api-supported-versions`; responses from before them do not.
    pub raised: Raised,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Raised {
    BeforeController,
    InController,
}

impl ApiError {
    /// 401, for all refusals of the gateway in front of the service.
    pub(crate) fn denied(message: impl Into<String>) -> Self {
        Self::before(StatusCode::UNAUTHORIZED, "Denied", message)
    }

    /// 400 from model binding: a required member is absent, or the body is invalid.
    pub(crate) fn invalid_model(target: &'static str, message: impl Into<String>) -> Self {
        let error = Self::before(StatusCode::BAD_REQUEST, "ValidationError", message);
        Self { target: Some(target), ..error }
    }

    /// 400 from the operation's own checks.
    pub(crate) fn invalid(target: &'static str, message: impl Into<String>) -> Self {
        Self { raised: Raised::InController, ..Self::invalid_model(target, message) }
    }

    /// 401: the identifier belongs to another resource.
    pub(crate) fn identity_not_owned() -> Self {
        Self::within(
            StatusCode::UNAUTHORIZED,
            "IdentityNotOwned",
            "Provided identity doesn't belong to the resource.",
        )
    }

    /// 401: the Entra token to be exchanged is invalid.
    pub(crate) fn invalid_access_token() -> Self {
        let message = "Provided access token is not valid.";
        Self::before(StatusCode::UNAUTHORIZED, "InvalidAccessToken", message)
    }

    /// 404: the assignment does not exist.
    pub(crate) fn assignment_not_found() -> Self {
        let message = "Provided assignment doesn't exist.";
        Self::within(StatusCode::NOT_FOUND, "AssignmentNotFound", message)
    }

    /// 404: the identity was deleted, or never created.
    pub(crate) fn identity_not_found() -> Self {
        Self::within(StatusCode::NOT_FOUND, "IdentityNotFound", "Provided identity doesn't exist.")
    }

    /// 400: an unsupported version.
    pub(crate) fn unsupported_api_version(path: &str, version: &str) -> Self {
        // The service shows its internal address, behind its gateway.
        let message = format!(
            "The HTTP resource that matches the request URI 'https://10.0.0.4{path}' does not \
             support the API version '{version}'."
        );
        Self::before(StatusCode::BAD_REQUEST, UNSUPPORTED_API_VERSION, message)
    }

    /// 400: `api-version` is absent.
    pub(crate) fn api_version_unspecified() -> Self {
        Self::before(
            StatusCode::BAD_REQUEST,
            API_VERSION_UNSPECIFIED,
            "An API version is required, but was not specified.",
        )
    }

    /// 413: the body is larger than any operation's.
    pub(crate) fn body_too_large() -> Self {
        Self::before(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
            "The request body is too large.",
        )
    }

    /// 429: a limit was reached. No 429 was recorded; this one has the shape of the gateway's other
    /// refusals.
    pub(crate) fn too_many_requests() -> Self {
        Self::before(
            StatusCode::TOO_MANY_REQUESTS,
            "TooManyRequests",
            "The resource has reached its limit of requests for this operation.",
        )
    }

    /// 500: a failure of the emulator itself, such as a full disk.
    pub(crate) fn internal() -> Self {
        Self::within(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalServerError",
            "The service could not handle the request.",
        )
    }

    /// The JSON of the response; absent members are omitted.
    pub(crate) fn body(&self) -> Vec<u8> {
        let versioning = matches!(self.code, UNSUPPORTED_API_VERSION | API_VERSION_UNSPECIFIED);
        let error = Body {
            code: self.code,
            message: &self.message,
            target: self.target,
            inner_error: versioning.then_some(Value::Null),
        };
        serde_json::to_vec(&Envelope { error }).unwrap_or_default()
    }

    fn before(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let raised = Raised::BeforeController;
        Self { status, code, message: message.into(), target: None, raised }
    }

    fn within(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { raised: Raised::InController, ..Self::before(status, code, message) }
    }
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: Body<'a>,
}

#[derive(Serialize)]
struct Body<'a> {
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    /// Only ASP.NET's API versioning writes an explicit null.
    #[serde(rename = "innerError", skip_serializing_if = "Option::is_none")]
    inner_error: Option<Value>,
}

const UNSUPPORTED_API_VERSION: &str = "UnsupportedApiVersion";
const API_VERSION_UNSPECIFIED: &str = "ApiVersionUnspecified";

#[cfg(test)]
mod tests {
    use super::*;

    fn text(error: &ApiError) -> String {
        String::from_utf8(error.body()).unwrap()
    }

    #[test]
    fn absent_members_are_left_out() {
        assert_eq!(
            text(&ApiError::identity_not_owned()),
            r#"{"error":{"code":"IdentityNotOwned","message":"Provided identity doesn't belong to the resource."}}"#
        );
    }

    #[test]
    fn versioning_errors_carry_an_explicit_null() {
        let body = text(&ApiError::unsupported_api_version("/identities", "2020-01-01"));
        assert!(body.ends_with(r#"'2020-01-01'.","innerError":null}}"#), "{body}");
    }
}
