use std::future::Future;
use std::time::SystemTime;

use crate::model::{AcsId, Active, Error, ExternalId, Record};
use crate::ports::cleanup::Orphan;
use crate::ports::listing::{Count, ListQuery, Page};
use crate::ports::step::{Change, Step, Usage};

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

    /// Lists one page of one shard, in the order of its [`Index`](crate::ports::Index). Tombstones are left out.
    ///
    /// A listed record is a hint: it can be outdated, and it includes neither its receipts nor its
    /// resource. Read the record with [`find`](Self::find) before deciding anything.
    fn list(&self, query: &ListQuery) -> impl Future<Output = Result<Page, Error>> + Send;

    /// Counts the active and blocked records of users among those that [`list`](Self::list) would
    /// read, and returns the position where it stopped. Guests are not counted: their identities
    /// are deleted when they are due.
    fn count(&self, query: &ListQuery) -> impl Future<Output = Result<Count, Error>> + Send;

    /// Returns a number of users that there are at least, without counting them. It can be some
    /// hours old, and is 0 while it is unknown. Guests and deleted users are not among them.
    fn users_at_least(&self) -> impl Future<Output = Result<u64, Error>> + Send;

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
    /// process it through [`OrphanStore`](crate::ports::OrphanStore).
    fn note_orphan(&self, orphan: &Orphan) -> impl Future<Output = Result<(), Error>> + Send;
}
