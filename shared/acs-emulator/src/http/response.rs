//! Responses: the status, headers and body that ACS would send.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, CONTENT_TYPE, HeaderValue, RETRY_AFTER,
    STRICT_TRANSPORT_SECURITY,
};
use hyper::{HeaderMap, Response, StatusCode};
use time::OffsetDateTime;

use super::response_body::ResponseBody;
use crate::api::{ApiError, Raised, RouteMatch, http_date, service_version};
use crate::control::ControlReply;
use crate::operations::{OperationError, OperationSuccess};
use crate::state::random;

pub(crate) type HttpResponse = Response<ResponseBody>;

/// The response of ACS for the result of an operation.
pub(crate) fn of(
    route: &RouteMatch,
    outcome: Result<OperationSuccess, OperationError>,
) -> HttpResponse {
    match outcome {
        Ok(success) => of_success(route, success),
        Err(OperationError::Api(error)) => of_error(route, &error),
        Err(OperationError::NoSuchRoute(status)) => bare(status),
    }
}

fn of_success(route: &RouteMatch, success: OperationSuccess) -> HttpResponse {
    let mut response = match success.body {
        Some(body) => with_body(success.status, JSON_UTF8, ResponseBody::whole(body)),
        None => bare(success.status),
    };
    name_versions(route, &mut response);
    response
}

fn of_error(route: &RouteMatch, error: &ApiError) -> HttpResponse {
    // The service's errors are chunked and have no charset.
    let mut response = with_body(error.status, JSON, ResponseBody::chunked(error.body()));
    if error.raised == Raised::InController {
        name_versions(route, &mut response);
    }
    response
}

fn name_versions(route: &RouteMatch, response: &mut HttpResponse) {
    let versions = HeaderValue::from_static(service_version::supported(route));
    response.headers_mut().insert("api-supported-versions", versions);
}

/// The response of a fault that sets a status.
pub(crate) fn of_fault(
    status: u16,
    retry_after: Option<&str>,
    body: Option<String>,
) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let mut response = match body {
        Some(body) => with_body(status, JSON, ResponseBody::whole(body.into_bytes())),
        None => bare(status),
    };
    if let Some(value) = retry_after.and_then(|value| HeaderValue::from_str(value).ok()) {
        response.headers_mut().insert(RETRY_AFTER, value);
    }
    response
}

/// The same response with JSON that does not match any operation, in place of its body.
pub(crate) fn misshapen(response: HttpResponse) -> HttpResponse {
    let (mut parts, _) = response.into_parts();
    if parts.status == StatusCode::NO_CONTENT {
        // A response without content cannot have a body.
        parts.status = StatusCode::OK;
    }
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON_UTF8));
    let body = br#"{"value":[{"id":1,"identity":[],"token":null}],"error":"none"}"#;
    Response::from_parts(parts, ResponseBody::whole(body.to_vec()))
}

/// The page of a proxy that answers in place of the service.
pub(crate) fn proxy_page(status: u16) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let page = "<!DOCTYPE html><html><head><title>Our services aren't available right now</title>\
                </head><body><h2>We're working to restore all services.</h2></body></html>";
    with_body(status, "text/html", ResponseBody::whole(page.as_bytes().to_vec()))
}

/// A response of the control API.
pub(crate) fn of_control(reply: ControlReply) -> HttpResponse {
    match reply.body {
        Some(body) => {
            with_body(reply.status, JSON_UTF8, ResponseBody::whole(body.to_string().into_bytes()))
        }
        None => bare(reply.status),
    }
}

/// The refusal of a call above the limit of its operation.
pub(crate) fn of_limit(route: &RouteMatch, retry_after_seconds: Option<u64>) -> HttpResponse {
    let mut response = of_error(route, &ApiError::too_many_requests());
    if let Some(seconds) = retry_after_seconds {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// A response with only a status.
fn bare(status: StatusCode) -> HttpResponse {
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = status;
    response
}

fn with_body(status: StatusCode, content_type: &'static str, body: ResponseBody) -> HttpResponse {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// The response to a browser's preflight request.
pub(crate) fn preflight() -> HttpResponse {
    let mut response = bare(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE, OPTIONS"),
    );
    headers.insert(
        ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static(
            "authorization, content-type, x-ms-client-request-id, x-ms-content-sha256, x-ms-date, \
             x-ms-useragent, accept",
        ),
    );
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("3600"));
    response
}

/// The values on which the headers of every response depend.
pub(crate) struct ResponseContext<'a> {
    pub request: &'a HeaderMap,
    pub now: OffsetDateTime,
    /// The time by which signatures are checked.
    pub signing_now: OffsetDateTime,
    pub took_millis: u128,
    pub secure: bool,
}

/// Adds the headers that the service and its gateway add to every response.
pub(crate) fn dress(response: &mut HttpResponse, circumstances: &ResponseContext<'_>) {
    // `expiresOn` minus `Date` is a token's lifetime, even if the clock was moved. A 401 has no
    // `expiresOn`, and its `Date` tells a client whether the signed date was too far off. So the
    // `Date` of a 401 uses the clock that checked the signature.
    let date = match response.status() {
        StatusCode::UNAUTHORIZED => circumstances.signing_now,
        _ => circumstances.now,
    };
    let headers = response.headers_mut();
    let mut set = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    };
    set("ms-cv", format!("{}.0", STANDARD_NO_PAD.encode(noise())));
    set("request-context", "appId=".to_owned());
    set("x-azure-ref", STANDARD.encode(noise()));
    set("x-cache", "CONFIG_NOCACHE".to_owned());
    set("x-processing-time", format!("{}ms", circumstances.took_millis));
    set("date", http_date(date));
    if let Some(id) = circumstances.request.get("x-ms-client-request-id") {
        headers.insert("x-ms-client-request-id", id.clone());
    }
    if !circumstances.secure {
        // Browsers ignore this header over http. Over https, a browser would treat everything on
        // localhost as https only for a month.
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=2592000"));
    }
    if circumstances.request.contains_key("origin") {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("*"));
    }
}

/// Sixteen random bytes; all zero if the random generator fails, which only makes the values equal.
fn noise() -> [u8; 16] {
    random::bytes().unwrap_or_default()
}

const JSON: &str = "application/json";
const JSON_UTF8: &str = "application/json; charset=utf-8";
