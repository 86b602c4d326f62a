//! CORS, as API Gateway answers it itself: preflights, and the headers of a function's response.
//!
//! AWS documents the headers of "the response from an integration" and nothing about the gateway's
//! own refusals, so a refusal has none here. It is not documented either how the preflight of another
//! origin is answered: here with the same status, without the headers.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;

use crate::template::CorsSpec;

/// The headers of a function that API Gateway ignores when CORS is configured.
const RESPONSE_HEADERS: [HeaderName; 6] = [
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::ACCESS_CONTROL_ALLOW_METHODS,
    header::ACCESS_CONTROL_ALLOW_HEADERS,
    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
    header::ACCESS_CONTROL_MAX_AGE,
];

/// The `CorsConfiguration` of the API.
#[derive(Clone)]
pub(super) struct CorsRules(pub(super) CorsSpec);

impl CorsRules {
    /// The answer to a preflight; `None` if the request is not a preflight.
    ///
    /// API Gateway needs neither a route nor an authorizer nor a function for it.
    pub(super) fn preflight(&self, request: &Request) -> Option<Response> {
        let headers = request.headers();
        let origin = headers.get(header::ORIGIN)?;
        if request.method() != Method::OPTIONS
            || !headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
        {
            return None;
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let sent = response.headers_mut();
        if self.allow(origin, sent) {
            let max_age = self.0.max_age.map(|seconds| seconds.to_string()).unwrap_or_default();
            for (name, value) in [
                (header::ACCESS_CONTROL_ALLOW_METHODS, self.0.methods.join(",")),
                (header::ACCESS_CONTROL_ALLOW_HEADERS, self.0.headers.join(",")),
                (header::ACCESS_CONTROL_MAX_AGE, max_age),
            ] {
                insert(sent, name, &value);
            }
        }
        Some(response)
    }

    /// Replaces the CORS headers of a function's response to a request with this `origin`.
    pub(super) fn apply(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        for name in RESPONSE_HEADERS {
            headers.remove(name);
        }
        if let Some(origin) = origin
            && self.allow(origin, headers)
        {
            let exposed = self.0.exposed_headers.join(",");
            insert(headers, header::ACCESS_CONTROL_EXPOSE_HEADERS, &exposed);
        }
    }

    /// Adds the headers that allow an origin. Returns whether it is allowed.
    fn allow(&self, origin: &HeaderValue, headers: &mut HeaderMap) -> bool {
        let listed = |text: &str| self.0.origins.iter().any(|allowed| allowed == text);
        let allowed = if listed("*") { HeaderValue::from_static("*") } else { origin.clone() };
        if !allowed.to_str().is_ok_and(listed) {
            return false;
        }
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        if self.0.credentials {
            insert(headers, header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
        }
        true
    }
}

/// Lets the web apps of the API call another service, too: every response has the CORS headers.
pub(super) fn serve_web_apps(rules: CorsRules, service: Router) -> Router {
    service.layer(middleware::from_fn_with_state(rules, for_web_app))
}

/// Lets the pages of the console at `console` call a service, also if the template names no origin.
/// Requests of all other origins are passed on unchanged.
pub(crate) fn serve_console(console: &str, service: Router) -> Router {
    let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let rules = CorsRules(CorsSpec {
        origins: named(&[console, &console.replace("127.0.0.1", "localhost")]),
        methods: named(&["GET", "POST", "DELETE"]),
        headers: named(&["authorization", "content-type", "x-request-id"]),
        exposed_headers: named(&["x-request-id", "retry-after"]),
        max_age: Some(600),
        credentials: false,
    });
    service.layer(middleware::from_fn_with_state(rules, for_console))
}

async fn for_console(State(rules): State<CorsRules>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
    if origin.is_some_and(|origin| rules.0.origins.iter().any(|console| console == origin)) {
        return for_web_app(State(rules), request, next).await;
    }
    next.run(request).await
}

async fn for_web_app(State(rules): State<CorsRules>, request: Request, next: Next) -> Response {
    if let Some(answer) = rules.preflight(&request) {
        return answer;
    }
    let origin = request.headers().get(header::ORIGIN).cloned();
    let mut response = next.run(request).await;
    rules.apply(origin.as_ref(), response.headers_mut());
    response
}

/// Adds a header that has a value.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value)
        && !value.is_empty()
    {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests;
