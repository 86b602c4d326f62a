//! The ACS emulator of the stack.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use acs_emulator::{Emulator, EmulatorServer, EmulatorStartError};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use crate::options::StackOptions;

/// The running emulator.
pub(crate) struct LocalAcs {
    emulator: Emulator,
    http: EmulatorServer,
    https: EmulatorServer,
    /// The temporary directory with the authority of an ephemeral emulator.
    _scratch: Option<TemporaryDirectory>,
}

impl LocalAcs {
    /// Serves one emulator over http and https. An ephemeral emulator keeps only the certificate
    /// that clients have to trust, until the stack stops.
    pub(crate) fn start(
        [http, https]: [TcpListener; 2],
        options: &StackOptions,
    ) -> Result<Self, EmulatorStartError> {
        let data = &options.data;
        let builder =
            Emulator::builder().options(options.acs).allowed_hosts(options.allowed_hosts.clone());
        let (builder, authority, scratch) = if options.ephemeral {
            // Several ephemeral stacks may share a directory.
            let authority = data.join(format!("acs-{}", Uuid::new_v4()));
            (builder, authority.clone(), Some(TemporaryDirectory(authority)))
        } else {
            let kept = data.join("acs");
            (builder.data_dir(&kept), kept, None)
        };
        let emulator = builder.build()?;
        let http = emulator.serve(http)?;
        let https = emulator.serve_tls(https, &authority)?;
        Ok(Self { emulator, http, https, _scratch: scratch })
    }

    pub(crate) fn connection_string(&self) -> String {
        self.http.connection_string()
    }

    /// The clock for tokens, limits and dates.
    pub(crate) fn clock(&self) -> acs_emulator::EmulatorClock {
        self.emulator.clock().clone()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.http.address()
    }

    /// The ACS members of `stack.json`, such as `endpoint` and `accessKey`.
    pub(crate) fn urls(&self) -> AcsUrls {
        AcsUrls {
            http: self.http.endpoint(),
            https: self.https.endpoint(),
            // A relative path would only be valid in the directory where the stack was started.
            ca_cert: self.https.ca_cert_path().and_then(|path| path.canonicalize().ok()),
            access_key: self.emulator.access_key().expose().to_owned(),
            connection_string: self.connection_string(),
        }
    }

    pub(crate) async fn stop(self) {
        self.http.stop().await;
        self.https.stop().await;
    }
}

/// A directory that is deleted when this is dropped.
struct TemporaryDirectory(PathBuf);

impl Drop for TemporaryDirectory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The address and the credentials of ACS. It has no `Debug`, because it holds the key.
pub(crate) struct AcsUrls {
    pub(crate) http: String,
    pub(crate) https: String,
    pub(crate) ca_cert: Option<PathBuf>,
    pub(crate) access_key: String,
    pub(crate) connection_string: String,
}

/// The identities that the emulator's control API returns.
pub(crate) async fn identities(address: SocketAddr) -> io::Result<Value> {
    let mut stream = TcpStream::connect(address).await?;
    // HTTP/1.0, so that the end of the connection is the end of the response.
    let request = format!("GET /_emulator/identities HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
    Ok(serde_json::from_str(body)?)
}
