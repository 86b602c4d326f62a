//! `stack.json`: the file with the addresses of a local stack.
//!
//! The tool uses it only if no other user can have written it (see [`trust`]), and if every
//! address in it is on this machine (see [`loopback`](crate::service::local::loopback)). The tool opens no other
//! file that it names, such as the emulator's certificate: it reaches the emulator over http.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use acs_client::ConnectionString;
use identity_core::secret::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::report::{CliError, Result, output};
use crate::service::local::loopback::is_loopback;
use crate::service::local::trust::{self, Distrust, STICKY};

/// The content of `stack.json`. It does not implement `Debug`, because it holds the access key.
#[derive(Clone, Deserialize)]
pub(crate) struct StackDescription {
    /// The base URL of the API.
    pub(crate) gateway: String,
    /// The web page and the control API of the stack.
    pub(crate) console: String,
    /// The issuer of development tokens.
    pub(crate) issuer: String,
    /// `jwt` or `lambda`; `None` in the file of an older version.
    pub(crate) authorizer: Option<String>,
    /// The endpoint for `PutEvents`.
    pub(crate) events: String,
    /// The ACS emulator.
    pub(crate) acs: StackAcs,
    /// The DynamoDB engine.
    pub(crate) dynamodb: String,
    /// Secrets Manager, which holds one secret.
    #[serde(rename = "secretsManager")]
    pub(crate) secrets: String,
    /// The table.
    pub(crate) table: Option<String>,
    /// The event bus for Guestpass's own events; `None` in the file of an older version.
    #[serde(rename = "eventBus")]
    pub(crate) event_bus: Option<String>,
    /// The table of the audit log; `None` in the file of an older version.
    #[serde(rename = "auditTable")]
    pub(crate) audit_table: Option<String>,
    /// The simulated transmitters of signals; empty in the file of an older version.
    #[serde(default)]
    pub(crate) transmitters: Vec<StackTransmitter>,
}

/// A simulated transmitter.
#[derive(Clone, Deserialize)]
pub(crate) struct StackTransmitter {
    pub(crate) name: String,
    /// The issuer of its messages; empty if it signs none, as a directory that uses SCIM.
    #[serde(default)]
    pub(crate) issuer: String,
    /// The client of its API, if it has one.
    #[serde(flatten)]
    pub(crate) client: Option<StackClient>,
}

/// The client of a simulated transmitter's API.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StackClient {
    pub(crate) token_url: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
}

/// The ACS emulator.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StackAcs {
    /// The endpoint and the access key.
    connection_string: String,
    /// The same of each resource by name; empty if there is one.
    #[serde(default)]
    connection_strings: BTreeMap<String, String>,
    /// The parameter `AcsPlacement`, if there are several resources.
    pub(crate) placement: Option<String>,
}

impl StackAcs {
    /// The text of the secret that the functions read.
    pub(crate) fn secret(&self) -> Secret {
        if self.connection_strings.is_empty() {
            Secret::new(self.connection_string.as_str())
        } else {
            Secret::new(json!(self.connection_strings).to_string())
        }
    }
}

/// The file of a stack that was started in `directory` or in a directory above it.
pub(crate) fn find(directory: &Path) -> Option<PathBuf> {
    directory.ancestors().map(|above| above.join(PLACE)).find(|file| file.is_file())
}

/// Reads the file.
pub(crate) fn read(path: &Path) -> Result<StackDescription> {
    let text = trust::read(path).map_err(|distrust| refused(path, &distrust))?;
    // The parser's message can quote the file, which holds a key.
    let unreadable = |_| {
        CliError::usage(format!("{} is not what a local stack writes", path.display()))
            .hint("remove it, and start the stack again with `make run`")
    };
    let value: Value = serde_json::from_slice(&text).map_err(unreadable)?;
    if let Some(field) = remote_field(&value, "") {
        return Err(remote(path, &field));
    }
    serde_json::from_value(value).map_err(unreadable)
}

fn refused(path: &Path, distrust: &Distrust) -> CliError {
    let untrusted = || CliError::usage(format!("the stack file {} is not used", path.display()));
    match distrust {
        Distrust::Unreadable(error) => CliError::usage(format!("cannot read {}", path.display()))
            .because(error.to_string())
            .hint("start a local stack with `make run`, which writes it, or name another --stack-file"),
        Distrust::NotAFile(at) => untrusted()
            .because(format!("{} is not a regular file", at.display()))
            .hint("name the file that a local stack has written as --stack-file"),
        Distrust::Foreign { path: at, owner, user } => untrusted()
            .because(format!(
                "{} belongs to another user (uid {owner}, yours is {user}), who could redirect \
                 your requests",
                at.display()
            ))
            .hint("start a stack of your own with `make run` in a directory of your own, or name \
                 its --stack-file"),
        Distrust::Writable { path: at, mode, excess } => untrusted()
            .because(format!(
                "other users may write {} (mode {mode:04o}), and could redirect your requests",
                at.display()
            ))
            .hint(if mode & STICKY == 0 {
                format!(
                    "run: chmod {excess} {}; if the file may have been changed, remove it and start \
                     the stack again",
                    output::shell_quoted(&at.display().to_string())
                )
            } else {
                "start the stack with --stack-file in a directory that only you may write".to_owned()
            }),
    }
}

/// The first field with an address that is not on this machine. This includes every field that
/// the tool uses and every other text in the form of a URL.
fn remote_field(value: &Value, field: &str) -> Option<String> {
    match value {
        Value::Object(members) => members.iter().find_map(|(name, value)| {
            let dot = if field.is_empty() { "" } else { "." };
            remote_field(value, &format!("{field}{dot}{name}"))
        }),
        Value::Array(list) => list.iter().find_map(|value| remote_field(value, field)),
        Value::String(text) => is_remote(field, text).then(|| field.to_owned()),
        _ => None,
    }
}

fn is_remote(field: &str, text: &str) -> bool {
    if field == CONNECTION_STRING || field.starts_with(CONNECTION_STRINGS) {
        // An invalid connection string leads to no address; its error is reported later.
        let string = text.trim().parse::<ConnectionString>();
        return string.is_ok_and(|string| !is_loopback(&string.endpoint.to_string()));
    }
    (URLS.contains(&field) || text.contains("://")) && !is_loopback(text)
}

/// The error does not quote the address: if the fields are mixed up, it may be a key.
fn remote(path: &Path, field: &str) -> CliError {
    CliError::usage(format!("the stack file {} is not used", path.display()))
        .because(format!(
            "its field `{field}` is not the URL of a service on this machine (127.0.0.0/8, ::1 or \
             localhost), as everything of a local stack is"
        ))
        .hint("remove the file, and start the stack again with `make run`")
}

/// Where `make run` writes the file, relative to its current directory.
const PLACE: &str = "target/local/stack.json";

/// The fields that the tool sends requests to.
const URLS: [&str; 6] = ["gateway", "console", "issuer", "events", "dynamodb", "secretsManager"];

/// The field with the endpoint of ACS and its key.
const CONNECTION_STRING: &str = "acs.connectionString";

/// The prefix of the fields with those of several resources.
const CONNECTION_STRINGS: &str = "acs.connectionStrings.";
