//! Connections: accepting, serving and closing them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

use crate::answer::{self, Answer, Circumstances};
use crate::breakable::Breakable;
use crate::control;
use crate::directory_lock::DirectoryLock;
use crate::entra::OAuthRoute;
use crate::error::ApiError;
use crate::keys::KeyType;
use crate::operations::Failure;
use crate::payload::Dropped;
use crate::resource::Resource;
use crate::route::Route;
use crate::service::{self, Reply, Request};
use crate::tls::Tls;

/// A running listener. Dropping it ends it at once; [`Server::stop`] first finishes the responses
/// in progress.
#[must_use = "the listener ends when this is dropped"]
pub struct Server {
    address: SocketAddr,
    /// Present if it speaks https.
    ca_cert: Option<PathBuf>,
    stop: watch::Sender<bool>,
    resource: Arc<Resource>,
    accepting: JoinHandle<()>,
    /// The lock is here and not in the task, so that the caller may reopen the directory as soon as
    /// this is dropped.
    _lock: Option<Arc<DirectoryLock>>,
}

impl Server {
    pub(crate) fn start(
        resource: Arc<Resource>,
        listener: TcpListener,
        tls: Option<Tls>,
        lock: Option<Arc<DirectoryLock>>,
    ) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let (acceptor, ca_cert) = match tls {
            Some(tls) => (Some(tls.acceptor), Some(tls.ca_cert)),
            None => (None, None),
        };
        let (stop, stopped) = watch::channel(false);
        let accepting = tokio::spawn(accept(Arc::clone(&resource), listener, acceptor, stopped));
        Ok(Self { address, ca_cert, stop, resource, accepting, _lock: lock })
    }

    /// The address of the listener.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:8080` or `https://127.0.0.1:8443`, without a slash at the
    /// end. A listener on all addresses is named by its loopback one.
    #[must_use]
    pub fn endpoint(&self) -> String {
        let scheme = if self.ca_cert.is_some() { "https" } else { "http" };
        let mut address = self.address;
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        format!("{scheme}://{address}")
    }

    /// The PEM file of the certificate that a client of this listener has to trust; `None` if the
    /// listener speaks http.
    #[must_use]
    pub fn ca_cert_path(&self) -> Option<&Path> {
        self.ca_cert.as_deref()
    }

    /// `endpoint=…;accesskey=…` with the current primary key, as the Azure portal shows it. This is
    /// a secret.
    #[must_use]
    pub fn connection_string(&self) -> String {
        self.connection_string_with(KeyType::Primary)
    }

    /// The same with the secondary key, which is equally valid. This is a secret.
    #[must_use]
    pub fn secondary_connection_string(&self) -> String {
        self.connection_string_with(KeyType::Secondary)
    }

    fn connection_string_with(&self, key_type: KeyType) -> String {
        let key = self.resource.keys.get(key_type);
        format!("endpoint={}/;accesskey={}", self.endpoint(), key.expose())
    }

    /// Accepts no more connections, releases held responses, and waits for responses in progress,
    /// for five seconds at most.
    pub async fn stop(mut self) {
        // Without a receiver, the task has already ended.
        let _ = self.stop.send(true);
        self.resource.faults.release();
        if tokio::time::timeout(LAST_ANSWERS, &mut self.accepting).await.is_err() {
            warn!("stopped before the last answers were sent");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// The connections belong to this task, and end with it.
async fn accept(
    resource: Arc<Resource>,
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => break,
            Some(_) = connections.join_next() => continue,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(cause) => {
                // An error such as too many open files may be temporary.
                warn!(error = %cause, "could not accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let (resource, tls, stopped) = (Arc::clone(&resource), tls.clone(), stopped.clone());
        connections.spawn(async move {
            // Responses are small, so waiting to fill a packet would only delay them.
            let _ = stream.set_nodelay(true);
            let broken = Arc::new(AtomicBool::new(false));
            let stream = Breakable::new(stream, Arc::clone(&broken));
            let wire = Wire { broken, secure: tls.is_some() };
            let Some(tls) = tls else {
                return serve(resource, stream, wire, stopped).await;
            };
            match tls.accept(stream).await {
                Ok(stream) => serve(resource, stream, wire, stopped).await,
                Err(cause) => debug!(error = %cause, "a TLS handshake failed"),
            }
        });
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// The properties of a connection.
struct Wire {
    /// Set to end the connection with a reset instead of an orderly close.
    broken: Arc<AtomicBool>,
    secure: bool,
}

async fn serve(
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
        Reply::Answer(answer::of(&Route::Unknown, Err(error)))
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
            answer::dress(&mut answer, &circumstances);
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
        return Reply::Answer(answer::preflight());
    }
    if control::owns(request.uri.path()) {
        return Reply::Answer(control::handle(resource, request));
    }
    if let Some(route) = OAuthRoute::of(&request.method, request.uri.path()) {
        let scheme = if wire.secure { "https" } else { "http" };
        return Reply::Answer(control::handle_oauth(resource, &route, request, scheme));
    }
    service::handle(resource, request).await
}

/// Far above the largest body of any operation.
const LARGEST_BODY: usize = 1024 * 1024;
const LAST_ANSWERS: Duration = Duration::from_secs(5);
