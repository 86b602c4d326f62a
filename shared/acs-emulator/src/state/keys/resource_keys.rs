//! The access keys of the resource, and their regeneration.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use super::{KeyMark, ResourceKey};
use crate::state::{DataDir, EmulatorStartError, KeptResource};

/// One of the two keys, named as in the Azure API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum KeyType {
    Primary,
    Secondary,
}

/// A snapshot of the keys, which never changes.
pub(crate) struct KeyRing {
    /// Primary and secondary: both are valid.
    pub keys: [ResourceKey; 2],
    /// Regenerated keys, newest first. They are invalid, and are kept so that the log can tell a
    /// caller with an outdated key from one with a wrong key.
    pub retired: Vec<ResourceKey>,
}

impl KeyRing {
    /// Whether the key of a token's mark is still valid.
    pub(crate) fn honours(&self, mark: KeyMark) -> bool {
        mark == KeyMark::default() || self.keys.iter().any(|key| key.mark() == mark)
    }

    fn regenerated(&self, which: KeyType) -> Result<Self, EmulatorStartError> {
        let new = ResourceKey::generate()?;
        let [primary, secondary] = self.keys.clone();
        let (old, keys) = match which {
            KeyType::Primary => (primary, [new, secondary]),
            KeyType::Secondary => (secondary, [primary, new]),
        };
        let mut retired = vec![old];
        retired.extend(self.retired.iter().take(REMEMBERED - 1).cloned());
        Ok(Self { keys, retired })
    }
}

/// The keys of the resource, and the directory that stores them, if there is one.
pub(crate) struct ResourceKeys {
    now: RwLock<Arc<KeyRing>>,
    /// Held while a key is generated and stored; verification does not wait for it.
    changing: Mutex<()>,
    guid: String,
    dir: Option<DataDir>,
}

impl ResourceKeys {
    /// Takes the keys, and stores them.
    pub(crate) fn new(
        ring: KeyRing,
        guid: String,
        dir: Option<DataDir>,
    ) -> Result<Self, EmulatorStartError> {
        let keys = Self { now: RwLock::new(Arc::new(ring)), changing: Mutex::default(), guid, dir };
        keys.keep(&keys.now())?;
        Ok(keys)
    }

    pub(crate) fn now(&self) -> Arc<KeyRing> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn get(&self, which: KeyType) -> ResourceKey {
        let [primary, secondary] = &self.now().keys;
        match which {
            KeyType::Primary => primary.clone(),
            KeyType::Secondary => secondary.clone(),
        }
    }

    /// Replaces a key by a new one, and returns it. The key is stored first: if that fails, nothing
    /// changes.
    pub(crate) fn regenerate(&self, which: KeyType) -> Result<ResourceKey, EmulatorStartError> {
        let _alone = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let ring = self.now().regenerated(which)?;
        self.keep(&ring)?;
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
        Ok(self.get(which))
    }

    fn keep(&self, ring: &KeyRing) -> Result<(), EmulatorStartError> {
        let Some(dir) = &self.dir else { return Ok(()) };
        let exposed = |key: &ResourceKey| key.expose().to_owned();
        let [primary_key, secondary_key] = ring.keys.each_ref().map(exposed);
        let retired_keys = ring.retired.iter().map(exposed).collect();
        let guid = self.guid.clone();
        dir.keep_resource(&KeptResource { guid, primary_key, secondary_key, retired_keys })
    }
}

/// More keys than a test regenerates while a client still signs with the first.
const REMEMBERED: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(dir: Option<DataDir>) -> ResourceKeys {
        let keys = [ResourceKey::generate().unwrap(), ResourceKey::generate().unwrap()];
        ResourceKeys::new(KeyRing { keys, retired: Vec::new() }, "guid".into(), dir).unwrap()
    }

    #[test]
    fn a_regenerated_key_is_another_and_the_other_key_stays() {
        let keys = keys(None);
        let before = keys.now();
        let new = keys.regenerate(KeyType::Secondary).unwrap();
        let after = keys.now();
        assert_eq!(after.keys, [before.keys[0].clone(), new]);
        assert_eq!(after.retired, [before.keys[1].clone()]);
        assert!(after.honours(before.keys[0].mark()));
        assert!(!after.honours(before.keys[1].mark()));
        assert!(after.honours(KeyMark::default()));
    }

    #[test]
    fn only_so_many_retired_keys_are_remembered_the_newest_first() {
        let keys = keys(None);
        for _ in 0..REMEMBERED {
            keys.regenerate(KeyType::Primary).unwrap();
        }
        let last = keys.get(KeyType::Primary);
        keys.regenerate(KeyType::Primary).unwrap();
        let retired = &keys.now().retired;
        assert_eq!((retired.len(), &retired[0]), (REMEMBERED, &last));
    }

    #[test]
    fn a_key_that_cannot_be_stored_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data");
        let keys = keys(Some(DataDir::open(path.clone()).unwrap()));
        let before = keys.get(KeyType::Primary);
        std::fs::remove_dir_all(path).unwrap();
        assert!(keys.regenerate(KeyType::Primary).is_err());
        assert_eq!(keys.get(KeyType::Primary), before);
    }
}
