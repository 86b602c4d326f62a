//! The directory for keys, tables, messages and logs.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use acs_emulator::DirectoryLock;
use uuid::Uuid;

use super::start_error::StackStartError;
use crate::acs::LocalAcs;
use crate::clock::StackClock;
use crate::options::StackOptions;

pub(super) struct DataDirectory {
    path: PathBuf,
    pub(super) logs: PathBuf,
    /// Held while a stack that keeps its data uses the directory.
    lock: Option<DirectoryLock>,
}

impl DataDirectory {
    /// Creates the directory, and locks it unless the stack is ephemeral. Only the owner can read
    /// it, because it contains keys.
    pub(super) fn open(options: &StackOptions) -> Result<Self, StackStartError> {
        let path = options.data.clone();
        let logs = path.join("logs");
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(&logs).map_err(StackStartError::file(&logs))?;
        let lock = if options.ephemeral { None } else { Some(lock(&path)?) };
        Ok(Self { path, logs, lock })
    }

    /// The path of a file that the next start reads again; `None` if the stack is ephemeral.
    pub(super) fn kept_file(&self, name: &str) -> Option<PathBuf> {
        self.lock.as_ref().map(|_| self.path.join(name))
    }

    /// Opens the clock. Its file has an absolute path, because functions read it from other
    /// directories.
    pub(super) fn open_clock(&self, acs: &LocalAcs) -> Result<Arc<StackClock>, StackStartError> {
        let data = fs::canonicalize(&self.path).map_err(StackStartError::file(&self.path))?;
        let keep = self.lock.is_some();
        let name = if keep { "clock".to_owned() } else { format!("clock-{}", Uuid::new_v4()) };
        let file = data.join(name);
        StackClock::open(file.clone(), keep, acs.clocks()).map_err(StackStartError::file(file))
    }
}

fn lock(data: &Path) -> Result<DirectoryLock, StackStartError> {
    let path = DirectoryLock::path(data);
    let lock = DirectoryLock::take(data).map_err(StackStartError::file(path))?;
    lock.ok_or_else(|| StackStartError::DataInUse(data.to_owned()))
}
