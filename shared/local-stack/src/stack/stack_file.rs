//! `stack.json`: the addresses of all services of a running stack, for tests and tools.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::reachable_url::ReachableUrl;
use crate::acs::AcsUrls;

/// The addresses of all services. It has no `Debug`, because it holds the access key
/// and other credentials.
pub(crate) struct StackAddresses {
    pub(crate) gateway: ReachableUrl,
    pub(crate) console: String,
    pub(crate) issuer: ReachableUrl,
    /// The certificate that clients of gateway and issuer must trust, if these speak https.
    pub(crate) ca_cert: Option<PathBuf>,
    /// The real issuer whose tokens the gateway accepts in place of those of `issuer`.
    pub(crate) api_issuer: Option<String>,
    /// The template's parameter `Authorizer`: `jwt` or `lambda`.
    pub(crate) authorizer: Option<String>,
    pub(crate) events: String,
    pub(crate) acs: AcsUrls,
    pub(crate) dynamodb: String,
    pub(crate) secrets: String,
    /// The simulated Microsoft Entra.
    pub(crate) entra: String,
    pub(crate) acs_secret_arn: String,
    pub(crate) table: Option<String>,
    pub(crate) audit_table: Option<String>,
    pub(crate) event_bus: Option<String>,
    /// The simulated transmitters, with the credentials of their APIs.
    pub(crate) transmitters: Value,
}

impl StackAddresses {
    /// All fields, including the access key: for a file that only the owner can read.
    pub(crate) fn to_json(&self) -> Value {
        let mut json = self.to_public_json();
        if let Some(acs) = json.get_mut("acs").and_then(Value::as_object_mut) {
            acs.insert("accessKey".to_owned(), self.acs.access_key.as_str().into());
            acs.insert("connectionString".to_owned(), self.acs.connection_string.as_str().into());
            if self.acs.connection_strings.len() > 1 {
                acs.insert("connectionStrings".to_owned(), json!(self.acs.connection_strings));
            }
            if let Some(placement) = &self.acs.placement {
                acs.insert("placement".to_owned(), placement.as_str().into());
            }
        }
        if let Some(json) = json.as_object_mut() {
            json.insert("transmitters".to_owned(), self.transmitters.clone());
        }
        json
    }

    /// The fields without the credentials of ACS: for any client that can reach the console.
    pub(crate) fn to_public_json(&self) -> Value {
        let mut json = json!({
            "gateway": self.gateway.local,
            "console": self.console,
            "issuer": self.issuer.local,
            "caCert": self.ca_cert,
            "authorizer": self.authorizer,
            "events": self.events,
            "acs": {
                "http": self.acs.http,
                "https": self.acs.https,
                "caCert": self.acs.ca_cert,
                "endpoint": self.acs.http,
            },
            "dynamodb": self.dynamodb,
            "secretsManager": self.secrets,
            "entra": self.entra,
            "acsSecretArn": self.acs_secret_arn,
            "table": self.table,
            "auditTable": self.audit_table,
            "eventBus": self.event_bus,
        });
        if !self.acs.others.is_empty()
            && let Some(acs) = json.get_mut("acs").and_then(Value::as_object_mut)
        {
            acs.insert("others".to_owned(), json!(self.acs.others));
        }
        json
    }
}

/// The file, which is deleted when this is dropped.
pub(crate) struct StackFile(PathBuf);

impl StackFile {
    /// Removes the file of a stack that was killed.
    pub(crate) fn remove_stale(path: &Path) {
        let _ = fs::remove_file(path);
    }

    /// Writes the file atomically, readable only by its owner.
    pub(crate) fn write(path: &Path, addresses: &StackAddresses) -> io::Result<Self> {
        if let Some(directory) = path.parent() {
            // The command-line tool refuses a file in a directory that other users may write to.
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        }
        let mut new = path.as_os_str().to_owned();
        new.push(".new");
        // A leftover file could have another mode.
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        writeln!(file, "{:#}", addresses.to_json())?;
        fs::rename(&new, path)?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for StackFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
