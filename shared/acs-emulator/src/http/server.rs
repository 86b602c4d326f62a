//! Listeners: accepting connections, and ending them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

use super::Tls;
use super::connection::{ConnectionInfo, serve};
use super::resettable_stream::ResettableStream;
use crate::resource::Resource;
use crate::state::{DirectoryLock, KeyType};

/// A running listener. Dropping it ends it at once; [`EmulatorServer::stop`] first finishes the responses
/// in progress.
#[must_use = "the listener ends when this is dropped"]
pub struct EmulatorServer {
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

impl EmulatorServer {
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

    /// `http://127.0.0.1:8080` or `https://127.0.0.1:8443`, without a slash at the end. It has the
    /// first name of [`Builder::host_name`](crate::Builder::host_name) if there is one. Otherwise, a
    /// listener on all addresses is named by its loopback one.
    #[must_use]
    pub fn endpoint(&self) -> String {
        let scheme = if self.ca_cert.is_some() { "https" } else { "http" };
        if let Some(name) = self.resource.host_names.first() {
            let port = self.address.port();
            return match name.parse() {
                Ok(address) => format!("{scheme}://{}", SocketAddr::new(address, port)),
                Err(_) => format!("{scheme}://{name}:{port}"),
            };
        }
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
        if tokio::time::timeout(LAST_RESPONSES, &mut self.accepting).await.is_err() {
            warn!("server stopped before the last responses were sent");
        }
    }
}

impl Drop for EmulatorServer {
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
                warn!(error = %cause, "failed to accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let (resource, tls, stopped) = (Arc::clone(&resource), tls.clone(), stopped.clone());
        connections.spawn(async move {
            // Responses are small, so waiting to fill a packet would only delay them.
            let _ = stream.set_nodelay(true);
            let broken = Arc::new(AtomicBool::new(false));
            let stream = ResettableStream::new(stream, Arc::clone(&broken));
            let wire = ConnectionInfo { broken, secure: tls.is_some() };
            let Some(tls) = tls else {
                return serve(resource, stream, wire, stopped).await;
            };
            match tls.accept(stream).await {
                Ok(stream) => serve(resource, stream, wire, stopped).await,
                Err(cause) => debug!(error = %cause, "TLS handshake failed"),
            }
        });
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

const LAST_RESPONSES: Duration = Duration::from_secs(5);
