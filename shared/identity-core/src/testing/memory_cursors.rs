use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::Error;
use crate::ports::DirectoryCursors;

/// Cursors in memory.
#[derive(Debug, Default)]
pub struct MemoryDirectoryCursors(Mutex<BTreeMap<String, String>>);

impl DirectoryCursors for MemoryDirectoryCursors {
    async fn find_cursor(&self, name: &str) -> Result<Option<String>, Error> {
        let cursors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(cursors.get(name).cloned())
    }

    async fn save_cursor(&self, name: &str, seen: Option<&str>, next: &str) -> Result<bool, Error> {
        let mut cursors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = cursors.get(name).map(String::as_str);
        let is_saved = found == seen || found == Some(next);
        if is_saved {
            cursors.insert(name.to_owned(), next.to_owned());
        }
        Ok(is_saved)
    }
}
