//! `stack.json`: where a local stack says where it is.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::failure::{Failure, Result};

/// What `stack.json` says. There is no `Debug`: it holds the access key.
#[derive(Clone, Deserialize)]
pub(crate) struct StackFile {
    /// The base of the API's URLs.
    pub(crate) gateway: String,
    /// The page for people, and the stack's control.
    pub(crate) console: String,
    /// The issuer of tokens for development.
    pub(crate) issuer: String,
    /// `PutEvents`.
    pub(crate) events: String,
    /// The ACS emulator.
    pub(crate) acs: Acs,
    /// The DynamoDB engine.
    pub(crate) dynamodb: String,
    /// Secrets Manager, with the one secret there is.
    #[serde(rename = "secretsManager")]
    pub(crate) secrets: String,
    /// The table.
    pub(crate) table: Option<String>,
    /// The event bus for our own events; a stack of an older version does not name one.
    #[serde(rename = "eventBus")]
    pub(crate) event_bus: Option<String>,
    /// The table of the audit log; a stack of an older version has none.
    #[serde(rename = "auditTable")]
    pub(crate) audit_table: Option<String>,
}

/// The ACS emulator.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Acs {
    /// Where it is, and what opens it.
    pub(crate) connection_string: String,
}

/// Where a stack that was started in `directory`, or above it, says where it is.
pub(crate) fn find(directory: &Path) -> Option<PathBuf> {
    directory.ancestors().map(|above| above.join(PLACE)).find(|file| file.is_file())
}

/// Reads the file.
pub(crate) fn read(path: &Path) -> Result<StackFile> {
    let shown = path.display();
    let text = fs::read(path).map_err(|error| {
        Failure::usage(format!("cannot read {shown}")).because(error.to_string()).so(
            "start a local stack with `make run`, which writes it, or name another --stack-file",
        )
    })?;
    // The parser's message can quote the file, which holds a key.
    serde_json::from_slice(&text).map_err(|_| {
        Failure::usage(format!("{shown} is not what a local stack writes"))
            .so("remove it, and start the stack again with `make run`")
    })
}

/// Where `make run` puts it, from the directory it is run in.
const PLACE: &str = "target/local/stack.json";
