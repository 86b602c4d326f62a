//! What the rules need from the outside. Each port is named for its role; an
//! adapter puts its technology in front (`DynamoIdentityStore`).

use std::{
    future::Future,
    time::{Duration, SystemTime},
};

use crate::{
    Error,
    admission::Admission,
    audit::{AuditEntry, AuditPage, AuditQuery},
    delete_stale_identities::Run,
    identity::{AccessToken, AcsId, ExternalId, TokenRequest},
    record::{Active, Record, StateName},
    secret::Secret,
};

/// Where the mapping from user to identity is kept.
///
/// The protocol is not in here: it is in [`Record`]'s steps and in the operations.
/// A store makes one conditional write, the same for every step, and tells the
/// truth about it.
pub trait IdentityStore: Sync {
    /// Reads one record, strongly consistent.
    fn find(&self, user: &ExternalId)
    -> impl Future<Output = Result<Option<Record>, Error>> + Send;

    /// Whose identity this is. Eventually consistent: read the record with
    /// [`find`](Self::find) before deciding anything.
    fn find_by_acs_id(
        &self,
        id: &AcsId,
    ) -> impl Future<Output = Result<Option<ExternalId>, Error>> + Send;

    /// One page of one shard, in the order of its [`Index`]. Tombstones are left out.
    ///
    /// A listed record is a hint: it can lag behind, and it comes without its receipts.
    /// Read it with [`find`](Self::find) before deciding anything.
    fn list(&self, query: &ListQuery) -> impl Future<Output = Result<Page, Error>> + Send;

    /// How many of the records that [`list`](Self::list) would look at are active or
    /// blocked, and where that ended.
    fn count(&self, query: &ListQuery) -> impl Future<Output = Result<Count, Error>> + Send;

    /// About how many identities there are, without counting them. It may be some hours
    /// old, and 0 while nobody knows.
    fn total(&self) -> impl Future<Output = Result<u64, Error>> + Send;

    /// Makes one step of a record, if the record is still as the step's author saw it: in the
    /// same state and epoch, with the same decisions, and, where the author saw that no token
    /// was issued since the last revocation, still without one.
    ///
    /// What a use of the identity writes (when it was last used, the pace) is written only if
    /// the step changes it, so that no step undoes a [`record_use`](Self::record_use) it has
    /// not seen.
    ///
    /// A record that refuses the write and equals the step's `next` is our own: an adapter may
    /// have sent the same request twice, and its first attempt refuses the second. That is
    /// [`Change::Made`].
    fn commit(&self, step: Step<'_>) -> impl Future<Output = Result<Change, Error>> + Send;

    /// Makes a step from `seen` (`None`: there still is no record) to `next`.
    fn advance(
        &self,
        seen: Option<&Record>,
        next: &Record,
    ) -> impl Future<Output = Result<Change, Error>> + Send {
        async move { self.commit(Step::new(seen, next)).await }
    }

    /// Notes that the identity was used, if it is still the one `seen`: active,
    /// and in the same epoch. The audit entry, if there is one, is written in the same request.
    fn record_use(
        &self,
        user: &ExternalId,
        seen: &Active,
        usage: &Usage<'_>,
    ) -> impl Future<Output = Result<Change, Error>> + Send;

    /// When somebody first asked for an identity of this name that the index did not have. The
    /// first call notes `now`; the note is kept for an hour at least.
    fn first_missed_at(
        &self,
        id: &AcsId,
        now: SystemTime,
    ) -> impl Future<Output = Result<SystemTime, Error>> + Send;

    /// Remembers an identity that ACS may have and no record may name, for
    /// [`Orphanage`] to settle.
    fn note_orphan(&self, orphan: &Orphan) -> impl Future<Output = Result<(), Error>> + Send;
}

/// One step of a record, as [`IdentityStore::commit`] makes it.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The record that the author saw; `None` if there was none.
    pub seen: Option<&'a Record>,
    /// What it is to become.
    pub next: &'a Record,
    /// Whether a use of the identity since `seen` was read refuses the step.
    pub unless_used: bool,
    /// What is written into the audit log in the same request.
    pub audit: Option<&'a AuditEntry>,
}

impl<'a> Step<'a> {
    /// A step from `seen` to `next`.
    #[must_use]
    pub fn new(seen: Option<&'a Record>, next: &'a Record) -> Self {
        Self { seen, next, unless_used: false, audit: None }
    }

    /// Refused by a use of the identity since `seen` was read.
    #[must_use]
    pub fn unless_used(self) -> Self {
        Self { unless_used: true, ..self }
    }

    /// With an entry of the audit log. A store that makes such a step may answer with the use
    /// as `seen` had it, where another call has used the identity meanwhile.
    #[must_use]
    pub fn audited(self, audit: Option<&'a AuditEntry>) -> Self {
        Self { audit, ..self }
    }

    /// Whether the record that is stored now is as the author saw it.
    #[must_use]
    pub fn fits(&self, found: Option<&Record>) -> bool {
        match (found, self.seen) {
            (None, None) => true,
            (Some(found), Some(seen)) => {
                found.epoch == seen.epoch
                    && found.state.name() == seen.state.name()
                    && found.decisions.newest() == seen.decisions.newest()
                    && found.decisions.changes() == seen.decisions.changes()
                    // Neither a confirmation nor a failed attempt changes the epoch. Without
                    // these two, a confirmation that is sent twice would take a token that was
                    // issued in between for a revoked one.
                    && found.pending_revocation == seen.pending_revocation
                    && found.attempts == seen.attempts
                    && (found.tokens_revoked || !seen.tokens_revoked)
                    && (found.last_issued_at == seen.last_issued_at || !self.unless_used)
            }
            _ => false,
        }
    }

    /// What a refusal means, given the record that refused: one that is as `next` asked is our
    /// own write, sent twice.
    ///
    /// Taken for another request's, it would make us delete the identity that we have just
    /// stored.
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

/// What a use of an identity leaves behind.
#[derive(Clone, Copy, Debug)]
pub struct Usage<'a> {
    /// When.
    pub at: SystemTime,
    /// The new end of the user's pace; `None` leaves it as it is.
    pub pace_until: Option<SystemTime>,
    /// What is written into the audit log in the same request: an administrator used it.
    pub audit: Option<&'a AuditEntry>,
}

impl Usage<'_> {
    /// A use that nothing else is kept of.
    #[must_use]
    pub fn at(at: SystemTime) -> Self {
        Self { at, pace_until: None, audit: None }
    }
}

/// The identities of which nobody knows whether they are owned: the scheduled job's.
pub trait Orphanage: Sync {
    /// Some of those that were noted, newest first. Eventually consistent.
    fn orphans(&self) -> impl Future<Output = Result<Vec<Orphan>, Error>> + Send;

    /// Forgets one that is settled.
    fn forget_orphan(&self, acs_id: &AcsId) -> impl Future<Output = Result<(), Error>> + Send;
}

/// An identity that was created, and of which it is unknown whether the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// Its name in ACS.
    pub acs_id: AcsId,
    /// For whom it was created.
    pub user: ExternalId,
    /// When that became unknown.
    pub noted_at: SystemTime,
}

/// Where the scheduled job keeps what its runs did.
pub trait RunLog: Sync {
    /// The newest run. Strongly consistent.
    fn latest_run(&self) -> impl Future<Output = Result<Option<Run>, Error>> + Send;

    /// One run, by its name.
    fn find_run(&self, id: &str) -> impl Future<Output = Result<Option<Run>, Error>> + Send;

    /// Writes down a run, which becomes the newest.
    fn save_run(&self, run: &Run) -> impl Future<Output = Result<(), Error>> + Send;
}

/// The audit log, for reading. [`IdentityStore`] writes it.
pub trait AuditTrail: Sync {
    /// One page of entries, newest first. Eventually consistent: an entry of the last second
    /// may be missing.
    ///
    /// An entry whose actor, action or state is unknown to this version is listed as it was
    /// stored. An entry that lacks a mandatory part is [`Error::StoreRefused`].
    fn audit_entries(
        &self,
        query: &AuditQuery,
    ) -> impl Future<Output = Result<AuditPage, Error>> + Send;
}

/// How a conditional write ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The record is now as asked, and this is it.
    Made(Record),
    /// The record was not as expected; this is what it was.
    Refused(Option<Record>),
}

/// How many shards the identities are spread over, so that no index partition is hot.
///
/// In [`Index::LastIssued`] as many again follow, for users who have none: they are
/// blocked, and the scheduled job need not read past them.
pub const SHARDS: u8 = 16;

/// What records can be listed by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Index {
    /// All of them, longest unused first.
    #[default]
    LastIssued,
    /// The [unfinished](Record::is_unfinished) ones, longest unchanged first.
    Unfinished,
}

/// Which records to list.
#[derive(Clone, Debug)]
pub struct ListQuery {
    /// Among which, and in what order.
    pub index: Index,
    /// Which of the [`SHARDS`], from 0.
    pub shard: u8,
    /// Only records in this state.
    pub state: Option<StateName>,
    /// Only records last used before this.
    pub unused_since: Option<SystemTime>,
    /// Only what comes after this place.
    pub after: Option<Position>,
    /// How many records to look at, at most; with `state` or, among unfinished ones,
    /// `unused_since`, fewer may come back.
    pub limit: u16,
}

/// A place in a shard: sorted by time, then by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The time by which the index sorts the record there.
    pub at: SystemTime,
    /// Whose record is there.
    pub external_id: ExternalId,
}

impl Position {
    /// The place of `record` in `index`.
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
    /// Where to go on; `None` at the end of the shard.
    pub next: Option<Position>,
}

/// How many records there are up to a place.
#[derive(Clone, Debug, Default)]
pub struct Count {
    /// How many.
    pub records: u64,
    /// Where to go on; `None` at the end of the shard.
    pub next: Option<Position>,
}

/// The ACS identity API.
///
/// A method that answers a token wants an [`Admission`], which only the gate gives.
/// Nothing here is retried by a caller: an adapter knows which of its requests
/// may be sent again. Each call must have ended, one way or the other, by
/// `deadline`.
pub trait IdentityClient: Sync {
    /// Creates an identity. Never idempotent: each call that reaches ACS makes one.
    fn create_identity(
        &self,
        deadline: SystemTime,
    ) -> impl Future<Output = Result<AcsId, Error>> + Send;

    /// Creates an identity and issues its first token, in one request.
    fn create_identity_with_token(
        &self,
        admission: Admission,
        token: &TokenRequest,
        deadline: SystemTime,
    ) -> impl Future<Output = Result<(AcsId, AccessToken), Error>> + Send;

    /// Issues a token for an identity that exists.
    fn issue_access_token(
        &self,
        admission: Admission,
        identity: &AcsId,
        token: &TokenRequest,
        deadline: SystemTime,
    ) -> impl Future<Output = Result<AccessToken, Error>> + Send;

    /// Kills every token issued for the identity until now. An identity ACS does
    /// not have is success: it has no tokens.
    fn revoke_access_tokens(
        &self,
        identity: &AcsId,
        deadline: SystemTime,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Deletes the identity with its tokens and data. An identity ACS does not have
    /// is success.
    fn delete_identity(
        &self,
        identity: &AcsId,
        deadline: SystemTime,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

/// ACS's exchange of a Teams user's Entra token.
pub trait TeamsTokenExchange: Sync {
    /// Exchanges `token`, which Entra issued to the application `app_id` for the user
    /// whose object id is `user_id`. The new token ends when that one does.
    ///
    /// What ACS finds wrong with the token is
    /// [`Error::TeamsToken`].
    fn exchange_teams_user_token(
        &self,
        admission: Admission,
        token: &Secret,
        app_id: &str,
        user_id: &str,
        deadline: SystemTime,
    ) -> impl Future<Output = Result<AccessToken, Error>> + Send;
}

/// The time.
pub trait Clock: Sync {
    /// The current time.
    fn now(&self) -> SystemTime;

    /// Comes back after `pause`.
    fn sleep(&self, pause: Duration) -> impl Future<Output = ()> + Send;
}
