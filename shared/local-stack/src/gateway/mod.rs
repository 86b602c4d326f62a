//! The HTTP API: the template's routes, the authorizers, and the functions behind them.

mod access;
mod authorizer;
mod event;
mod refusal;
mod response;
mod routes;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) use access::ApiAuthorizers;
pub(crate) use authorizer::JwtAuthorizer;
use event::RequestHead;
use refusal::GatewayRefusal;
pub(crate) use routes::Routes;

use crate::clock::StackClock;
use crate::output::say;
use crate::runtime::InvocationError;

/// API Gateway's limit for the size of a request.
const BODY_LIMIT: usize = 10 * 1024 * 1024;

/// API Gateway's timeout for an integration.
const INTEGRATION_LIMIT: Duration = Duration::from_secs(30);

/// How many requests the console shows.
const REMEMBERED: usize = 50;

/// The gateway.
pub(crate) struct Gateway {
    routes: Routes,
    authorizers: ApiAuthorizers,
    clock: Arc<StackClock>,
    last: Mutex<VecDeque<Value>>,
}

impl Gateway {
    pub(crate) fn new(
        routes: Routes,
        authorizers: ApiAuthorizers,
        clock: Arc<StackClock>,
    ) -> Arc<Self> {
        Arc::new(Self { routes, authorizers, clock, last: Mutex::default() })
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

    /// Forwards a request to the function of its route, and returns the function's response.
    async fn forward(
        &self,
        peer: SocketAddr,
        request: Request,
        request_id: &str,
    ) -> Result<Response, GatewayRefusal> {
        let (parts, body) = request.into_parts();
        let (target, path_parameters) = self
            .routes
            .find(parts.method.as_str(), parts.uri.path())
            .ok_or(GatewayRefusal::NotFound)?;
        let head = RequestHead {
            parts: &parts,
            route_key: &target.key,
            path_parameters,
            request_id,
            source_ip: peer.ip().to_string(),
            now: self.clock.now(),
        };
        let authorizer = self.authorizers.authorize(&target.access, &head)?;
        let body = axum::body::to_bytes(body, BODY_LIMIT);
        let body = body.await.map_err(|_| GatewayRefusal::TooLarge)?;
        let event = event::event(&head, authorizer, &body);
        let invocation = target.function.invoke(Bytes::from(event.to_string()));
        match tokio::time::timeout(INTEGRATION_LIMIT, invocation).await {
            Ok(Ok(payload)) => response::response(&payload).ok_or(GatewayRefusal::Internal),
            Ok(Err(InvocationError::Failed)) => Err(GatewayRefusal::Internal),
            // An HTTP API responds with this in place of 504 when an integration times out. AWS does not
            // document a separate response for the function's own timeout, so it is treated alike.
            Ok(Err(InvocationError::TimedOut)) | Err(_) => Err(GatewayRefusal::Unavailable),
        }
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
    let forwarded = gateway.forward(peer, request, &request_id).await;
    let mut response = forwarded.unwrap_or_else(GatewayRefusal::into_response);
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("apigw-requestid", value);
    }
    gateway.record(&method, &path, response.status(), began);
    response
}
