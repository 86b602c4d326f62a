//! https for gateway and issuer.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use acs_emulator::Tls;
use axum::Router;
use axum::extract::Request;
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::middleware::map_request;
use axum::serve::{IncomingStream, Listener};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::reachable_url::reachable_address;
use super::start_error::StackStartError;
use crate::options::StackOptions;

/// How long a client may take for the handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How many connections may wait until the server takes them.
const BACKLOG: usize = 64;

/// The certificate for the address of gateway and issuer, if they speak https.
pub(super) fn certificate(options: &StackOptions) -> Result<Option<Tls>, StackStartError> {
    if !options.https {
        return Ok(None);
    }
    let address = reachable_address(options.host)?;
    // The authority may only sign for this address, so another address needs another authority.
    let directory = options.data.join(format!("https-{address}").replace(':', "-"));
    Tls::with_authority_in(&directory, &[address.to_string()])
        .map(Some)
        .map_err(StackStartError::Certificate)
}

/// The path of the certificate that clients must trust. It is absolute, because clients run in
/// other directories.
pub(super) fn ca_cert(tls: &Tls) -> Option<PathBuf> {
    tls.ca_cert.canonicalize().ok()
}

/// A listener that speaks TLS. A task does each handshake, so that a slow client delays no other.
pub(super) struct TlsListener {
    connections: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
    address: SocketAddr,
}

impl TlsListener {
    pub(super) fn start(listener: TcpListener, acceptor: TlsAcceptor) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let (sender, connections) = mpsc::channel(BACKLOG);
        tokio::spawn(accept(listener, acceptor, sender));
        Ok(Self { connections, address })
    }
}

/// Accepts connections until the listener is dropped.
async fn accept(
    mut listener: TcpListener,
    acceptor: TlsAcceptor,
    sender: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    loop {
        let (stream, peer) = tokio::select! {
            // axum's implementation retries after an error.
            accepted = Listener::accept(&mut listener) => accepted,
            () = sender.closed() => return,
        };
        let (acceptor, sender) = (acceptor.clone(), sender.clone());
        tokio::spawn(async move {
            let handshake = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream));
            if let Ok(Ok(stream)) = handshake.await {
                let _ = sender.send((stream, peer)).await;
            }
        });
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.connections.recv().await {
            Some(connection) => connection,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// The client's address. axum permits no implementation for `SocketAddr` itself.
#[derive(Clone, Copy)]
pub(super) struct TlsPeer(SocketAddr);

impl Connected<IncomingStream<'_, TlsListener>> for TlsPeer {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

/// Gives the handlers of `router` the client's address as without TLS.
pub(super) fn with_peer(router: Router) -> Router {
    router.layer(map_request(
        async |ConnectInfo(TlsPeer(peer)): ConnectInfo<TlsPeer>, mut request: Request| {
            request.extensions_mut().insert(ConnectInfo(peer));
            request
        },
    ))
}
