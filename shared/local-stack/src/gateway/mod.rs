//! The HTTP API: the template's routes, the JWT authorizer, and the functions behind them.

mod authorizer;
mod event;
mod response;
mod routes;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) use authorizer::JwtAuthorizer;
use authorizer::{AuthorizerRefusal, JwtClaims};
use event::IncomingRequest;
use routes::RouteTarget;
pub(crate) use routes::Routes;

use crate::clock::StackClock;
use crate::output::say;
use crate::runtime::InvocationError;
use crate::template::RouteAuth;

/// API Gateway's limit for the size of a request.
const BODY_LIMIT: usize = 10 * 1024 * 1024;

/// API Gateway's timeout for an integration.
const INTEGRATION_LIMIT: Duration = Duration::from_secs(30);

/// How many requests the console shows.
const REMEMBERED: usize = 50;

/// The gateway.
pub(crate) struct Gateway {
    routes: Routes,
    authorizer: Option<JwtAuthorizer>,
    clock: Arc<StackClock>,
    last: Mutex<VecDeque<Value>>,
}

impl Gateway {
    pub(crate) fn new(
        routes: Routes,
        authorizer: Option<JwtAuthorizer>,
        clock: Arc<StackClock>,
    ) -> Arc<Self> {
        Arc::new(Self { routes, authorizer, clock, last: Mutex::default() })
    }

    /// The last requests, newest first: time, method, path, status, milliseconds.
    pub(crate) fn last_requests(&self) -> Vec<Value> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Records one line and one entry per request; neither has the query or a header.
    fn record(&self, method: &str, path: &str, status: StatusCode, began: Instant) {
        let ms = began.elapsed().as_millis();
        say(format_args!("{method} {path} {} {ms} ms", status.as_u16()));
        let at = self.clock.now_ms();
        let entry = json!({
            "at": at, "method": method, "path": path, "status": status.as_u16(),
            "ms": u64::try_from(ms).unwrap_or(u64::MAX),
        });
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.truncate(REMEMBERED - 1);
        last.push_front(entry);
    }

    async fn respond(&self, peer: SocketAddr, request: Request, request_id: &str) -> Response {
        let (parts, body) = request.into_parts();
        let found = self.routes.find(parts.method.as_str(), parts.uri.path());
        let Some((target, path_parameters)) = found else {
            return message(StatusCode::NOT_FOUND, "Not Found");
        };
        let now = self.clock.now();
        let authorized = match self.authorize(target, &parts.headers, now.unix_timestamp()) {
            Ok(authorized) => authorized,
            Err(refusal) => return refused(&refusal, target),
        };
        let Some(body) = read(body).await else {
            return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
        };
        let event = event::event(&IncomingRequest {
            parts: &parts,
            body: &body,
            route_key: &target.key,
            path_parameters,
            authorizer: authorized.as_ref().map(|(claims, scopes)| (claims, *scopes)),
            request_id,
            source_ip: peer.ip().to_string(),
            now,
        });
        let failed = || message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
        let invocation = target.function.invoke(Bytes::from(event.to_string()));
        match tokio::time::timeout(INTEGRATION_LIMIT, invocation).await {
            Ok(Ok(payload)) => response::response(&payload).unwrap_or_else(failed),
            Ok(Err(InvocationError::Failed)) => failed(),
            // An HTTP API responds with this in place of 504 when an integration times out. AWS does not
            // document a separate response for the function's own timeout, so it is treated alike.
            Ok(Err(InvocationError::TimedOut)) | Err(_) => {
                message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
            }
        }
    }

    fn authorize<'a>(
        &self,
        target: &'a RouteTarget,
        headers: &axum::http::HeaderMap,
        now: i64,
    ) -> Result<Option<(JwtClaims, &'a [String])>, AuthorizerRefusal> {
        let (RouteAuth::Jwt { scopes }, Some(authorizer)) = (&target.access, &self.authorizer)
        else {
            return Ok(None);
        };
        authorizer.authorize(headers, scopes, now).map(|claims| Some((claims, scopes.as_slice())))
    }
}

/// The gateway's routes.
pub(crate) fn router(gateway: Arc<Gateway>) -> Router {
    Router::new().fallback(handle).with_state(gateway)
}

async fn handle(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let began = Instant::now();
    let method = request.method().to_string();
    let path = request.uri().path().to_owned();
    let request_id = Uuid::new_v4().to_string();
    let mut response = gateway.respond(peer, request, &request_id).await;
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("apigw-requestid", value);
    }
    gateway.record(&method, &path, response.status(), began);
    response
}

/// Reads the complete body, unless it is longer than API Gateway allows.
async fn read(body: axum::body::Body) -> Option<Bytes> {
    axum::body::to_bytes(body, BODY_LIMIT).await.ok()
}

fn message(status: StatusCode, message: &str) -> Response {
    let body = json!({ "message": message }).to_string();
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn refused(refusal: &AuthorizerRefusal, target: &RouteTarget) -> Response {
    let scopes = match &target.access {
        RouteAuth::Jwt { scopes } => scopes.join(" "),
        RouteAuth::Public => String::new(),
    };
    let challenge = |error: &str, why: &str| {
        format!("Bearer scope=\"{scopes}\" error=\"{error}\" error_description=\"{why}\"")
    };
    let (status, text, challenge) = match refusal {
        AuthorizerRefusal::Missing => {
            (StatusCode::UNAUTHORIZED, "Unauthorized", "Bearer".to_owned())
        }
        AuthorizerRefusal::Invalid(why) => {
            (StatusCode::UNAUTHORIZED, "Unauthorized", challenge("invalid_token", why))
        }
        AuthorizerRefusal::Scope => {
            let why = "the token has none of the scopes of this route";
            (StatusCode::FORBIDDEN, "Forbidden", challenge("insufficient_scope", why))
        }
    };
    let mut response = message(status, text);
    if let Ok(value) = HeaderValue::from_str(&challenge) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    response
}
