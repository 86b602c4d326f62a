//! Lists identities: all of them, by state, or by the time of the last use. ACS has no such call,
//! so this inventory is the only one.

mod in_order;

use std::time::SystemTime;

use crate::model::{Error, Record, StateName};
use crate::ports::{IdentityStore, Index, ListQuery, Position, SHARDS};

pub use in_order::OrderedListing;

/// The parameters of the operation.
#[derive(Clone, Debug)]
pub struct ListIdentitiesRequest {
    /// Only identities in this state. Tombstones do not count as identities.
    pub state: Option<StateName>,
    /// Only identities that were last used before this time.
    pub unused_since: Option<SystemTime>,
    /// The maximum number of identities: 1 to [`MAX_PAGE`].
    pub limit: u16,
    /// The end of the previous page.
    pub cursor: Option<Cursor>,
}

/// A position in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The shard that is being listed.
    pub shard: u8,
    /// The last record that was read in it, if any.
    pub after: Option<Position>,
}

/// One page of identities.
#[derive(Clone, Debug)]
pub struct IdentityPage {
    /// The records; within a shard longest unused first, but not sorted across shards.
    pub records: Vec<Record>,
    /// The position to continue from; `None` at the end. A page may be short or even empty
    /// without being the last one.
    pub next: Option<Cursor>,
}

/// The maximum size of a page.
pub const MAX_PAGE: u16 = 100;

/// Lists one page, shard by shard.
pub async fn list_identities(
    store: &impl IdentityStore,
    request: ListIdentitiesRequest,
) -> Result<IdentityPage, Error> {
    let ListIdentitiesRequest { state, unused_since, limit, cursor } = request;
    let limit = limit.clamp(1, MAX_PAGE);
    let (index, shards) = places(state);
    let mut records = Vec::new();
    let mut place = cursor.unwrap_or(Cursor { shard: 0, after: None });
    for _ in 0..MAX_READS {
        let wanted = usize::from(limit).saturating_sub(records.len());
        if place.shard >= shards {
            return Ok(IdentityPage { records, next: None });
        }
        if wanted == 0 {
            break;
        }
        let query = ListQuery {
            index,
            shard: place.shard,
            state,
            unused_since,
            after: place.after.take(),
            // A filter by state leaves few records of a page: read more than requested.
            limit: if state.is_some() { MAX_PAGE } else { u16::try_from(wanted).unwrap_or(limit) },
        };
        let page = store.list(&query).await?;
        let mut found = page.records;
        let next = if found.len() > wanted {
            found.truncate(wanted);
            found.last().map(|last| Position::of(last, index))
        } else {
            page.next
        };
        records.extend(found);
        place = match next {
            Some(after) => Cursor { shard: place.shard, after: Some(after) },
            None => Cursor { shard: place.shard + 1, after: None },
        };
    }
    let next = (place.shard < shards).then_some(place);
    Ok(IdentityPage { records, next })
}

/// The index that contains identities in this state, and its number of shards. The rare states
/// have their own index, so that a search for three of them does not read a million records.
fn places(state: Option<StateName>) -> (Index, u8) {
    match state {
        Some(StateName::Provisioning | StateName::Deleting | StateName::Stuck) => {
            (Index::Unfinished, SHARDS)
        }
        Some(StateName::Active) => (Index::LastIssued, SHARDS),
        // Some blocked users have no identity.
        None | Some(StateName::Blocked | StateName::Deleted) => (Index::LastIssued, 2 * SHARDS),
    }
}

/// The maximum number of reads per page. All shards fit in one page; a rare state in a large
/// table gives short pages rather than slow ones.
const MAX_READS: usize = 48;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;
    use crate::model::record::State;
    use crate::ports::Clock;
    use crate::testing::{CoreFixture, ManualClock, record};

    fn hundred() -> CoreFixture {
        let now = ManualClock::default().now();
        CoreFixture::with((0..100_u32).map(|index| {
            let id = format!("8:acs:{index}");
            let state = if index % 10 == 0 { State::blocked(&id) } else { State::active(&id) };
            record(&format!("user-{index}"), state, now + Duration::from_secs(u64::from(index)))
        }))
    }

    async fn walk(
        fixture: &CoreFixture,
        request: ListIdentitiesRequest,
    ) -> (BTreeSet<String>, usize) {
        let (mut names, mut pages, mut cursor) = (BTreeSet::new(), 0, None);
        loop {
            let page = list_identities(
                &fixture.store,
                ListIdentitiesRequest { cursor, ..request.clone() },
            )
            .await
            .unwrap();
            assert!(page.records.len() <= usize::from(request.limit));
            for record in page.records {
                assert!(names.insert(record.external_id.as_str().to_owned()), "each once");
            }
            pages += 1;
            cursor = page.next;
            if cursor.is_none() {
                return (names, pages);
            }
        }
    }

    fn all(limit: u16) -> ListIdentitiesRequest {
        ListIdentitiesRequest { state: None, unused_since: None, limit, cursor: None }
    }

    #[tokio::test]
    async fn pages_of_any_size_give_every_identity_once() {
        let fixture = hundred();
        for limit in [1, 7, 100] {
            let (names, _) = walk(&fixture, all(limit)).await;
            assert_eq!(names.len(), 100, "pages of {limit}");
        }
        assert_eq!(walk(&fixture, all(100)).await.1, 2, "a full page, and whether there are more");
    }

    /// Users of one shard: letters that are 16 apart give the same sum modulo 16.
    fn in_one_shard(count: usize, state: &State) -> impl Iterator<Item = Record> {
        let letter = |digit: usize| ["A", "Q", "a", "q"][digit % 4];
        let name = move |index: usize| -> String {
            (0..6).map(|place| letter(index / 4_usize.pow(place))).collect()
        };
        let now = ManualClock::default().now();
        (0..count).map(move |index| record(&name(index), state.clone(), now))
    }

    #[tokio::test]
    async fn a_page_that_ends_a_shard_goes_on_in_the_next() {
        let fixture = CoreFixture::with(in_one_shard(1, &State::active("8:acs:1")));
        // The sum of six times `A`, which is 65, modulo 16.
        let shard = 6;
        let page = list_identities(&fixture.store, all(1)).await.unwrap();
        let next = Cursor { shard: shard + 1, after: None };
        assert_eq!((page.records.len(), page.next), (1, Some(next)));
    }

    #[tokio::test]
    async fn a_shard_with_more_than_a_page_in_a_state_is_listed_page_by_page() {
        let fixture = CoreFixture::with(in_one_shard(10, &State::active("8:acs:1")));
        let active = ListIdentitiesRequest { state: Some(StateName::Active), ..all(3) };
        assert_eq!(walk(&fixture, active).await.0.len(), 10);
    }

    #[tokio::test]
    async fn blocked_users_without_an_identity_are_listed_in_every_shard() {
        let now = ManualClock::default().now();
        let blocked = State::Blocked { acs_id: None };
        let names = (0..100).map(|index| format!("user-{index}"));
        let fixture = CoreFixture::with(names.map(|name| record(&name, blocked.clone(), now)));
        assert_eq!(walk(&fixture, all(100)).await.0.len(), 100);
    }

    #[tokio::test]
    async fn a_list_that_ends_with_the_last_read_of_a_page_has_no_other_page() {
        // 16 shards, and 32 more pages in one of them.
        let count = (MAX_READS - usize::from(SHARDS)) * usize::from(MAX_PAGE) + 1;
        let fixture = CoreFixture::with(in_one_shard(count, &State::blocked("8:acs:1")));
        let active = ListIdentitiesRequest { state: Some(StateName::Active), ..all(100) };
        assert_eq!(walk(&fixture, active).await, (BTreeSet::new(), 1));
    }

    #[tokio::test]
    async fn a_list_is_narrowed_by_state_and_by_last_use() {
        let fixture = hundred();
        let blocked = ListIdentitiesRequest { state: Some(StateName::Blocked), ..all(3) };
        assert_eq!(walk(&fixture, blocked).await.0.len(), 10);
        let before = ManualClock::default().now() + Duration::from_secs(25);
        let old = ListIdentitiesRequest { unused_since: Some(before), ..all(100) };
        assert_eq!(walk(&fixture, old).await.0.len(), 25);
    }
}
