//! The data that an emulator keeps between starts: its keys and its journal.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::private_files;
use crate::state::{DirectoryLock, EmulatorStartError};

/// A directory with keys that only its owner can read.
#[derive(Clone, Debug)]
pub(crate) struct DataDir(PathBuf);

/// The resource and its keys, in base64. It has no `Debug`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeptResource {
    #[serde(rename = "resourceId")]
    pub guid: String,
    pub primary_key: String,
    pub secondary_key: String,
    /// Regenerated keys, newest first.
    #[serde(default)]
    pub retired_keys: Vec<String>,
}

impl DataDir {
    pub(crate) fn open(path: PathBuf) -> Result<Self, EmulatorStartError> {
        // An existing directory keeps its mode: it may contain other files.
        let made = private_files::create_directory(&path);
        made.map_err(|source| EmulatorStartError::DataFile { path: path.clone(), source })?;
        Ok(Self(path))
    }

    /// Locks the directory for this process until the lock is dropped.
    pub(crate) fn lock(&self) -> Result<DirectoryLock, EmulatorStartError> {
        match DirectoryLock::take(&self.0) {
            Ok(Some(lock)) => Ok(lock),
            Ok(None) => Err(EmulatorStartError::DataDirInUse { path: self.0.clone() }),
            Err(source) => {
                Err(EmulatorStartError::DataFile { path: DirectoryLock::path(&self.0), source })
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn resource(&self) -> Result<Option<KeptResource>, EmulatorStartError> {
        let Some(bytes) = self.read(RESOURCE)? else { return Ok(None) };
        let unreadable = |_| EmulatorStartError::DataFileUnreadable { path: self.0.join(RESOURCE) };
        serde_json::from_slice(&bytes).map(Some).map_err(unreadable)
    }

    pub(crate) fn keep_resource(&self, resource: &KeptResource) -> Result<(), EmulatorStartError> {
        let bytes = serde_json::to_vec_pretty(resource);
        let unreadable = |_| EmulatorStartError::DataFileUnreadable { path: self.0.join(RESOURCE) };
        self.write(RESOURCE, &bytes.map_err(unreadable)?)
    }

    /// The content of the file; `None` if it does not exist.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, EmulatorStartError> {
        let path = self.0.join(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(EmulatorStartError::DataFile { path, source }),
        }
    }

    /// Writes a file atomically, readable only by its owner.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), EmulatorStartError> {
        let path = self.0.join(name);
        let beside = self.0.join(format!("{name}.new"));
        let written = private_files::create(&beside)
            .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&beside, &path));
        written.map_err(|source| EmulatorStartError::DataFile { path, source })
    }
}

/// The file of the signing key, PKCS#8 DER.
pub(crate) const SIGNING_KEY: &str = "signing-key.der";
/// The file of the development Entra issuer's key, PKCS#8 DER.
pub(crate) const ENTRA_SIGNING_KEY: &str = "entra-signing-key.der";
const RESOURCE: &str = "resource.json";
/// The file of the journal.
pub(crate) const JOURNAL: &str = "identities.jsonl";
