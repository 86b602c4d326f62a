mod invitations;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::model::audit::{AuditFilter, AuditPosition, StoredAuditEntry, day_number};
use crate::model::{
    AcsId, Active, AuditEntry, AuditPage, AuditQuery, CleanupRun, Error, ExternalId, Invitation,
    InvitationId, Record, ResourceName, State,
};
use crate::ports::{
    AuditTrail, Change, Count, IdentityStore, Index, ListQuery, Orphan, OrphanStore, Page,
    Position, RunLog, SHARDS, Step, Usage,
};
use crate::testing::phone::PhoneContents;

/// An identity store in a map. Clones share the map.
#[derive(Clone, Debug, Default)]
pub struct MemoryIdentityStore(Arc<Mutex<Contents>>);

#[derive(Debug, Default)]
struct Contents {
    records: BTreeMap<ExternalId, Record>,
    orphans: BTreeMap<AcsId, Orphan>,
    runs: Vec<CleanupRun>,
    audit: Vec<AuditEntry>,
    missed: BTreeMap<AcsId, SystemTime>,
    invitations: BTreeMap<InvitationId, Invitation>,
    phone: PhoneContents,
    index_lags: bool,
}

impl Contents {
    /// An existing entry with the same user, time and ID stays unchanged.
    fn write_audit_entry(&mut self, entry: Option<&AuditEntry>) {
        let Some(entry) = entry else { return };
        let key = |entry: &AuditEntry| (entry.at, entry.id.clone(), entry.user.clone());
        if self.audit.iter().all(|written| key(written) != key(entry)) {
            self.audit.push(entry.clone());
        }
    }
}

impl MemoryIdentityStore {
    /// A store holding these records.
    #[must_use]
    pub fn with(records: impl IntoIterator<Item = Record>) -> Self {
        let entries = records.into_iter().map(|record| (record.external_id.clone(), record));
        let records = entries.collect();
        Self(Arc::new(Mutex::new(Contents { records, ..Contents::default() })))
    }

    /// All records in the store.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.lock().records.values().cloned().collect()
    }

    /// Applies a step of another request: replaces the only record unconditionally.
    pub fn meanwhile(&self, step: impl FnOnce(&Record) -> Record) {
        let mut contents = self.lock();
        if let Some(record) = contents.records.values_mut().next() {
            *record = step(record);
        }
    }

    /// The saved runs, each in its latest version.
    #[must_use]
    pub fn runs(&self) -> Vec<CleanupRun> {
        self.lock().runs.clone()
    }

    /// The audit log, oldest first.
    #[must_use]
    pub fn audit_log(&self) -> Vec<AuditEntry> {
        self.lock().audit.clone()
    }

    /// Stops or resumes updates of the index by ACS ID.
    pub fn index_lags(&self, lags: bool) {
        self.lock().index_lags = lags;
    }

    /// Reads or changes the inventory of Teams Phone and the audit log.
    pub(crate) fn with_phone<R>(
        &self,
        act: impl FnOnce(&mut PhoneContents, &mut Vec<AuditEntry>) -> R,
    ) -> R {
        let contents = &mut *self.lock();
        act(&mut contents.phone, &mut contents.audit)
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The records that a query reads, in order, from its position on.
    fn looked_at(&self, query: &ListQuery) -> Vec<Record> {
        let place = |record: &Record| {
            let Position { at, external_id } = Position::of(record, query.index);
            (at, external_id)
        };
        let contents = self.lock();
        let mut shard: Vec<Record> = contents
            .records
            .values()
            .filter(|record| match query.index {
                Index::LastIssued => shard_of(record) == Some(query.shard),
                Index::Unfinished => {
                    record.is_unfinished() && shard_of_user(&record.external_id) == query.shard
                }
            })
            .filter(|record| {
                query.index == Index::Unfinished
                    || query.unused_since.is_none_or(|before| record.last_issued_at < before)
            })
            .filter(|record| {
                let after = query.after.as_ref().map(|after| (after.at, after.external_id.clone()));
                after.is_none_or(|after| place(record) > after)
            })
            .map(|record| Record {
                receipts: Vec::new(),
                resource: ResourceName::MAIN,
                ..record.clone()
            })
            .collect();
        shard.sort_by_key(place);
        shard
    }
}

/// The end position of a page of `limit` records out of `all`; `None` at the end.
fn end(all: &[Record], query: &ListQuery) -> Option<Position> {
    let limit = usize::from(query.limit);
    let last = all.get(limit.checked_sub(1)?)?;
    (all.len() > limit).then(|| Position::of(last, query.index))
}

impl IdentityStore for MemoryIdentityStore {
    async fn find(&self, user: &ExternalId) -> Result<Option<Record>, Error> {
        Ok(self.lock().records.get(user).cloned())
    }

    async fn find_by_acs_id(&self, id: &AcsId) -> Result<Option<ExternalId>, Error> {
        let contents = self.lock();
        // A tombstone is found by the ID of its deleted identity.
        let is_it = |record: &&Record| {
            let gone = record.acs_id().is_none() && record.last_acs_id.as_ref() == Some(id);
            record.acs_id() == Some(id) || gone
        };
        let found = contents.records.values().find(is_it).filter(|_| !contents.index_lags);
        Ok(found.map(|record| record.external_id.clone()))
    }

    async fn list(&self, query: &ListQuery) -> Result<Page, Error> {
        let mut records = self.looked_at(query);
        let next = end(&records, query);
        records.truncate(usize::from(query.limit));
        records.retain(|record| {
            query.state.is_none_or(|state| record.state.name() == state)
                && query.unused_since.is_none_or(|before| record.last_issued_at < before)
        });
        Ok(Page { records, next })
    }

    async fn count(&self, query: &ListQuery) -> Result<Count, Error> {
        let next = end(&self.looked_at(query), query);
        let mut page = self.list(query).await?;
        page.records.retain(|record| {
            let is_counted = matches!(record.state, State::Active { .. } | State::Blocked { .. });
            is_counted && !record.external_id.is_guest()
        });
        Ok(Count { records: page.records.len().try_into().unwrap_or(u64::MAX), next })
    }

    async fn users_at_least(&self) -> Result<u64, Error> {
        let contents = self.lock();
        let of_users = contents.records.values().filter(|record| {
            record.state != State::Deleted && record.due_at.is_none() && !record.is_unfinished()
        });
        Ok(of_users.count().try_into().unwrap_or(u64::MAX))
    }

    async fn commit(&self, step: Step<'_>) -> Result<Change, Error> {
        let mut contents = self.lock();
        let found = contents.records.get(&step.next.external_id).cloned();
        if !step.fits(found.as_ref()) {
            return Ok(step.refused(found));
        }
        let record = match &found {
            Some(found) => step.next.written_over(step.seen, found),
            None => step.next.clone(),
        };
        contents.records.insert(record.external_id.clone(), record.clone());
        contents.write_audit_entry(step.audit);
        Ok(Change::Made(record))
    }

    async fn record_use(
        &self,
        user: &ExternalId,
        seen: &Active,
        usage: &Usage<'_>,
    ) -> Result<Change, Error> {
        let mut contents = self.lock();
        match contents.records.get_mut(user) {
            Some(record)
                if record.epoch == seen.epoch
                    && record.state == State::Active { acs_id: seen.acs_id.clone() } =>
            {
                record.last_issued_at = usage.at;
                record.tokens_revoked = false;
                record.pace_until = usage.pace_until.or(record.pace_until);
                let made = record.clone();
                contents.write_audit_entry(usage.audit);
                Ok(Change::Made(made))
            }
            found => Ok(Change::Refused(found.cloned())),
        }
    }

    async fn first_missed_at(&self, id: &AcsId, now: SystemTime) -> Result<SystemTime, Error> {
        Ok(*self.lock().missed.entry(id.clone()).or_insert(now))
    }

    async fn note_orphan(&self, orphan: &Orphan) -> Result<(), Error> {
        self.lock().orphans.insert(orphan.acs_id.clone(), orphan.clone());
        Ok(())
    }
}

impl OrphanStore for MemoryIdentityStore {
    async fn orphans(&self) -> Result<Vec<Orphan>, Error> {
        let mut orphans: Vec<Orphan> = self.lock().orphans.values().cloned().collect();
        orphans.sort_by_key(|orphan| std::cmp::Reverse(orphan.noted_at));
        Ok(orphans)
    }

    async fn forget_orphan(&self, acs_id: &AcsId) -> Result<(), Error> {
        self.lock().orphans.remove(acs_id);
        Ok(())
    }
}

impl RunLog for MemoryIdentityStore {
    async fn latest_run(&self) -> Result<Option<CleanupRun>, Error> {
        Ok(self.lock().runs.last().cloned())
    }

    async fn find_run(&self, id: &str) -> Result<Option<CleanupRun>, Error> {
        Ok(self.lock().runs.iter().find(|run| run.id == id).cloned())
    }

    async fn save_run(&self, run: &CleanupRun) -> Result<(), Error> {
        let mut contents = self.lock();
        contents.runs.retain(|saved| saved.id != run.id);
        contents.runs.push(run.clone());
        Ok(())
    }
}

impl AuditTrail for MemoryIdentityStore {
    async fn audit_entries(&self, query: &AuditQuery) -> Result<AuditPage, Error> {
        let is_wanted = |entry: &StoredAuditEntry| match &query.filter {
            AuditFilter::User(user) => entry.user == *user,
            AuditFilter::Actor(name) => entry.by == *name,
            AuditFilter::Day(day) => day_number(entry.at) == day_number(*day),
        };
        let mut entries: Vec<_> = self.lock().audit.iter().map(StoredAuditEntry::from).collect();
        entries.retain(|entry| {
            let is_after =
                query.after.as_ref().is_none_or(|after| AuditPosition::from(entry) < *after);
            is_wanted(entry) && is_after && query.since.is_none_or(|since| entry.at >= since)
        });
        entries.sort_by_cached_key(|entry| std::cmp::Reverse(AuditPosition::from(entry)));
        let limit = usize::from(query.limit);
        let is_last = entries.len() <= limit;
        entries.truncate(limit);
        let next = entries.last().filter(|_| !is_last).map(AuditPosition::from);
        Ok(AuditPage { entries, next })
    }
}

/// The shard in which a record is listed: users without an identity come after the others.
fn shard_of(record: &Record) -> Option<u8> {
    let shard = shard_of_user(&record.external_id);
    match record.state {
        State::Deleted => None,
        State::Blocked { acs_id: None } => Some(SHARDS + shard),
        _ => Some(shard),
    }
}

/// The shard of a user's record. Any distribution works if it is deterministic.
#[must_use]
pub fn shard_of_user(user: &ExternalId) -> u8 {
    spread_text(user.as_str())
}

fn spread_text(text: &str) -> u8 {
    text.bytes().fold(0_u8, u8::wrapping_add) % SHARDS
}
