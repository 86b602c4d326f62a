//! The HTTP API: the template's routes, the authorizers, and the functions behind them.

mod access;
mod authorizer;
mod cors;
mod event;
mod ids;
mod lambda_authorizer;
mod limits;
mod refusal;
mod response;
mod routes;
mod throttle;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

pub(crate) use access::ApiAuthorizer;
pub(crate) use authorizer::JwtAuthorizer;
use cors::CorsRules;
pub(crate) use cors::serve_console;
use event::RequestHead;
pub(crate) use lambda_authorizer::LambdaAuthorizer;
pub use limits::GatewayLimits;
use refusal::GatewayRefusal;
pub(crate) use routes::Routes;
use throttle::Throttles;

use crate::clock::StackClock;
use crate::output::say;
use crate::runtime::{FunctionPool, InvocationError};
use crate::template::HttpApiSpec;

/// How many requests the console shows.
const REMEMBERED: usize = 50;

/// The gateway.
pub(crate) struct Gateway {
    routes: Routes,
    authorizer: ApiAuthorizer,
    cors: Option<CorsRules>,
    throttles: Option<Throttles>,
    limits: GatewayLimits,
    clock: Arc<StackClock>,
    last: Mutex<VecDeque<Value>>,
}

impl Gateway {
    pub(crate) fn new(
        routes: Routes,
        authorizer: ApiAuthorizer,
        api: HttpApiSpec,
        limits: GatewayLimits,
        clock: Arc<StackClock>,
    ) -> Arc<Self> {
        let throttles = limits.throttling.then(|| Throttles::new(&api));
        let cors = api.cors.map(CorsRules);
        let last = Mutex::default();
        Arc::new(Self { routes, authorizer, cors, throttles, limits, clock, last })
    }

    /// Lets the web apps that may call the API also call `service`.
    pub(crate) fn serve_web_apps(&self, service: Router) -> Router {
        match self.cors.clone() {
            Some(rules) => cors::serve_web_apps(rules, service),
            None => service,
        }
    }

    /// The origins of web apps that may call the API.
    pub(crate) fn web_app_origins(&self) -> Vec<String> {
        self.cors.as_ref().map(|rules| rules.0.origins.clone()).unwrap_or_default()
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

    /// Answers a preflight, or forwards the request and adds the CORS headers to the response.
    async fn respond(&self, peer: SocketAddr, request: Request, request_id: &str) -> Response {
        if let Some(answer) = self.cors.as_ref().and_then(|cors| cors.preflight(&request)) {
            return answer;
        }
        let origin = request.headers().get(header::ORIGIN).cloned();
        match self.forward(peer, request, request_id).await {
            Ok(mut response) => {
                if let Some(cors) = &self.cors {
                    cors.apply(origin.as_ref(), response.headers_mut());
                }
                response
            }
            Err(refusal) => refusal.into_response(),
        }
    }

    /// Forwards a request to the function of its route, and returns the function's response.
    async fn forward(
        &self,
        peer: SocketAddr,
        request: Request,
        request_id: &str,
    ) -> Result<Response, GatewayRefusal> {
        let (parts, body) = request.into_parts();
        let (path, now) = (routes::decoded(parts.uri.path()), self.clock.now());
        let (target, path_parameters) =
            self.routes.find(parts.method.as_str(), &path).ok_or(GatewayRefusal::NotFound)?;
        // AWS does not document whether a request that the authorizer refuses counts. Here it counts,
        // as it does in the worst case.
        if self.throttles.as_ref().is_some_and(|throttles| !throttles.admit(&target.key, now)) {
            return Err(GatewayRefusal::TooManyRequests);
        }
        let head = RequestHead {
            parts: &parts,
            path: &path,
            route_key: &target.key,
            path_parameters,
            request_id,
            trace_id: &ids::trace_id(now),
            source_ip: peer.ip().to_string(),
            now,
        };
        let authorizer = self.authorizer.authorize(&target.access, &head).await?;
        let body = axum::body::to_bytes(body, self.limits.body_bytes);
        let body = body.await.map_err(|_| GatewayRefusal::TooLarge)?;
        let event = event::event(&head, authorizer, &body).to_string();
        // Base64 counts, so a body of 4.5 MB that is not text is already too large.
        if event.len() > self.limits.event_bytes {
            return Err(GatewayRefusal::TooLarge);
        }
        self.invoke(&target.function, event).await
    }

    /// Invokes a function, and returns its response.
    async fn invoke(
        &self,
        function: &Arc<FunctionPool>,
        event: String,
    ) -> Result<Response, GatewayRefusal> {
        let invocation = function.invoke(Bytes::from(event));
        match tokio::time::timeout(self.limits.integration, invocation).await {
            Ok(Ok(payload)) => response::response(&payload).ok_or(GatewayRefusal::Internal),
            // The function's own timeout is a failure of the function. It is not reported as 503.
            Ok(Err(InvocationError::Failed | InvocationError::TimedOut)) => {
                Err(GatewayRefusal::Internal)
            }
            Err(_) => Err(GatewayRefusal::Unavailable),
        }
    }
}

/// Sends a request of this machine, as a client of the gateway would.
pub(crate) async fn send(gateway: &Arc<Gateway>, request: Request) -> Response {
    let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    handle(State(Arc::clone(gateway)), ConnectInfo(peer), request).await
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
    let request_id = ids::request_id();
    let mut response = gateway.respond(peer, request, &request_id).await;
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("apigw-requestid", value);
    }
    gateway.record(&method, &path, response.status(), began);
    response
}
