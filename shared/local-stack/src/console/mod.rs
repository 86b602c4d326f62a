//! The console: a page for users, and the control API for tests.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Map, Value, json};

use crate::acs;
use crate::gateway::Gateway;
use crate::json_response;
use crate::runtime::FunctionPool;

/// The data that the console shows.
pub(crate) struct Console {
    /// `stack.json` without the credentials of ACS.
    pub(crate) addresses: Value,
    /// Shell commands that make a first request.
    pub(crate) first_request: String,
    /// A shell command that gets an administrator's token.
    pub(crate) administrator_token: String,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) functions: Vec<Arc<FunctionPool>>,
    pub(crate) acs: SocketAddr,
}

const PAGE: &str = include_str!("console.html");

/// The console's routes.
pub(crate) fn router(console: Arc<Console>) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/identities.json", get(identities))
        .route("/requests.json", get(requests))
        .route("/_local/stack", get(stack))
        .route("/_local/functions", get(functions))
        .layer(middleware::from_fn(this_machine_only))
        .with_state(console)
}

/// Refuses requests with a host name that does not belong to this machine. Otherwise another page
/// could point its name at 127.0.0.1, and the browser would treat the console as that page's
/// origin. Also refuses requests that a browser makes for another page, which could move the clock
/// without seeing the response.
pub(crate) async fn this_machine_only(request: Request, next: Next) -> Response {
    if is_loopback(request.headers()) && !is_from_elsewhere(request.headers()) {
        next.run(request).await
    } else {
        (StatusCode::FORBIDDEN, "forbidden: use http://127.0.0.1 or http://localhost\n")
            .into_response()
    }
}

fn is_loopback(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    is_this_machine(host)
}

fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return false };
    let origin = origin.to_str().unwrap_or_default();
    !origin.strip_prefix("http://").is_some_and(is_this_machine)
}

/// Whether this is a name of this machine, with or without a port.
fn is_this_machine(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    matches!(name, "127.0.0.1" | "localhost")
}

async fn page(State(console): State<Arc<Console>>) -> Response {
    let addresses = console.addresses.to_string();
    let page = PAGE
        .replace("{{addresses}}", &escape(&addresses))
        .replace("{{example}}", &escape(&console.first_request))
        .replace("{{administrator}}", &escape(&console.administrator_token));
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    (headers, page).into_response()
}

async fn stack(State(console): State<Arc<Console>>) -> Response {
    json_response::json(StatusCode::OK, &console.addresses)
}

/// `{"issue-access-token": [pid, …], …}`
async fn functions(State(console): State<Arc<Console>>) -> Response {
    let pids: Map<String, Value> = console
        .functions
        .iter()
        .map(|function| (function.name().to_owned(), function.pids().into()))
        .collect();
    json_response::json(StatusCode::OK, &Value::Object(pids))
}

async fn identities(State(console): State<Arc<Console>>) -> Response {
    match acs::identities(console.acs).await {
        Ok(identities) => json_response::json(StatusCode::OK, &identities),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

async fn requests(State(console): State<Arc<Console>>) -> Response {
    json_response::json(StatusCode::OK, &json!({ "requests": console.gateway.last_requests() }))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_host_names_of_this_machine_are_served() {
        for (host, served) in [
            ("127.0.0.1:3001", true),
            ("localhost:3001", true),
            ("localhost", true),
            ("evil.example:3001", false),
            ("localhost.evil.example", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            assert_eq!(is_loopback(&headers), served, "{host}");
        }
    }

    #[test]
    fn a_page_of_another_origin_is_refused() {
        let from = |origin: Option<&str>| {
            let headers = origin.map(|origin| (header::ORIGIN, origin.parse().unwrap()));
            is_from_elsewhere(&headers.into_iter().collect())
        };
        assert!(!from(None) && !from(Some("http://127.0.0.1:3001")));
        assert!(from(Some("https://evil.example")) && from(Some("null")));
    }
}
