//! The clauses about lists and counts.

#![expect(clippy::expect_used, reason = "a test may die")]

use std::collections::BTreeSet;
use std::time::SystemTime;

use super::{active, advance, at, put};
use crate::model::record::Unfinished;
use crate::model::{Lease, LeaseId, ReceiptId, Record, State, StateName};
use crate::ports::{IdentityStore, Index, ListQuery, Position, SHARDS};
use crate::testing::{acs_id, record, user};

/// Every record of the store whose name begins with `prefix`, shard by shard.
async fn walk(
    store: &impl IdentityStore,
    prefix: &str,
    limit: u16,
    state: Option<StateName>,
    unused_since: Option<SystemTime>,
) -> Vec<Record> {
    let mut records = Vec::new();
    for shard in 0..2 * SHARDS {
        let index = Index::LastIssued;
        let mut query = ListQuery { index, shard, state, unused_since, after: None, limit };
        let mut previous = None;
        loop {
            let page = store.list(&query).await.expect("a readable store");
            assert!(page.records.len() <= usize::from(limit), "no more than asked for");
            for record in page.records {
                assert!(previous <= Some(record.last_issued_at), "longest unused first");
                previous = Some(record.last_issued_at);
                records.push(record);
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
    }
    records.retain(|record| record.external_id.as_str().starts_with(prefix));
    records
}

async fn forty(store: &impl IdentityStore, prefix: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for index in 0..40_u64 {
        let name = format!("{prefix}-{index}");
        let fresh = active(&name);
        let state = if index % 4 == 0 {
            State::Blocked { acs_id: fresh.acs_id().cloned() }
        } else {
            fresh.state.clone()
        };
        put(store, &Record { state, last_issued_at: at(1000 - index), ..fresh }).await;
        names.insert(name);
    }
    put(store, &record(&format!("{prefix}-tombstone"), State::Deleted, at(0))).await;
    names
}

fn names(records: &[Record]) -> BTreeSet<String> {
    records.iter().map(|record| record.external_id.as_str().to_owned()).collect()
}

/// A clause of the contract.
pub async fn every_record_but_tombstones_is_listed_longest_unused_first(
    store: &impl IdentityStore,
) {
    let expected = forty(store, "list").await;
    let listed = walk(store, "list-", 100, None, None).await;
    assert_eq!(listed.len(), 40, "each once");
    assert_eq!(names(&listed), expected);
}

/// A clause of the contract.
pub async fn a_list_can_be_read_one_record_at_a_time(store: &impl IdentityStore) {
    let expected = forty(store, "pages").await;
    let listed = walk(store, "pages-", 1, None, None).await;
    assert_eq!(listed.len(), 40, "each once");
    assert_eq!(names(&listed), expected);
}

/// A clause of the contract.
pub async fn a_list_is_narrowed_by_state_and_by_last_use(store: &impl IdentityStore) {
    forty(store, "narrow").await;
    let blocked = walk(store, "narrow-", 3, Some(StateName::Blocked), None).await;
    assert_eq!(blocked.len(), 10);
    let old = walk(store, "narrow-", 100, None, Some(at(990))).await;
    assert_eq!(old.len(), 29, "those of index 11 and more; exactly at the time is not before it");
    let both = walk(store, "narrow-", 100, Some(StateName::Blocked), Some(at(990))).await;
    assert_eq!(both.len(), 7);
}

/// A clause of the contract: also at one that no page of the list can end with, because the times of
/// the list have changed since, or the caller has made it up.
pub async fn a_list_and_a_count_begin_at_any_position(store: &impl IdentityStore) {
    forty(store, "begin").await;
    for (after, expected) in [(at(989), 0), (at(990), 0), (at(995), 0), (at(0), 29)] {
        let (mut listed, mut counted) = (0, 0);
        for shard in 0..SHARDS {
            let after = Some(Position { at: after, external_id: user("zz") });
            let (index, unused_since, limit) = (Index::LastIssued, Some(at(990)), 100);
            let query = ListQuery { index, shard, state: None, unused_since, after, limit };
            let page = store.list(&query).await.expect("a readable store");
            let is_own = |record: &&Record| record.external_id.as_str().starts_with("begin-");
            listed += page.records.iter().filter(is_own).count();
            counted += store.count(&query).await.expect("a readable store").records;
        }
        assert_eq!(listed, expected, "after {after:?}");
        assert!(counted >= u64::try_from(expected).unwrap_or(u64::MAX), "with other records");
    }
}

/// The unfinished records whose name begins with `prefix`.
async fn unfinished(
    store: &impl IdentityStore,
    prefix: &str,
    state: Option<StateName>,
) -> BTreeSet<String> {
    let mut records = Vec::new();
    for shard in 0..SHARDS {
        let index = Index::Unfinished;
        let mut query =
            ListQuery { index, shard, state, unused_since: None, after: None, limit: 1 };
        loop {
            let page = store.list(&query).await.expect("a readable store");
            records.extend(page.records);
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
    }
    records.retain(|record| record.external_id.as_str().starts_with(prefix));
    names(&records)
}

/// A clause of the contract.
pub async fn what_is_unfinished_is_listed_until_it_is_finished(store: &impl IdentityStore) {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let id = acs_id("8:acs:res_unfinished");
    let lease = Lease { id: LeaseId("request#0".to_owned()), ends: at(15) };
    let stuck =
        State::Stuck { acs_id: id.clone(), blocked: false, unfinished: Unfinished::Deletion };
    for (name, state) in [
        ("open-provisioning", State::Provisioning { lease }),
        ("open-active", State::Active { acs_id: id.clone() }),
        ("open-blocked", State::Blocked { acs_id: None }),
        ("open-deleting", State::Deleting { acs_id: id.clone(), blocked: false }),
        ("open-stuck", stuck),
        ("open-deleted", State::Deleted),
    ] {
        put(store, &record(name, state, at(0))).await;
    }
    let revoking = record("open-revoking", State::Active { acs_id: id }, at(0));
    let revoking = Record { pending_revocation: Some(ReceiptId("r".to_owned())), ..revoking };
    put(store, &revoking).await;
    let all = ["open-deleting", "open-provisioning", "open-revoking", "open-stuck"];
    assert_eq!(unfinished(store, "open-", None).await, set(&all));
    let stuck = unfinished(store, "open-", Some(StateName::Stuck)).await;
    assert_eq!(stuck, set(&["open-stuck"]));
    advance(store, Some(&revoking), &revoking.revocation_confirmed(at(1))).await;
    assert_eq!(unfinished(store, "open-revoking", None).await, set(&[]));
}

/// A clause of the contract.
pub async fn users_without_an_identity_are_listed_apart(store: &impl IdentityStore) {
    put(store, &record("apart-without", State::Blocked { acs_id: None }, at(0))).await;
    let mut found = Vec::new();
    for shard in 0..2 * SHARDS {
        let query = ListQuery {
            index: Index::LastIssued,
            shard,
            state: None,
            unused_since: None,
            after: None,
            limit: 1000,
        };
        let page = store.list(&query).await.expect("a readable store");
        let here = page.records.iter().any(|r| r.external_id == user("apart-without"));
        found.extend(here.then_some(shard));
    }
    assert!(matches!(found[..], [shard] if shard >= SHARDS), "{found:?}");
}

/// A clause of the contract.
pub async fn a_count_and_a_list_look_at_the_same_records(store: &impl IdentityStore) {
    forty(store, "count").await;
    for unused_since in [None, Some(at(990))] {
        for shard in 0..SHARDS {
            let index = Index::LastIssued;
            let limit = 1000;
            let query = ListQuery { index, shard, state: None, unused_since, after: None, limit };
            let count = store.count(&query).await.expect("a readable store");
            let page = store.list(&query).await.expect("a readable store");
            assert_eq!((count.records, count.next), (page.records.len() as u64, page.next));
            let first = store.count(&ListQuery { limit: 1, ..query }).await;
            let first = first.expect("a readable store").records;
            assert_eq!(first, count.records.min(1), "and no more than asked for");
        }
    }
    assert!(store.users_at_least().await.is_ok());
}
