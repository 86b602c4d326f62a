//! The invitations of all shards as one list.

use std::collections::VecDeque;
use std::time::SystemTime;

use identity_core::Error;
use identity_core::list_invitations::MAX_PAGE;
use identity_core::ports::{
    InvitationIndex, InvitationPosition, InvitationQuery, InvitationStore, SHARDS,
};

/// One list in the order of its times. It keeps one page of each shard in memory.
pub(super) struct OrderedInvitations {
    /// Only invitations until this time.
    until: Option<SystemTime>,
    shards: Vec<InvitationShard>,
}

struct InvitationShard {
    query: InvitationQuery,
    /// The positions that were read and not returned yet.
    ready: VecDeque<InvitationPosition>,
    is_read: bool,
}

impl OrderedInvitations {
    /// The list that `first`, a query for any shard, selects in all shards, until a time.
    pub(super) fn new(first: &InvitationQuery, until: Option<SystemTime>) -> Self {
        let shard = |shard| InvitationShard {
            query: InvitationQuery { shard, ..first.clone() },
            ready: VecDeque::new(),
            is_read: false,
        };
        Self { until, shards: (0..SHARDS).map(shard).collect() }
    }

    /// Returns the next positions, in their order: an empty list if more must be read, `None` at the
    /// end. Reads at most one page.
    pub(super) async fn next(
        &mut self,
        store: &impl InvitationStore,
    ) -> Result<Option<Vec<InvitationPosition>>, Error> {
        let until = self.until;
        let is_unread = |shard: &&mut InvitationShard| shard.ready.is_empty() && !shard.is_read;
        if let Some(shard) = self.shards.iter_mut().find(is_unread) {
            let page = store.list_invitations(&shard.query).await?;
            let is_listed =
                |found: &InvitationPosition| until.is_none_or(|until| found.at <= until);
            shard.is_read = page.next.is_none() || !page.found.iter().all(is_listed);
            shard.ready = page.found.into_iter().filter(is_listed).collect();
            shard.query.after = page.next;
        }
        let mut next = Vec::new();
        // A shard that is not read to its end may have the next one.
        while self.shards.iter().all(|shard| shard.is_read || !shard.ready.is_empty()) {
            let filled = self.shards.iter_mut().filter(|shard| !shard.ready.is_empty());
            let first = filled.min_by(|one, other| one.ready.front().cmp(&other.ready.front()));
            let Some(shard) = first else {
                return Ok((!next.is_empty()).then_some(next));
            };
            next.extend(shard.ready.pop_front());
        }
        Ok(Some(next))
    }
}

/// The first page of a shard of `index`.
pub(super) fn first_page(index: InvitationIndex) -> InvitationQuery {
    InvitationQuery { index, shard: 0, created_by: None, times: None, after: None, limit: MAX_PAGE }
}
