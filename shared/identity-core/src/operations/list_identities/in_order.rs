//! A list of all shards together, longest unused first.

use std::collections::VecDeque;
use std::time::SystemTime;

use super::{MAX_PAGE, places};
use crate::model::{Error, Record, StateName};
use crate::ports::{IdentityStore, Index, ListQuery, Position};

/// A list in the order of the last use. It keeps one page of each shard in memory.
pub struct OrderedListing {
    index: Index,
    state: Option<StateName>,
    unused_since: Option<SystemTime>,
    shards: Vec<ListedShard>,
}

struct ListedShard {
    number: u8,
    /// The records that were read and not returned yet.
    ready: VecDeque<Record>,
    after: Option<Position>,
    is_read: bool,
}

impl OrderedListing {
    /// A list of the identities in this state, and not used since this time.
    #[must_use]
    pub fn new(state: Option<StateName>, unused_since: Option<SystemTime>) -> Self {
        let (index, shards) = places(state);
        let shard =
            |number| ListedShard { number, ready: VecDeque::new(), after: None, is_read: false };
        Self { index, state, unused_since, shards: (0..shards).map(shard).collect() }
    }

    /// Returns the next records, in their order: an empty list if more must be read, `None` at the
    /// end. Reads at most one page.
    pub async fn next(&mut self, store: &impl IdentityStore) -> Result<Option<Vec<Record>>, Error> {
        let is_unread = |shard: &&mut ListedShard| shard.ready.is_empty() && !shard.is_read;
        if let Some(shard) = self.shards.iter_mut().find(is_unread) {
            let query = ListQuery {
                state: self.state,
                unused_since: self.unused_since,
                after: shard.after.take(),
                ..ListQuery::first(self.index, shard.number, MAX_PAGE)
            };
            let page = store.list(&query).await?;
            shard.ready = page.records.into();
            shard.is_read = page.next.is_none();
            shard.after = page.next;
        }
        let mut next = Vec::new();
        // A shard whose records are not read yet may have the next one.
        while self.shards.iter().all(|shard| shard.is_read || !shard.ready.is_empty()) {
            let index = self.index;
            let order = |shard: &ListedShard| {
                shard.ready.front().map(|record| match index {
                    Index::LastIssued => record.last_issued_at,
                    Index::Unfinished => record.changed_at,
                })
            };
            let filled = self.shards.iter_mut().filter(|shard| !shard.ready.is_empty());
            let Some(shard) = filled.min_by_key(|shard| order(shard)) else {
                return Ok((!next.is_empty()).then_some(next));
            };
            next.extend(shard.ready.pop_front());
        }
        Ok(Some(next))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::State;
    use crate::ports::Clock as _;
    use crate::testing::{CoreFixture, ManualClock, record};

    async fn listed(
        fixture: &CoreFixture,
        state: Option<StateName>,
        since: Option<SystemTime>,
    ) -> Vec<Record> {
        let mut listing = OrderedListing::new(state, since);
        let mut records = Vec::new();
        while let Some(some) = listing.next(&fixture.store).await.unwrap() {
            records.extend(some);
        }
        records
    }

    #[tokio::test]
    async fn all_shards_are_listed_as_one_with_the_longest_unused_first() {
        let now = ManualClock::default().now();
        // Later names have an earlier last use, and some shards have more than a page.
        let fixture = CoreFixture::with((0..3000_u32).map(|index| {
            let used = now + Duration::from_secs(u64::from(3000 - index));
            record(&format!("user-{index}"), State::active(&format!("8:acs:{index}")), used)
        }));
        let records = listed(&fixture, None, None).await;
        assert_eq!(records.len(), 3000);
        assert!(records.is_sorted_by_key(|record| record.last_issued_at));
        let before = now + Duration::from_secs(26);
        assert_eq!(listed(&fixture, Some(StateName::Active), Some(before)).await.len(), 25);
        assert_eq!(listed(&fixture, Some(StateName::Stuck), None).await.len(), 0);
        assert_eq!(listed(&CoreFixture::with([]), None, None).await.len(), 0);
    }
}
