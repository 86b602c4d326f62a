//! The external dependencies of the core. Each port is named for its role; an adapter puts its
//! technology in front (`DynamoIdentityStore`).

mod clock;

use std::{future::Future, time::SystemTime};

pub use clock::{Clock, SystemClock};

use crate::model::{
    admission::Admission,
    audit::{AuditEntry, AuditPage, AuditQuery},
    cleanup_run::CleanupRun,
    error::Error,
    identity::{AccessToken, AcsId, ExternalId, TokenRequest},
    record::{Active, Record, StateName},
    secret::Secret,
};

/// Stores the mapping from user to identity.
///
/// The protocol is not part of this trait: [`Record`]'s steps and the operations implement it. A
/// store performs one conditional write, the same for every step, and reports the outcome
/// correctly.
pub trait IdentityStore: Sync {
    /// Reads one record with strong consistency.
    fn find(&self, user: &ExternalId)
    -> impl Future<Output = Result<Option<Record>, Error>> + Send;

    /// Finds the user who owns this identity. Eventually consistent: read the record with
    /// [`find`](Self::find) before deciding anything.
    fn find_by_acs_id(
        &self,
        id: &AcsId,
    ) -> impl Future<Output = Result<Option<ExternalId>, Error>> + Send;

    /// Lists one page of one shard, in the order of its [`Index`]. Tombstones are left out.
    ///
    /// A listed record is a hint: it can be outdated, and it does not include its receipts. Read
    /// the record with [`find`](Self::find) before deciding anything.
    fn list(&self, query: &ListQuery) -> impl Future<Output = Result<Page, Error>> + Send;

    /// Counts the active and blocked records among those that [`list`](Self::list) would read,
    /// and returns the position where it stopped.
    fn count(&self, query: &ListQuery) -> impl Future<Output = Result<Count, Error>> + Send;

    /// Returns the approximate number of identities without counting them. The number can be some
    /// hours old, and is 0 while it is unknown.
    fn total(&self) -> impl Future<Output = Result<u64, Error>> + Send;

    /// Applies one step to a record if the stored record still matches what the author of the
    /// step read: the same state and epoch, the same decisions, and, if the author read that no
    /// token was issued since the last revocation, still no such token.
    ///
    /// The fields that a use of the identity writes (the time of the last use, the pace) are
    /// written only if the step changes them, so that no step overwrites a
    /// [`record_use`](Self::record_use) that its author did not see.
    ///
    /// If the write is refused and the stored record equals the step's `next`, the stored record
    /// is our own write: an adapter may send the same request twice, and the first attempt causes
    /// the refusal of the second. The result is then [`Change::Made`].
    fn commit(&self, step: Step<'_>) -> impl Future<Output = Result<Change, Error>> + Send;

    /// Applies a step from `seen` (`None` if there was no record) to `next`.
    fn advance(
        &self,
        seen: Option<&Record>,
        next: &Record,
    ) -> impl Future<Output = Result<Change, Error>> + Send {
        async move { self.commit(Step::new(seen, next)).await }
    }

    /// Records a use of the identity if the record still matches `seen`: active, and in the same
    /// epoch. The same request writes the audit entry, if there is one.
    fn record_use(
        &self,
        user: &ExternalId,
        seen: &Active,
        usage: &Usage<'_>,
    ) -> impl Future<Output = Result<Change, Error>> + Send;

    /// Returns the time of the first request for an identity with this name that was not in the
    /// index. The first call stores `now`; the store keeps it for at least one hour.
    fn first_missed_at(
        &self,
        id: &AcsId,
        now: SystemTime,
    ) -> impl Future<Output = Result<SystemTime, Error>> + Send;

    /// Stores an identity that may exist in ACS without a record, so that the scheduled job can
    /// process it through [`OrphanStore`].
    fn note_orphan(&self, orphan: &Orphan) -> impl Future<Output = Result<(), Error>> + Send;
}

/// One step of a record, which [`IdentityStore::commit`] applies.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The record that the author read; `None` if there was none.
    pub seen: Option<&'a Record>,
    /// The record after the step.
    pub next: &'a Record,
    /// Whether a use of the identity after `seen` was read refuses the step.
    pub unless_used: bool,
    /// The audit entry that is written in the same request.
    pub audit: Option<&'a AuditEntry>,
}

impl<'a> Step<'a> {
    /// A step from `seen` to `next`.
    #[must_use]
    pub fn new(seen: Option<&'a Record>, next: &'a Record) -> Self {
        Self { seen, next, unless_used: false, audit: None }
    }

    /// Makes a use of the identity after `seen` was read refuse the step.
    #[must_use]
    pub fn unless_used(self) -> Self {
        Self { unless_used: true, ..self }
    }

    /// Adds an audit entry. If another call used the identity in the meantime, the record that
    /// the store returns for such a step may contain the use as of `seen`.
    #[must_use]
    pub fn audited(self, audit: Option<&'a AuditEntry>) -> Self {
        Self { audit, ..self }
    }

    /// Whether the stored record still matches what the author read.
    #[must_use]
    pub fn fits(&self, found: Option<&Record>) -> bool {
        match (found, self.seen) {
            (None, None) => true,
            (Some(found), Some(seen)) => {
                found.epoch == seen.epoch
                    && found.state.name() == seen.state.name()
                    && found.decisions.newest() == seen.decisions.newest()
                    && found.decisions.changes() == seen.decisions.changes()
                    // Neither a confirmation nor a failed attempt changes the epoch. Without the
                    // next two comparisons, a confirmation that is sent twice would mark a token
                    // as revoked that was issued in between.
                    && found.pending_revocation == seen.pending_revocation
                    && found.attempts == seen.attempts
                    && (found.tokens_revoked || !seen.tokens_revoked)
                    && (found.last_issued_at == seen.last_issued_at || !self.unless_used)
            }
            _ => false,
        }
    }

    /// Interprets a refusal, given the record that refused the write. A record that equals `next`
    /// is our own write, sent twice.
    ///
    /// Treating it as the write of another request would make us delete the identity that we have
    /// just stored.
    #[must_use]
    pub fn refused(&self, found: Option<Record>) -> Change {
        match found {
            Some(found) if found == self.next.written_over(self.seen, &found) => {
                Change::Made(found)
            }
            found => Change::Refused(found),
        }
    }
}

/// The data that one use of an identity writes.
#[derive(Clone, Copy, Debug)]
pub struct Usage<'a> {
    /// The time of the use.
    pub at: SystemTime,
    /// The new end of the user's pace; `None` leaves it unchanged.
    pub pace_until: Option<SystemTime>,
    /// The audit entry that is written in the same request, if an administrator used the
    /// identity.
    pub audit: Option<&'a AuditEntry>,
}

impl Usage<'_> {
    /// A use without a pace and without an audit entry.
    #[must_use]
    pub fn at(at: SystemTime) -> Self {
        Self { at, pace_until: None, audit: None }
    }
}

/// Identities whose ownership is unknown. The scheduled job processes them.
pub trait OrphanStore: Sync {
    /// Lists some of the stored orphans, newest first. Eventually consistent.
    fn orphans(&self) -> impl Future<Output = Result<Vec<Orphan>, Error>> + Send;

    /// Removes an orphan that has been processed.
    fn forget_orphan(&self, acs_id: &AcsId) -> impl Future<Output = Result<(), Error>> + Send;
}

/// An identity that was created, but may not be in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// The ID of the identity in ACS.
    pub acs_id: AcsId,
    /// The user for whom it was created.
    pub user: ExternalId,
    /// The time when its ownership became unknown.
    pub noted_at: SystemTime,
}

/// Stores the results of the scheduled job's runs.
pub trait RunLog: Sync {
    /// Returns the newest run. Strongly consistent.
    fn latest_run(&self) -> impl Future<Output = Result<Option<CleanupRun>, Error>> + Send;

    /// Finds one run by its ID.
    fn find_run(&self, id: &str) -> impl Future<Output = Result<Option<CleanupRun>, Error>> + Send;

    /// Stores a run, which becomes the newest.
    fn save_run(&self, run: &CleanupRun) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Reads the audit log. [`IdentityStore`] writes it.
pub trait AuditTrail: Sync {
    /// Returns one page of entries, newest first. Eventually consistent: an entry of the last
    /// second may be missing.
    ///
    /// An entry whose actor, action or state is unknown to this version is returned as it was
    /// stored. An entry without a mandatory field causes [`Error::StoreRefused`].
    fn audit_entries(
        &self,
        query: &AuditQuery,
    ) -> impl Future<Output = Result<AuditPage, Error>> + Send;
}

/// The outcome of a conditional write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The write was applied; this is the record now.
    Made(Record),
    /// The write was refused; this is the stored record.
    Refused(Option<Record>),
}

/// The number of shards of the identities. Sharding avoids a hot index partition.
///
/// [`Index::LastIssued`] has the same number of additional shards for blocked users without an
/// identity, so that the scheduled job does not have to read them.
pub const SHARDS: u8 = 16;

/// The order in which records are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Index {
    /// All records, longest unused first.
    #[default]
    LastIssued,
    /// The [unfinished](Record::is_unfinished) records, longest unchanged first.
    Unfinished,
}

/// Selects the records to list.
#[derive(Clone, Debug)]
pub struct ListQuery {
    /// The index, which sets the order.
    pub index: Index,
    /// The number of the shard, from 0. See [`SHARDS`].
    pub shard: u8,
    /// Return only records in this state.
    pub state: Option<StateName>,
    /// Return only records that were last used before this time.
    pub unused_since: Option<SystemTime>,
    /// Return only records after this position.
    pub after: Option<Position>,
    /// The maximum number of records to read. With `state`, or with `unused_since` on
    /// [`Index::Unfinished`], fewer records may be returned.
    pub limit: u16,
}

/// A position in a shard, which is sorted by time, then by user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The time by which the index sorts the record.
    pub at: SystemTime,
    /// The user of the record.
    pub external_id: ExternalId,
}

impl Position {
    /// The position of `record` in `index`.
    #[must_use]
    pub fn of(record: &Record, index: Index) -> Self {
        let at = match index {
            Index::LastIssued => record.last_issued_at,
            Index::Unfinished => record.changed_at,
        };
        Self { at, external_id: record.external_id.clone() }
    }
}

/// Some records of a shard.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The records.
    pub records: Vec<Record>,
    /// The position to continue from; `None` at the end of the shard.
    pub next: Option<Position>,
}

/// The number of records up to a position.
#[derive(Clone, Debug, Default)]
pub struct Count {
    /// The number of records.
    pub records: u64,
    /// The position to continue from; `None` at the end of the shard.
    pub next: Option<Position>,
}

/// The ACS identity API.
///
/// A method that returns a token requires an [`Admission`], which only
/// [`admission`](crate::model::admission) can create. Callers do not retry: the adapter knows which of
/// its requests are safe to send again. Each call must end by `deadline`, with or without
/// success.
pub trait IdentityClient: Sync {
    /// Creates an identity. Never idempotent: each call that reaches ACS creates another one.
    fn create_identity(
        &self,
        deadline: SystemTime,
    ) -> impl Future<Output = Result<AcsId, Error>> + Send;

    /// Creates an identity and issues its first token in one request.
    fn create_identity_with_token(
        &self,
        admission: Admission,
        token: &TokenRequest,
        deadline: SystemTime,
    ) -> impl Future<Output = Result<(AcsId, AccessToken), Error>> + Send;

    /// Issues a token for an existing identity.
    fn issue_access_token(
        &self,
        admission: Admission,
        identity: &AcsId,
        token: &TokenRequest,
        deadline: SystemTime,
    ) -> impl Future<Output = Result<AccessToken, Error>> + Send;

    /// Revokes every token issued for the identity so far. It succeeds for an identity that does
    /// not exist in ACS, because that identity has no tokens.
    fn revoke_access_tokens(
        &self,
        identity: &AcsId,
        deadline: SystemTime,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Deletes the identity with its tokens and data. It succeeds for an identity that does not
    /// exist in ACS.
    fn delete_identity(
        &self,
        identity: &AcsId,
        deadline: SystemTime,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Exchanges a Teams user's Entra token at ACS.
pub trait TeamsTokenExchange: Sync {
    /// Exchanges `token`, which Entra issued to the application `app_id` for the user whose
    /// object ID is `user_id`. The new token expires when `token` does.
    ///
    /// If ACS rejects the token, the result is [`Error::TeamsToken`].
    fn exchange_teams_user_token(
        &self,
        admission: Admission,
        token: &Secret,
        app_id: &str,
        user_id: &str,
        deadline: SystemTime,
    ) -> impl Future<Output = Result<AccessToken, Error>> + Send;
}
