//! The ACS emulator, as the stack uses it.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use acs_emulator::choices::Choices;
use acs_emulator::{Emulator, Server, StartError};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

/// The emulator, serving.
pub(crate) struct Acs {
    emulator: Emulator,
    http: Server,
    https: Server,
    /// What is to be gone at the end: the authority of an emulator that keeps nothing.
    _scratch: Option<Scratch>,
}

impl Acs {
    /// Serves one emulator over http and https. It keeps everything in `data`, or, if it is
    /// `ephemeral`, only the certificate that clients have to trust, and that until the end.
    pub(crate) fn start(
        http: TcpListener,
        https: TcpListener,
        data: &Path,
        ephemeral: bool,
        choices: &Choices,
    ) -> Result<Self, StartError> {
        let builder = choices.tell(Emulator::builder());
        let (builder, authority, scratch) = if ephemeral {
            // Several stacks that keep nothing may share a directory.
            let authority = data.join(format!("acs-{}", Uuid::new_v4()));
            (builder, authority.clone(), Some(Scratch(authority)))
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

    /// What tokens, limits and dates are judged by.
    pub(crate) fn clock(&self) -> acs_emulator::Clock {
        self.emulator.clock().clone()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.http.address()
    }

    /// `endpoint`, `accessKey` and the rest, as `stack.json` has them.
    pub(crate) fn urls(&self) -> Urls {
        Urls {
            http: self.http.endpoint(),
            https: self.https.endpoint(),
            // A relative path would be one only from where the stack was started.
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

/// A directory that is gone when this is.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Where ACS is and what opens it. There is no `Debug`: it holds the key.
pub(crate) struct Urls {
    pub(crate) http: String,
    pub(crate) https: String,
    pub(crate) ca_cert: Option<PathBuf>,
    pub(crate) access_key: String,
    pub(crate) connection_string: String,
}

/// What the emulator's control API says about its identities.
pub(crate) async fn identities(address: SocketAddr) -> io::Result<Value> {
    let mut stream = TcpStream::connect(address).await?;
    // HTTP/1.0, so that the end of the connection is the end of the answer.
    let request = format!("GET /_emulator/identities HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
    Ok(serde_json::from_str(body)?)
}
