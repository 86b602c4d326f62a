//! Why a stack does not start.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

use crate::dynamodb::EngineError;
use crate::issuer::{DiscoveryError, KeyError};
use crate::queue::JournalError;
use crate::template::TemplateError;

/// Why a stack does not start, and how to fix it. It never quotes a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StackStartError {
    /// Another program listens on the port.
    #[error(
        "port {port} (for {what}) is in use: stop the program that uses it, or choose other ports \
         with GUESTPASS_PORT or --port (0 for any free ports)"
    )]
    PortInUse {
        /// The port.
        port: u16,
        /// The service that needs the port.
        what: &'static str,
    },
    /// The system does not permit listening on the port.
    #[error(
        "cannot listen on port {port} (for {what}): {source}; choose other ports with \
         GUESTPASS_PORT or --port"
    )]
    Port {
        /// The port.
        port: u16,
        /// The service that needs the port.
        what: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// This machine does not have the address of `--host`.
    #[error("this machine does not have the address {0}: give one that it has with --host")]
    HostNotHere(IpAddr),
    /// `--host` is all addresses, but this machine has none in a network.
    #[error("this machine has no address in a network: connect it, or give an address with --host")]
    NoAddress,
    /// The certificate for https could not be created.
    #[error("cannot create the certificate for https: {0}")]
    Certificate(#[source] acs_emulator::EmulatorStartError),
    /// Another stack uses the data directory.
    #[error(
        "the data directory {} is used by another stack: stop that stack, choose another \
         directory with --data, or use --ephemeral",
        .0.display()
    )]
    DataInUse(PathBuf),
    /// A file or a directory cannot be used.
    #[error("cannot use {}: {source}", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The template is invalid or unsupported.
    #[error("cannot run the template {}: {source}", path.display())]
    Template {
        /// The template.
        path: PathBuf,
        /// What is wrong with it, and where.
        source: TemplateError,
    },
    /// The keys of a real issuer could not be found.
    #[error(
        "{0}\nCheck the parameter Issuer: API Gateway reads this URL, too. Without Issuer and \
         Audience,\nthe development issuer is used."
    )]
    Discovery(#[from] DiscoveryError),
    /// An HTTP client could not be created.
    #[error("cannot create an HTTP client: {0}")]
    HttpClient(#[source] reqwest::Error),
    /// A function was not built.
    #[error(
        "the function binary {} does not exist: build it with `cargo build -p {name}`, or set its \
         directory with --functions-dir",
        path.display()
    )]
    FunctionMissing {
        /// The expected path.
        path: PathBuf,
        /// The name of its binary.
        name: String,
    },
    /// The issuer's key could not be loaded or created.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// DynamoDB does not start.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The stored messages of the queues cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The ACS emulator does not start.
    #[error("the ACS emulator does not start: {0}")]
    Acs(#[from] acs_emulator::EmulatorStartError),
    /// A basic system call failed.
    #[error("a system call failed: {0}")]
    System(#[source] io::Error),
}

impl StackStartError {
    pub(super) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        |source| Self::File { path: path.into(), source }
    }

    pub(super) fn template(path: impl Into<PathBuf>) -> impl FnOnce(TemplateError) -> Self {
        |source| Self::Template { path: path.into(), source }
    }
}
