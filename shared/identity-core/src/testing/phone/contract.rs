//! Contract tests for every inventory of Teams Phone. Each clause uses its own principals, so that
//! one store can serve all of them.
//!
//! An adapter's contract test is one line: `phone_contract!(a_store().await)`.

#![expect(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a clause is a test: it panics when it does not hold"
)]

use std::time::{Duration, SystemTime};

use super::{assignment, principal};
use crate::model::phone::{PhoneEntry, PhoneState, PrincipalType};
use crate::model::{Actor, AuditAction, AuditEntry, Record};
use crate::ports::PhoneInventory;
use crate::testing::user;

/// Creates one test for each clause, run against the store that the expression returns.
#[macro_export]
macro_rules! phone_contract {
    ($store:expr) => {
        $crate::phone_contract! { $store =>
            an_entry_reads_back_as_it_was_written
            an_entry_is_written_only_over_the_version_that_was_seen
            an_entry_that_is_written_twice_is_not_refused
            entries_are_listed_in_pages_and_removed_ones_are_left_out
            unfinished_entries_are_found_until_they_are_finished
            unfinished_entries_are_listed_from_the_oldest_change
            the_links_of_a_user_are_kept
        }
    };
    ($store:expr => $($clause:ident)*) => {
        $(
            #[tokio::test]
            async fn $clause() {
                $crate::testing::phone::contract::$clause(&$store).await;
            }
        )*
    };
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_800_000_000_123)
}

fn entry(object: u64, state: PhoneState) -> PhoneEntry {
    PhoneEntry { by: "root".to_owned(), ..PhoneEntry::unseen(assignment(object), now()) }
        .changed(state, now())
}

async fn write(store: &impl PhoneInventory, seen: Option<&PhoneEntry>, next: &PhoneEntry) -> bool {
    store.write_entry(seen, next, None).await.unwrap()
}

/// A clause of the contract.
pub async fn an_entry_reads_back_as_it_was_written(store: &impl PhoneInventory) {
    let mut full = entry(11, PhoneState::Assigned);
    assert_eq!(store.find_entry(&full.principal()).await.unwrap(), None);
    full.user = Some(user("https://idp.example|alice"));
    full.verified_at = Some(now() + Duration::from_millis(1));
    full.assignment.principal_type = PrincipalType::Other("callQueue".to_owned());
    let audit = AuditEntry::of(
        &Record::unseen(&user("alice"), now()),
        "request-11",
        Actor::Administrator(user("root")),
        AuditAction::AssignPhone,
        now(),
    );
    assert!(store.write_entry(None, &full, Some(&audit)).await.unwrap());
    assert_eq!(store.find_entry(&full.principal()).await.unwrap(), Some(full.clone()));

    let mut bare = full.changed(PhoneState::Removed, now());
    bare.user = None;
    bare.verified_at = None;
    bare.assignment.client_ids = Vec::new();
    assert!(write(store, Some(&full), &bare).await);
    assert_eq!(store.find_entry(&bare.principal()).await.unwrap(), Some(bare));
}

/// A clause of the contract.
pub async fn an_entry_is_written_only_over_the_version_that_was_seen(store: &impl PhoneInventory) {
    let first = entry(12, PhoneState::Assigning);
    assert!(!write(store, Some(&first), &first.changed(PhoneState::Assigned, now())).await);
    assert_eq!(store.find_entry(&first.principal()).await.unwrap(), None);
    assert!(write(store, None, &first).await);
    let second = first.changed(PhoneState::Removing, now());
    assert!(write(store, Some(&first), &second).await);
    let late = first.changed(PhoneState::Assigned, now());
    assert!(!write(store, Some(&first), &late).await);
    assert!(!write(store, None, &entry(12, PhoneState::Assigned)).await);
    assert_eq!(store.find_entry(&first.principal()).await.unwrap(), Some(second));
}

/// A clause of the contract: the client of a store sends a write again if its answer was lost.
pub async fn an_entry_that_is_written_twice_is_not_refused(store: &impl PhoneInventory) {
    let first = entry(13, PhoneState::Assigning);
    let second = first.changed(PhoneState::Assigned, now());
    for (seen, next) in [(None, &first), (Some(&first), &second)] {
        for _ in 0..2 {
            assert!(write(store, seen, next).await, "{next:?}");
        }
    }
}

/// A clause of the contract.
pub async fn entries_are_listed_in_pages_and_removed_ones_are_left_out(
    store: &impl PhoneInventory,
) {
    let ours = |listed: &PhoneEntry| (20..30).any(|object| listed.principal() == principal(object));
    for object in 20..25 {
        let state = if object == 22 { PhoneState::Removed } else { PhoneState::Assigned };
        let mut made = entry(object, state);
        made.created_at = now() + Duration::from_secs(100 - object);
        assert!(write(store, None, &made).await);
    }
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = store.list_entries(after.as_ref(), 2).await.unwrap();
        assert!(page.entries.len() <= 2);
        found.extend(page.entries.iter().filter(|entry| ours(entry)).map(PhoneEntry::principal));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, [24, 23, 21, 20].map(principal));
}

/// A clause of the contract.
pub async fn unfinished_entries_are_found_until_they_are_finished(store: &impl PhoneInventory) {
    let (assigning, removing) = (entry(31, PhoneState::Assigning), entry(32, PhoneState::Removing));
    for one in [&assigning, &removing, &entry(33, PhoneState::Assigned)] {
        assert!(write(store, None, one).await);
    }
    let ours = async || {
        let found = store.unfinished_principals().await.unwrap();
        let ours = |one: &_| [31, 32, 33].map(principal).contains(one);
        let mut found: Vec<_> = found.into_iter().filter(ours).collect();
        found.sort();
        found
    };
    assert_eq!(ours().await, [31, 32].map(principal));
    assert!(write(store, Some(&removing), &removing.changed(PhoneState::Removed, now())).await);
    assert!(write(store, Some(&assigning), &assigning.changed(PhoneState::Assigned, now())).await);
    assert_eq!(ours().await, []);
}

/// A clause of the contract.
pub async fn unfinished_entries_are_listed_from_the_oldest_change(store: &impl PhoneInventory) {
    let at = |second| now() + Duration::from_secs(second);
    let entries = [(51, 2), (52, 3), (53, 1)].map(|(object, second)| {
        entry(object, PhoneState::Assigning).changed(PhoneState::Removing, at(second))
    });
    for one in &entries {
        assert!(write(store, None, one).await);
    }
    let ours = async || {
        let found = store.unfinished_principals().await.unwrap();
        let ours = |one: &_| [51, 52, 53].map(principal).contains(one);
        found.into_iter().filter(ours).collect::<Vec<_>>()
    };
    assert_eq!(ours().await, [53, 51, 52].map(principal));
    let repeated = entries[2].changed(PhoneState::Removing, at(4));
    assert!(write(store, Some(&entries[2]), &repeated).await);
    assert_eq!(ours().await, [51, 52, 53].map(principal));
}

/// A clause of the contract.
pub async fn the_links_of_a_user_are_kept(store: &impl PhoneInventory) {
    let (alice, bob) = (user("linked|alice"), user("linked|bob"));
    assert_eq!(store.linked_principals(&alice).await.unwrap(), []);
    for object in [41, 42, 41] {
        store.link_principal(&alice, &principal(object)).await.unwrap();
    }
    let mut linked = store.linked_principals(&alice).await.unwrap();
    linked.sort();
    assert_eq!(linked, [41, 42].map(principal));
    assert_eq!(store.linked_principals(&bob).await.unwrap(), []);
}
