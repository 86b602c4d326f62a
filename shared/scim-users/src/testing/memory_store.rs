use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use identity_core::Error;

use crate::model::ScimUser;
use crate::ports::{ListWindow, ScimUserStore, UserList, UserWrite, WriteOutcome};

/// A store in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryScimUserStore(Arc<Mutex<StoredUsers>>);

/// Each key begins with the name of the transmitter.
#[derive(Debug, Default)]
struct StoredUsers {
    users: BTreeMap<(String, String), ScimUser>,
    blocked: BTreeSet<(String, String)>,
}

impl MemoryScimUserStore {
    fn lock(&self) -> MutexGuard<'_, StoredUsers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn select(&self, transmitter: &str, is_selected: impl Fn(&ScimUser) -> bool) -> Vec<ScimUser> {
        let stored = self.lock();
        let own = stored.users.iter().filter(|((owner, _), _)| owner == transmitter);
        own.map(|(_, user)| user.clone()).filter(is_selected).collect()
    }
}

impl ScimUserStore for MemoryScimUserStore {
    async fn find(&self, transmitter: &str, id: &str) -> Result<Option<ScimUser>, Error> {
        Ok(self.select(transmitter, |user| user.id == id).pop())
    }

    async fn find_by_name(
        &self,
        transmitter: &str,
        user_name: &str,
    ) -> Result<Option<ScimUser>, Error> {
        let key = ScimUser::name_key(user_name);
        Ok(self.select(transmitter, |user| ScimUser::name_key(&user.user_name) == key).pop())
    }

    async fn find_by_external_id(
        &self,
        transmitter: &str,
        external_id: &str,
    ) -> Result<Vec<ScimUser>, Error> {
        Ok(self.select(transmitter, |user| user.external_id.as_deref() == Some(external_id)))
    }

    async fn list(&self, transmitter: &str, window: &ListWindow) -> Result<UserList, Error> {
        let is_listed = |user: &ScimUser| window.active.is_none_or(|active| user.active == active);
        let all = self.select(transmitter, is_listed);
        let total = all.len();
        Ok(UserList {
            total,
            users: all.into_iter().skip(window.skip).take(window.count).collect(),
        })
    }

    async fn is_blocked(&self, transmitter: &str, subject: &str) -> Result<bool, Error> {
        Ok(self.lock().blocked.contains(&(transmitter.to_owned(), subject.to_owned())))
    }

    async fn write(
        &self,
        transmitter: &str,
        change: &UserWrite<'_>,
    ) -> Result<WriteOutcome, Error> {
        let mut stored = self.lock();
        let key = (transmitter.to_owned(), change.after.id.clone());
        if stored.users.get(&key).map(|user| user.version) != change.before.map(|user| user.version)
        {
            return Ok(WriteOutcome::Changed);
        }
        let name = ScimUser::name_key(&change.after.user_name);
        let has_name = |((owner, id), user): (&(String, String), &ScimUser)| {
            owner == transmitter && *id != key.1 && ScimUser::name_key(&user.user_name) == name
        };
        if stored.users.iter().any(has_name) {
            return Ok(WriteOutcome::NameTaken);
        }
        if let Some(subject) = change.subject {
            let subject = (transmitter.to_owned(), subject.to_owned());
            if change.after.active {
                stored.blocked.remove(&subject);
            } else {
                stored.blocked.insert(subject);
            }
        }
        stored.users.insert(key, change.after.clone());
        Ok(WriteOutcome::Done)
    }

    async fn delete(&self, transmitter: &str, user: &ScimUser) -> Result<WriteOutcome, Error> {
        let mut stored = self.lock();
        let key = (transmitter.to_owned(), user.id.clone());
        if stored.users.get(&key).map(|user| user.version) != Some(user.version) {
            return Ok(WriteOutcome::Changed);
        }
        stored.users.remove(&key);
        Ok(WriteOutcome::Done)
    }
}
