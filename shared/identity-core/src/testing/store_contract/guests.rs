//! The clauses about guests.

#![expect(clippy::expect_used, reason = "a test may die")]

use std::time::SystemTime;

use super::invitations::add;
use super::{active, advance, at, put};
use crate::model::{ExternalId, Invitation, Record, State};
use crate::ports::{
    DueGuestQuery, IdentityStore, Index, InvitationStore, ListQuery, OrphanStore, SHARDS,
};
use crate::testing::invitations::{device_id, invitation, revoking};
use crate::testing::order;

/// The guests that are due before a time, read one at a time.
async fn due(store: &impl InvitationStore, before: SystemTime) -> Vec<ExternalId> {
    let mut guests = Vec::new();
    for shard in 0..SHARDS {
        let mut query = DueGuestQuery { shard, before, after: None, limit: 1 };
        loop {
            let page = store.list_due_guests(&query).await.expect("a readable store");
            guests.extend(page.guests);
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
    }
    guests.sort();
    guests
}

fn guest(invitation: &Invitation, letter: char, due_at: SystemTime) -> Record {
    let record = active(&format!("guest-{letter}"));
    Record { external_id: invitation.guest(&device_id(letter)), due_at: Some(due_at), ..record }
}

/// A clause of the contract.
pub async fn guests_are_listed_when_they_are_due(store: &(impl IdentityStore + InvitationStore)) {
    let invitation = invitation("due");
    put(store, &active("due-user")).await;
    let guests: Vec<Record> =
        ('a'..='h').zip(10..).map(|(letter, hour)| guest(&invitation, letter, at(hour))).collect();
    for guest in &guests {
        put(store, guest).await;
    }
    let names = |guests: &[Record]| {
        let mut names: Vec<_> = guests.iter().map(|guest| guest.external_id.clone()).collect();
        names.sort();
        names
    };
    let (first, rest) = guests.split_at(4);
    assert_eq!(due(store, at(10)).await, []);
    assert_eq!(due(store, at(14)).await, names(first));
    assert_eq!(due(store, at(99)).await, names(&guests));
    // A guest with pending work is in the list of unfinished records instead, and comes back.
    let one = first.first().expect("a guest");
    let revoking = one.revoked(&order("r", true, at(1)), at(1));
    advance(store, Some(one), &revoking).await;
    assert_eq!(due(store, at(14)).await, names(first.get(1..).expect("more")));
    let done = revoking.revocation_confirmed(at(2));
    advance(store, Some(&revoking), &done).await;
    assert_eq!(due(store, at(14)).await, names(first));
    // A later date moves the guest, and a tombstone is in no list.
    let later = Record { due_at: Some(at(50)), ..done.clone() };
    advance(store, Some(&done), &later).await;
    assert_eq!(due(store, at(14)).await, names(first.get(1..).expect("more")));
    let gone = Record { state: State::Deleted, ..later.clone() };
    advance(store, Some(&later), &gone).await;
    let left = [first.get(1..).expect("more"), rest].concat();
    assert_eq!(due(store, at(99)).await, names(&left));
}

/// A clause of the contract: a cleanup run of the previous version meets neither.
pub async fn guests_and_invitations_are_in_no_other_list(
    store: &(impl IdentityStore + InvitationStore + OrphanStore),
) {
    let mut being_revoked = invitation("no-other-list revoking");
    revoking(&mut being_revoked);
    for invitation in [invitation("no-other-list"), being_revoked] {
        add(store, &invitation).await;
    }
    let guest = guest(&invitation("no-other-list"), 'a', at(10));
    put(store, &guest).await;
    let mut listed = Vec::new();
    for shard in 0..2 * SHARDS {
        for index in [Index::LastIssued, Index::Unfinished] {
            // The store of the orphans reads their shard.
            if index == Index::Unfinished && shard >= SHARDS {
                continue;
            }
            let page = store.list(&ListQuery::first(index, shard, 1000)).await;
            let records = page.expect("a readable store").records;
            listed.extend(records.into_iter().map(|record| (index, record.external_id)));
        }
        let counted = store.count(&ListQuery::first(Index::LastIssued, shard, 1000)).await;
        assert_eq!(counted.expect("a readable store").records, 0, "the brake is about users");
    }
    assert_eq!(listed, [(Index::LastIssued, guest.external_id)], "a guest is an identity");
    assert_eq!(store.orphans().await.expect("a readable store"), []);
}
