//! Counts the records of each ACS resource.

use std::time::SystemTime;

use identity_core::{
    ports::{Change, IdentityStore as _, Orphan},
    record::{Lease, LeaseId, Record, State, Unfinished},
    testing::{acs_id, record, resource, user},
};
use identity_store::DynamoIdentityStore;

use crate::store;

async fn put(store: &DynamoIdentityStore, name: &str, state: State, of: &str) {
    let record = Record { resource: resource(of), ..record(name, state, SystemTime::UNIX_EPOCH) };
    assert!(matches!(store.advance(None, &record).await.unwrap(), Change::Made(_)));
}

#[tokio::test]
async fn records_that_need_their_resource_are_counted_and_others_are_not() {
    let store = store().await;
    let lease = Lease { id: LeaseId("l".to_owned()), ends: SystemTime::UNIX_EPOCH };
    let stuck =
        |id| State::Stuck { acs_id: acs_id(id), blocked: false, unfinished: Unfinished::Deletion };
    for (name, state, of) in [
        ("active", State::active("8:acs:1"), "main"),
        ("blocked", State::blocked("8:acs:2"), "eu2"),
        ("reserved", State::Provisioning { lease }, "eu2"),
        ("deleting", State::deleting("8:acs:3"), "eu2"),
        ("stuck", stuck("8:acs:4"), "eu2"),
        ("deleted", State::Deleted, "old"),
        ("blocked without an identity", State::Blocked { acs_id: None }, "old"),
    ] {
        put(&store, &name.replace(' ', "-"), state, of).await;
    }
    let orphan = Orphan {
        acs_id: acs_id("8:acs:9"),
        user: user("alice"),
        resource: resource("gone"),
        noted_at: SystemTime::UNIX_EPOCH,
    };
    store.note_orphan(&orphan).await.unwrap();
    store.first_missed_at(&acs_id("8:acs:8"), SystemTime::UNIX_EPOCH).await.unwrap();

    let census = store.count_by_resource(None).await.unwrap();
    assert!(census.is_complete);
    let counts = census.resources.iter().map(|(name, found)| {
        let sample = found.sample.as_ref().map(ToString::to_string);
        (name.as_str(), found.identities, found.orphans, sample)
    });
    let main = ("main", 1, 0, Some("8:acs:1".to_owned()));
    let expected = [("eu2", 4, 0, None), ("gone", 0, 1, None), main];
    assert_eq!(counts.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_table_of_several_pages_is_counted_completely_unless_there_is_a_limit() {
    let store = store().await;
    // More than the 1 MB that a page has: a key has up to 1,024 bytes.
    for index in 0..1_100 {
        let name = format!("{index:01000}");
        put(&store, &name, State::active(&format!("8:acs:{index}")), "main").await;
    }
    let all = store.count_by_resource(None).await.unwrap();
    assert_eq!((all.resources[&resource("main")].identities, all.is_complete), (1_100, true));
    let first = store.count_by_resource(Some(1)).await.unwrap();
    assert!(!first.is_complete && first.resources[&resource("main")].identities < 1_100);
    let two = store.count_by_resource(Some(2)).await.unwrap();
    assert_eq!((two.resources[&resource("main")].identities, two.is_complete), (1_100, true));
}
