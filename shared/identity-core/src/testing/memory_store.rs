use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use crate::{
    Error,
    identity::{AcsId, ExternalId},
    ports::{Change, IdentityStore, ListQuery, Page, Position, SHARDS},
    record::{Active, Record, State},
};

/// An identity store in a map. Clones share the map.
#[derive(Clone, Debug, Default)]
pub struct MemoryIdentityStore(Arc<Mutex<BTreeMap<ExternalId, Record>>>);

impl MemoryIdentityStore {
    /// A store holding these records.
    #[must_use]
    pub fn with(records: impl IntoIterator<Item = Record>) -> Self {
        let entries = records.into_iter().map(|record| (record.external_id.clone(), record));
        Self(Arc::new(Mutex::new(entries.collect())))
    }

    /// Everything in it.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.lock().values().cloned().collect()
    }

    /// Somebody else's step: replaces the only record, whatever anybody has seen.
    pub fn meanwhile(&self, step: impl FnOnce(&Record) -> Record) {
        let mut records = self.lock();
        if let Some(record) = records.values_mut().next() {
            *record = step(record);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ExternalId, Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IdentityStore for MemoryIdentityStore {
    async fn find(&self, user: &ExternalId) -> Result<Option<Record>, Error> {
        Ok(self.lock().get(user).cloned())
    }

    async fn find_by_acs_id(&self, id: &AcsId) -> Result<Option<ExternalId>, Error> {
        let records = self.lock();
        let found = records.values().find(|record| record.acs_id() == Some(id));
        Ok(found.map(|record| record.external_id.clone()))
    }

    async fn list(&self, query: &ListQuery) -> Result<Page, Error> {
        let records = self.lock();
        let place = |record: &Record| (record.last_issued_at, record.external_id.clone());
        let mut shard: Vec<&Record> = records
            .values()
            .filter(|record| shard_of(&record.external_id) == query.shard)
            .filter(|record| record.state != State::Deleted)
            .filter(|record| query.unused_since.is_none_or(|before| record.last_issued_at < before))
            .filter(|record| {
                query.after.as_ref().is_none_or(|after| {
                    place(record) > (after.last_issued_at, after.external_id.clone())
                })
            })
            .collect();
        shard.sort_by_key(|record| place(record));
        let looked_at: Vec<&Record> =
            shard.iter().take(usize::from(query.limit)).copied().collect();
        let next = (looked_at.len() < shard.len()).then(|| looked_at.last()).flatten();
        let next = next.map(|record| Position {
            last_issued_at: record.last_issued_at,
            external_id: record.external_id.clone(),
        });
        let wanted =
            |record: &&Record| query.state.is_none_or(|state| record.state.name() == state);
        Ok(Page { records: looked_at.into_iter().filter(wanted).cloned().collect(), next })
    }

    async fn advance(&self, seen: Option<&Record>, next: &Record) -> Result<Change, Error> {
        let mut records = self.lock();
        let found = records.get(&next.external_id).cloned();
        let unchanged = match (&found, seen) {
            (None, None) => true,
            (Some(found), Some(seen)) => {
                found.epoch == seen.epoch && found.state.name() == seen.state.name()
            }
            _ => false,
        };
        if !unchanged {
            return Ok(Change::refused(found, seen, next));
        }
        let record = found.map_or_else(|| next.clone(), |found| next.written_over(seen, &found));
        records.insert(record.external_id.clone(), record.clone());
        Ok(Change::Made(record))
    }

    async fn record_use(
        &self,
        user: &ExternalId,
        seen: &Active,
        now: SystemTime,
    ) -> Result<Change, Error> {
        let mut records = self.lock();
        match records.get_mut(user) {
            Some(record)
                if record.epoch == seen.epoch
                    && record.state == State::Active { acs_id: seen.acs_id.clone() } =>
            {
                record.last_issued_at = now;
                Ok(Change::Made(record.clone()))
            }
            found => Ok(Change::Refused(found.cloned())),
        }
    }
}

/// Any spread will do, as long as it is the same every time.
fn shard_of(user: &ExternalId) -> u8 {
    let sum = user.as_str().bytes().fold(0_u8, u8::wrapping_add);
    sum % SHARDS
}
