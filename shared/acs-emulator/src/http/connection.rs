//! One connection: its requests, and the API that each request is for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tracing::debug;

use super::response::{self, Answer, Circumstances};
use super::response_body::Dropped;
use super::service::{self, Reply};
use crate::api::error::ApiError;
use crate::api::http_request::Request;
use crate::api::route::Route;
use crate::control;
use crate::control::oauth::OAuthRoute;
use crate::operations::call::Failure;
use crate::resource::Resource;

/// The properties of a connection.
pub(super) struct Wire {
    /// Set to end the connection with a reset instead of an orderly close.
    pub broken: Arc<AtomicBool>,
    pub secure: bool,
}

/// Serves requests until the connection or the server ends.
pub(super) async fn serve(
    resource: Arc<Resource>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    wire: Wire,
    mut stopped: watch::Receiver<bool>,
) {
    let service = service_fn(|request| answer(&resource, &wire, request));
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
        debug!(error = %cause, "a connection broke off");
    }
}

async fn answer(
    resource: &Resource,
    wire: &Wire,
    request: hyper::Request<Incoming>,
) -> Result<Answer, Dropped> {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let reply = if let Ok(body) = Limited::new(body, LARGEST_BODY).collect().await {
        let body = body.to_bytes().to_vec();
        let (method, uri, headers) = (parts.method, parts.uri, parts.headers.clone());
        reply(resource, wire, &Request { method, uri, headers, body }).await
    } else {
        let error = Failure::Api(ApiError::body_too_large());
        Reply::Answer(response::of(&Route::Unknown, Err(error)))
    };
    match reply {
        Reply::Answer(mut answer) => {
            let circumstances = Circumstances {
                request: &parts.headers,
                now: resource.clock.now(),
                signing_now: resource.clock.signing_now(),
                took_millis: started.elapsed().as_millis(),
                secure: wire.secure,
            };
            response::dress(&mut answer, &circumstances);
            Ok(answer)
        }
        Reply::Reset => {
            wire.broken.store(true, Ordering::SeqCst);
            Err(Dropped)
        }
    }
}

async fn reply(resource: &Resource, wire: &Wire, request: &Request) -> Reply {
    // Only a browser's preflight request has this header.
    if request.method == Method::OPTIONS
        && request.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
    {
        return Reply::Answer(response::preflight());
    }
    if control::owns(request.uri.path()) {
        return Reply::Answer(response::of_control(control::handle(resource, request)));
    }
    if let Some(route) = OAuthRoute::of(&request.method, request.uri.path()) {
        let scheme = if wire.secure { "https" } else { "http" };
        let reply = control::handle_oauth(resource, &route, request, scheme);
        return Reply::Answer(response::of_control(reply));
    }
    service::handle(resource, request).await
}

/// Far above the largest body of any operation.
const LARGEST_BODY: usize = 1024 * 1024;
