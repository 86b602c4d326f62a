//! The console: a page for users, and the control API for tests.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
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
        .with_state(console)
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
