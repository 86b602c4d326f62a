//! The ACS emulator of the stack.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use acs_emulator::{Emulator, EmulatorServer, EmulatorStartError};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

use crate::options::StackOptions;

/// The running emulators: one for each ACS resource.
pub(crate) struct LocalAcs {
    /// The resource `main`.
    emulator: Emulator,
    http: EmulatorServer,
    https: EmulatorServer,
    others: Vec<OtherResource>,
    /// The temporary directory with the authority of an ephemeral emulator.
    _scratch: Option<TemporaryDirectory>,
}

impl LocalAcs {
    /// Serves the first emulator over http and https, and the others over http. An ephemeral emulator keeps only the certificate
    /// that clients have to trust, until the stack stops.
    pub(crate) fn start(
        ([http, https], others): ([TcpListener; 2], Vec<TcpListener>),
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
        let others = others.into_iter().zip(2..).map(|(listener, number)| {
            OtherResource::start(format!("r{number}"), listener, options)
        });
        let others = others.collect::<Result<_, _>>()?;
        Ok(Self { emulator, http, https, others, _scratch: scratch })
    }

    pub(crate) fn connection_string(&self) -> String {
        self.http.connection_string()
    }

    /// The text of the secret that the functions read: the connection string of the only
    /// resource, or one of each.
    pub(crate) fn secret(&self) -> String {
        if self.others.is_empty() {
            return self.connection_string();
        }
        json!(self.connection_strings()).to_string()
    }

    fn connection_strings(&self) -> BTreeMap<String, String> {
        let others =
            self.others.iter().map(|other| (other.name.clone(), other.http.connection_string()));
        others.chain([(MAIN.to_owned(), self.connection_string())]).collect()
    }

    /// The template's parameter `AcsPlacement`: all resources get new identities.
    pub(crate) fn placement(&self) -> String {
        let names = self.others.iter().map(|other| other.name.as_str()).chain([MAIN]);
        let open: BTreeMap<_, _> = names.map(|name| (name, json!({}))).collect();
        json!(open).to_string()
    }

    /// The template's parameter `TeamsPhone`: the tenant and the app of the emulator's Entra.
    pub(crate) fn teams_phone(&self) -> String {
        let authority = self.http.endpoint().trim_end_matches('/').to_owned();
        json!({ "tenants": [ENTRA_TENANT], "clients": [ENTRA_APP], "authority": authority })
            .to_string()
    }

    /// The clocks for tokens, limits and dates.
    pub(crate) fn clocks(&self) -> Vec<acs_emulator::EmulatorClock> {
        let others = self.others.iter().map(|other| &other.emulator);
        others.chain([&self.emulator]).map(|emulator| emulator.clock().clone()).collect()
    }

    /// The addresses of all resources.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        let others = self.others.iter().map(|other| other.http.address());
        [self.http.address()].into_iter().chain(others).collect()
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
            connection_strings: self.connection_strings(),
            placement: None,
            others: self
                .others
                .iter()
                .map(|other| (other.name.clone(), other.http.endpoint()))
                .collect(),
        }
    }

    pub(crate) async fn stop(self) {
        self.http.stop().await;
        self.https.stop().await;
        for other in self.others {
            other.http.stop().await;
        }
    }
}

/// The emulator of another resource than `main`.
struct OtherResource {
    name: String,
    emulator: Emulator,
    http: EmulatorServer,
}

impl OtherResource {
    fn start(
        name: String,
        listener: TcpListener,
        options: &StackOptions,
    ) -> Result<Self, EmulatorStartError> {
        let builder =
            Emulator::builder().options(options.acs).allowed_hosts(options.allowed_hosts.clone());
        let builder = if options.ephemeral {
            builder
        } else {
            builder.data_dir(options.data.join(format!("acs-{name}")))
        };
        let emulator = builder.build()?;
        let http = emulator.serve(listener)?;
        Ok(Self { name, emulator, http })
    }
}

const MAIN: &str = "main";

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
    /// The connection strings of all resources, by name.
    pub(crate) connection_strings: BTreeMap<String, String>,
    /// The template's parameter `AcsPlacement`, if it is not the default.
    pub(crate) placement: Option<String>,
    /// The names and the addresses of the resources other than `main`.
    pub(crate) others: BTreeMap<String, String>,
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

/// The tenant and the app of the tokens that the emulator's Entra issues by default.
const ENTRA_TENANT: &str = "e0000000-0000-4000-8000-000000000001";
const ENTRA_APP: &str = "e0000000-0000-4000-8000-000000000002";
