use std::future::Future;
use std::time::SystemTime;

use crate::model::{Error, ExternalId, Invitation, InvitationId, InvitationStep};
use crate::ports::Position;

/// Stores the invitations, and finds the guests that are due.
///
/// The rules are not part of this trait: [`InvitationStep::apply`] says what a step does, and a
/// store makes the same decision in one conditional write.
pub trait InvitationStore: Sync {
    /// Reads one invitation with strong consistency.
    fn find_invitation(
        &self,
        id: &InvitationId,
    ) -> impl Future<Output = Result<Option<Invitation>, Error>> + Send;

    /// Stores a new invitation. One with the same ID stays as it is: it can only be the same
    /// request, sent twice, because the ID is the hash of a random handle.
    fn add_invitation(
        &self,
        invitation: &Invitation,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Applies one step, or refuses it.
    fn change_invitation(
        &self,
        id: &InvitationId,
        step: &InvitationStep<'_>,
    ) -> impl Future<Output = Result<InvitationChange, Error>> + Send;

    /// Lists one page of one shard, by time. Eventually consistent.
    fn list_invitations(
        &self,
        query: &InvitationQuery,
    ) -> impl Future<Output = Result<InvitationPage, Error>> + Send;

    /// Lists the guests of one of [`SHARDS`](crate::ports::SHARDS) shards whose records say that they are due before a
    /// time, the earliest first. Eventually consistent. A guest with pending work is left out.
    fn list_due_guests(
        &self,
        query: &DueGuestQuery,
    ) -> impl Future<Output = Result<DueGuestPage, Error>> + Send;
}

/// The outcome of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvitationChange {
    /// The step was applied; this is the invitation now.
    Made(Invitation),
    /// The step was refused; this is the stored invitation.
    Refused(Option<Invitation>),
}

impl InvitationChange {
    /// The invitation as it is stored now.
    #[must_use]
    pub fn stored(self) -> Option<Invitation> {
        match self {
            Self::Made(invitation) => Some(invitation),
            Self::Refused(found) => found,
        }
    }
}

/// One of the two lists of invitations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvitationIndex {
    /// All except those being revoked, by `closesAt`.
    ClosesAt,
    /// Those being revoked, by the time when the revocation began.
    Revoking,
}

/// Selects the invitations to list.
#[derive(Clone, Debug)]
pub struct InvitationQuery {
    /// The list.
    pub index: InvitationIndex,
    /// The number of the shard, from 0, of [`SHARDS`](crate::ports::SHARDS).
    pub shard: u8,
    /// Only invitations of this caller.
    pub created_by: Option<ExternalId>,
    /// Only times on one side of this one.
    pub times: Option<TimeBound>,
    /// Only invitations after this position.
    pub after: Option<InvitationPosition>,
    /// The maximum number of invitations to read. With `created_by`, fewer may be returned.
    pub limit: u16,
}

/// One side of a time, without the time itself.
#[derive(Clone, Copy, Debug)]
pub enum TimeBound {
    /// Earlier times.
    Before(SystemTime),
    /// Later times.
    After(SystemTime),
}

/// A position in a shard, which is sorted by time, then by ID.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InvitationPosition {
    /// The time by which the list is sorted.
    pub at: SystemTime,
    /// The invitation.
    pub id: InvitationId,
}

/// Some invitations of a shard.
#[derive(Clone, Debug, Default)]
pub struct InvitationPage {
    /// The invitations.
    pub found: Vec<InvitationPosition>,
    /// The position to continue from; `None` at the end of the shard.
    pub next: Option<InvitationPosition>,
}

/// Selects the guests to list.
#[derive(Clone, Debug)]
pub struct DueGuestQuery {
    /// The number of the shard, from 0.
    pub shard: u8,
    /// Only guests that are due before this time.
    pub before: SystemTime,
    /// Only guests after this position.
    pub after: Option<Position>,
    /// The maximum number of guests.
    pub limit: u16,
}

/// Some guests of a shard.
#[derive(Clone, Debug, Default)]
pub struct DueGuestPage {
    /// The guests.
    pub guests: Vec<ExternalId>,
    /// The position to continue from; `None` at the end of the shard.
    pub next: Option<Position>,
}
