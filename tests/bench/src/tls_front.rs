//! TLS in front of the servers of the bench, which speak http.

use std::{error::Error, net::SocketAddr, path::PathBuf};

use acs_emulator::Tls;
use tempfile::TempDir;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// Listeners that end TLS and pass the bytes on. They end when this is dropped.
pub(crate) struct TlsFront {
    tls: Tls,
    tasks: JoinSet<()>,
    _directory: TempDir,
}

impl TlsFront {
    pub(crate) fn new() -> Result<Self, Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let tls = Tls::with_authority_in(directory.path(), &[])?;
        Ok(Self { tls, tasks: JoinSet::new(), _directory: directory })
    }

    /// The certificate that clients have to trust, as a file.
    pub(crate) fn authority(&self) -> PathBuf {
        self.tls.ca_cert.clone()
    }

    /// The https URL for this http URL of a server on loopback.
    pub(crate) async fn before(&mut self, http: &str) -> Result<String, Box<dyn Error>> {
        let address = http.trim_start_matches("http://").trim_end_matches('/');
        let server: SocketAddr = address.replace("localhost", "127.0.0.1").parse()?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let acceptor = self.tls.acceptor.clone();
        self.tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                // A connection that fails also fails the call that is measured.
                tokio::spawn(async move {
                    let _ = stream.set_nodelay(true);
                    // At once, because a real server needs no second connection after the handshake.
                    let opened =
                        tokio::try_join!(acceptor.accept(stream), TcpStream::connect(server));
                    let Ok((mut client, mut server)) = opened else { return };
                    let _ = server.set_nodelay(true);
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
        Ok(format!("https://localhost:{port}"))
    }
}
