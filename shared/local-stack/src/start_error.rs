//! Why a stack does not start.

use std::io;
use std::path::PathBuf;

use crate::{EngineError, JournalError, KeyError, template};

/// Why a stack does not start, and what to do about it. Never quotes a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Another program listens there.
    #[error(
        "port {port} (for {what}) is in use: stop the program that uses it, or take other ports \
         with GUESTPASS_PORT or --port (0 takes any that are free)"
    )]
    PortInUse {
        /// The port.
        port: u16,
        /// What it is for.
        what: &'static str,
    },
    /// The system does not let us listen there.
    #[error("cannot listen on port {port} (for {what}): {source}")]
    Port {
        /// The port.
        port: u16,
        /// What it is for.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Another stack keeps its data there.
    #[error(
        "another stack uses {}: stop it, or take another directory with --data, or --ephemeral",
        .0.display()
    )]
    DataInUse(PathBuf),
    /// A file or a directory cannot be used.
    #[error("{}: {source}", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The template cannot be used.
    #[error("{}: {source}", path.display())]
    Template {
        /// The template.
        path: PathBuf,
        /// What is wrong with it, and where.
        source: template::Error,
    },
    /// A function was not built.
    #[error("there is no function {}: build it with `cargo build -p {name}`", path.display())]
    FunctionMissing {
        /// Where it should be.
        path: PathBuf,
        /// The name of its binary.
        name: String,
    },
    /// The issuer has no key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// DynamoDB does not start.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// What the queues kept cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The ACS emulator does not start.
    #[error("the ACS emulator does not start: {0}")]
    Acs(#[from] acs_emulator::StartError),
    /// The system refused something that every program may do.
    #[error("{0}")]
    System(#[source] io::Error),
}

impl StartError {
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        |source| Self::File { path: path.into(), source }
    }
}
