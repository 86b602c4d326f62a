//! Lists invitations: all that the caller may see, or those with one status.

use std::time::{Duration, SystemTime};

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::model::{Error, GuestPolicy, Invitation, InvitationStatus};
use crate::ports::{
    Clock, InvitationIndex, InvitationPosition, InvitationQuery, InvitationStore, SHARDS, TimeBound,
};
use crate::protocol::inviter::Inviter;

/// The parameters of the operation.
#[derive(Clone, Debug)]
pub struct ListInvitationsRequest {
    /// Only invitations with this status.
    pub status: Option<InvitationStatus>,
    /// The maximum number of invitations: 1 to [`MAX_PAGE`].
    pub limit: u16,
    /// The end of the previous page.
    pub cursor: Option<InvitationCursor>,
    /// Who asks.
    pub by: Inviter,
}

/// A position in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvitationCursor {
    /// The shard that is being listed: those by `closesAt`, then those being revoked.
    pub shard: u8,
    /// The last invitation that was read in it, if any.
    pub after: Option<InvitationPosition>,
}

/// One page of invitations.
#[derive(Clone, Debug)]
pub struct InvitationList {
    /// The invitations; within a shard the first to close first, but not sorted across shards.
    pub invitations: Vec<Invitation>,
    /// The position to continue from; `None` at the end. A page may be short or even empty
    /// without being the last one.
    pub next: Option<InvitationCursor>,
}

/// The maximum size of a page.
pub const MAX_PAGE: u16 = 100;

/// Lists one page, shard by shard.
pub async fn list_invitations(
    store: &impl InvitationStore,
    clock: &impl Clock,
    guests: Option<&GuestPolicy>,
    request: ListInvitationsRequest,
) -> Result<InvitationList, Error> {
    guests.ok_or(Error::GuestsDisabled)?;
    let (now, limit) = (clock.now(), usize::from(request.limit.clamp(1, MAX_PAGE)));
    let mut invitations = Vec::new();
    let (first, end) = shards(request.status);
    let mut place =
        request.cursor.clone().unwrap_or(InvitationCursor { shard: first, after: None });
    for _ in 0..MAX_READS {
        if place.shard >= end {
            break;
        }
        let page = store.list_invitations(&query(&request, &place, limit, now)).await?;
        // Reads a few invitations ahead, and no more once the page is full.
        let reads = stream::iter(page.found).map(async |position| {
            let invitation = store.find_invitation(&position.id).await?;
            Ok::<_, Error>((position, invitation))
        });
        let mut reads = std::pin::pin!(reads.buffered(AT_A_TIME));
        while let Some((position, invitation)) = reads.try_next().await? {
            place.after = Some(position);
            let seen = request.by.sees(invitation).ok();
            let is_wanted =
                |seen: &Invitation| request.status.is_none_or(|status| seen.status(now) == status);
            invitations.extend(seen.filter(is_wanted));
            if invitations.len() >= limit {
                return Ok(InvitationList { invitations, next: Some(place) });
            }
        }
        place = match page.next {
            Some(after) => InvitationCursor { shard: place.shard, after: Some(after) },
            None => InvitationCursor { shard: place.shard + 1, after: None },
        };
    }
    let next = (place.shard < end).then_some(place);
    Ok(InvitationList { invitations, next })
}

/// The request for the next page of one shard. The times select what they can, because each
/// invitation of the page is read.
fn query(
    request: &ListInvitationsRequest,
    place: &InvitationCursor,
    limit: usize,
    now: SystemTime,
) -> InvitationQuery {
    let is_revoking = place.shard >= SHARDS;
    let is_filtered = request.status.is_some() || request.by.only_of().is_some();
    let moment = Duration::from_millis(1);
    let times = match request.status {
        Some(InvitationStatus::Open | InvitationStatus::Locked) => Some(TimeBound::After(now)),
        Some(InvitationStatus::Closed) => Some(TimeBound::Before(now + moment)),
        _ => None,
    };
    InvitationQuery {
        index: if is_revoking { InvitationIndex::Revoking } else { InvitationIndex::ClosesAt },
        shard: place.shard % SHARDS,
        created_by: request.by.only_of().cloned(),
        times,
        after: place.after.clone(),
        // A filter leaves few invitations of a page: read more than requested.
        limit: if is_filtered { MAX_PAGE } else { u16::try_from(limit).unwrap_or(MAX_PAGE) },
    }
}

/// The shards that have invitations with this status.
fn shards(status: Option<InvitationStatus>) -> (u8, u8) {
    match status {
        None => (0, 2 * SHARDS),
        Some(InvitationStatus::Revoking) => (SHARDS, 2 * SHARDS),
        Some(_) => (0, SHARDS),
    }
}

/// The maximum number of pages of a shard that are read for one page of the list.
const MAX_READS: usize = 48;

/// The number of invitations that are read at a time.
const AT_A_TIME: usize = 16;

#[cfg(test)]
mod tests;
