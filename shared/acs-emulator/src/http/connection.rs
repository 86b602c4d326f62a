//! One connection: its requests, and the API that each request is for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Uri, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tracing::{debug, info};

use super::response::{self, HttpResponse, ResponseContext};
use super::response_body::ConnectionDropped;
use super::service::{self, EmulatorReply};
use crate::api::{ApiError, HttpRequest, RouteMatch};
use crate::control::{self, OAuthRoute};
use crate::operations::OperationError;
use crate::resource::Resource;

/// The properties of a connection.
pub(super) struct ConnectionInfo {
    /// Set to end the connection with a reset instead of an orderly close.
    pub broken: Arc<AtomicBool>,
    pub secure: bool,
}

/// Serves requests until the connection or the server ends.
pub(super) async fn serve(
    resource: Arc<Resource>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    wire: ConnectionInfo,
    mut stopped: watch::Receiver<bool>,
) {
    let service = service_fn(|request| respond(&resource, &wire, request));
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new());
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(cause) = ended {
        debug!(error = %cause, "connection closed with an error");
    }
}

async fn respond(
    resource: &Resource,
    wire: &ConnectionInfo,
    request: hyper::Request<Incoming>,
) -> Result<HttpResponse, ConnectionDropped> {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let (method, uri) = (parts.method.clone(), parts.uri.clone());
    let reply = if let Ok(body) = Limited::new(body, LARGEST_BODY).collect().await {
        let body = body.to_bytes().to_vec();
        let (method, uri, headers) = (parts.method, parts.uri, parts.headers.clone());
        reply(resource, wire, &HttpRequest { method, uri, headers, body }).await
    } else {
        let error = OperationError::Api(ApiError::body_too_large());
        EmulatorReply::Response(response::of(&RouteMatch::Unknown, Err(error)))
    };
    match reply {
        EmulatorReply::Response(mut response) => {
            let circumstances = ResponseContext {
                request: &parts.headers,
                now: resource.clock.now(),
                signing_now: resource.clock.signing_now(),
                took_millis: started.elapsed().as_millis(),
                secure: wire.secure,
            };
            response::dress(&mut response, &circumstances);
            log(&method, &uri, &response);
            Ok(response)
        }
        EmulatorReply::Reset => {
            wire.broken.store(true, Ordering::SeqCst);
            Err(ConnectionDropped)
        }
    }
}

/// Logs a request of the service. Health checks and tests would fill the log with requests of the
/// control API. A query can have the password of a user; the path of no request has a secret.
fn log(method: &Method, uri: &Uri, response: &HttpResponse) {
    let (path, status) = (uri.path(), response.status().as_u16());
    if control::owns(path) {
        debug!(http.method = %method, http.path = path, http.status = status, "request answered");
    } else {
        info!(http.method = %method, http.path = path, http.status = status, "request answered");
    }
}

async fn reply(resource: &Resource, wire: &ConnectionInfo, request: &HttpRequest) -> EmulatorReply {
    // Only a browser's preflight request has this header.
    if request.method == Method::OPTIONS
        && request.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
    {
        return EmulatorReply::Response(response::preflight());
    }
    if control::owns(request.uri.path()) {
        return EmulatorReply::Response(response::of_control(control::handle(resource, request)));
    }
    if let Some(route) = OAuthRoute::of(&request.method, request.uri.path()) {
        let scheme = if wire.secure { "https" } else { "http" };
        let reply = control::handle_oauth(resource, &route, request, scheme);
        return EmulatorReply::Response(response::of_control(reply));
    }
    service::handle(resource, request).await
}

/// Far above the largest body of any operation.
const LARGEST_BODY: usize = 1024 * 1024;
