//! The clauses about invitations and guests.

#![expect(clippy::expect_used, reason = "a test may die")]

use std::time::{Duration, SystemTime};

use futures_util::future::join_all;

use super::{active, advance, at, put};
use crate::model::{
    ExternalId, Invitation, InvitationRevocation, InvitationStep, Reason, ReceiptId, Record, State,
};
use crate::ports::{
    DueGuestQuery, IdentityStore, Index, InvitationChange, InvitationIndex, InvitationPosition,
    InvitationQuery, InvitationStore, ListQuery, OrphanStore, SHARDS, TimeBound,
};
use crate::testing::invitations::{
    closed, device_id, full, invitation, known, locked, revoked, revoking, with_pin,
};
use crate::testing::{order, user};

async fn add(store: &impl InvitationStore, invitation: &Invitation) {
    store.add_invitation(invitation).await.expect("a writable store");
}

async fn found(store: &impl InvitationStore, invitation: &Invitation) -> Option<Invitation> {
    store.find_invitation(&invitation.id).await.expect("a readable store")
}

/// A change of an invitation, to which its steps are then applied.
type Situation = (&'static str, fn(&mut Invitation));

const SITUATIONS: [Situation; 12] = [
    ("open", |_| {}),
    ("with a PIN", with_pin),
    ("one attempt counted", |it| {
        with_pin(it);
        it.pin.iter_mut().for_each(|pin| pin.left -= 1);
    }),
    ("no attempt left", |it| {
        with_pin(it);
        it.pin.iter_mut().for_each(|pin| pin.left = 0);
    }),
    ("locked", |it| {
        with_pin(it);
        locked(it);
    }),
    ("known", known),
    ("full", full),
    ("full and known", |it| {
        known(it);
        it.most = 1;
    }),
    ("closed", closed),
    ("due", |it| {
        closed(it);
        it.delete_at = it.closes_at;
    }),
    ("revoking", revoking),
    ("revoked", revoked),
];

/// A clause of the contract.
pub async fn an_invitation_reads_back_as_it_was_written(store: &impl InvitationStore) {
    assert_eq!(found(store, &invitation("unknown")).await, None);
    for (name, change) in SITUATIONS {
        let mut written = invitation(&format!("reads-back {name}"));
        change(&mut written);
        add(store, &written).await;
        assert_eq!(found(store, &written).await, Some(written), "{name}");
    }
    let bare = Invitation { reference: None, ..invitation("reads-back bare") };
    add(store, &bare).await;
    assert_eq!(found(store, &bare).await, Some(bare));
}

/// A clause of the contract: the SDK sends a write again if the response was late.
pub async fn an_invitation_is_added_once(store: &impl InvitationStore) {
    let first = invitation("added-once");
    add(store, &first).await;
    let device = device_id('a');
    let at = first.opens_at;
    let step = InvitationStep::Admit { device: &device, at, gives_pin_back: false };
    let change = store.change_invitation(&first.id, &step).await.expect("a writable store");
    assert!(matches!(change, InvitationChange::Made(_)), "{change:?}");
    add(store, &first).await;
    assert_eq!(found(store, &first).await, change.stored(), "the device is still there");
}

/// A clause of the contract: a store makes the same decision as [`InvitationStep::apply`], in every
/// situation, and again if the step is sent twice.
pub async fn each_step_of_an_invitation_does_what_the_rules_say(store: &impl InvitationStore) {
    let start = invitation("start").opens_at;
    let device = device_id('a');
    let revocation = |reason: Option<&str>| InvitationRevocation {
        receipt: ReceiptId("another".to_owned()),
        by: user("root"),
        reason: reason.and_then(Reason::parse),
        accepted_at: start + Duration::from_secs(9),
        revoked_at: None,
    };
    let (because, without) = (revocation(Some("left")), revocation(None));
    let later = |hours| start + Duration::from_hours(hours);
    let admit = |gives_pin_back, at| InvitationStep::Admit { device: &device, at, gives_pin_back };
    let extend = |closes, most, unlock| InvitationStep::Extend {
        closes_at: later(closes),
        delete_at: later(closes + 2),
        most,
        unlock,
        now: start,
    };
    let steps = [
        InvitationStep::CountPin,
        InvitationStep::Lock,
        admit(false, start),
        admit(true, start),
        // At the end, to the millisecond.
        admit(false, later(1)),
        admit(false, later(1) - Duration::from_millis(1)),
        extend(1, 2, false),
        extend(5, 9, false),
        extend(5, 9, true),
        extend(0, 9, true),
        extend(5, 1, true),
        InvitationStep::Revoke(&because),
        InvitationStep::Revoke(&without),
        InvitationStep::ConfirmRevocation { at: start + Duration::from_secs(10) },
    ];
    for (number, step) in steps.iter().enumerate() {
        for (name, change) in SITUATIONS {
            let mut before = invitation(&format!("step {number} {name}"));
            change(&mut before);
            let refused = store.change_invitation(&before.id, step).await;
            let context = format!("{step:?}, {name}");
            assert_eq!(refused.expect("a writable store"), InvitationChange::Refused(None));
            add(store, &before).await;
            let mut expected = before;
            for attempt in ["first", "again"] {
                let applied = step.apply(&expected);
                let made = applied.clone().map(InvitationChange::Made);
                let outcome =
                    made.unwrap_or_else(|| InvitationChange::Refused(Some(expected.clone())));
                let change = store.change_invitation(&expected.id, step).await;
                assert_eq!(change.expect("a writable store"), outcome, "{context}, {attempt}");
                expected = applied.unwrap_or(expected);
                assert_eq!(found(store, &expected).await.as_ref(), Some(&expected), "{context}");
            }
        }
    }
}

/// A clause of the contract.
pub async fn steps_at_once_admit_no_more_devices_than_an_invitation_allows(
    store: &impl InvitationStore,
) {
    let before = Invitation { most: 3, ..invitation("at-once") };
    add(store, &before).await;
    let devices = ('a'..='p').map(device_id).collect::<Vec<_>>();
    let calls = devices.iter().map(async |device| {
        let at = before.opens_at;
        let step = InvitationStep::Admit { device, at, gives_pin_back: false };
        store.change_invitation(&before.id, &step).await.expect("a writable store")
    });
    let changes = join_all(calls).await;
    let made = changes.iter().filter(|change| matches!(change, InvitationChange::Made(_)));
    assert_eq!(made.count(), 3);
    assert_eq!(found(store, &before).await.map(|after| after.devices.len()), Some(3));
}

/// The invitations of a list whose creator's name begins with `prefix`, read one at a time.
async fn listed(
    store: &impl InvitationStore,
    index: InvitationIndex,
    created_by: &ExternalId,
    times: Option<TimeBound>,
) -> Vec<InvitationPosition> {
    let mut all = Vec::new();
    for shard in 0..SHARDS {
        let created_by = Some(created_by.clone());
        let mut query = InvitationQuery { index, shard, created_by, times, after: None, limit: 1 };
        loop {
            let page = store.list_invitations(&query).await.expect("a readable store");
            all.extend(page.found);
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
    }
    all.sort();
    all
}

/// A clause of the contract.
pub async fn invitations_are_listed_by_their_end_and_by_their_creator(
    store: &impl InvitationStore,
) {
    let [own, other] = ["lists-own", "lists-other"].map(user);
    let mut expected = Vec::new();
    for number in 0..40_u64 {
        let closes_at = at(number);
        let created_by = if number % 4 == 0 { other.clone() } else { own.clone() };
        let invitation = invitation(&format!("listed {number}"));
        let invitation = Invitation { closes_at, created_by, ..invitation };
        add(store, &invitation).await;
        if number % 4 != 0 {
            expected.push(InvitationPosition { at: closes_at, id: invitation.id });
        }
    }
    let index = InvitationIndex::ClosesAt;
    assert_eq!(listed(store, index, &own, None).await, expected);
    assert_eq!(listed(store, index, &other, None).await.len(), 10);
    for (times, is_within) in [
        (TimeBound::Before(at(10)), (|time| time < at(10)) as fn(SystemTime) -> bool),
        (TimeBound::After(at(10)), |time| time > at(10)),
    ] {
        let within = expected.iter().filter(|one| is_within(one.at)).cloned();
        assert_eq!(listed(store, index, &own, Some(times)).await, within.collect::<Vec<_>>());
    }
    // One that is being revoked is in the other list until it is revoked.
    let one = expected.first().expect("an invitation").clone();
    let revocation = InvitationRevocation {
        receipt: ReceiptId("receipt".to_owned()),
        by: own.clone(),
        reason: None,
        accepted_at: at(500),
        revoked_at: None,
    };
    let revoke = InvitationStep::Revoke(&revocation);
    let confirm = InvitationStep::ConfirmRevocation { at: at(501) };
    let (others, all) = (expected.get(1..).expect("more").to_vec(), expected);
    let began = InvitationPosition { at: at(500), id: one.id.clone() };
    for (step, by_end, revoking) in [(revoke, &others, vec![began]), (confirm, &all, vec![])] {
        let change = store.change_invitation(&one.id, &step).await.expect("a writable store");
        assert!(matches!(change, InvitationChange::Made(_)), "{change:?}");
        assert_eq!(listed(store, index, &own, None).await, *by_end);
        assert_eq!(listed(store, InvitationIndex::Revoking, &own, None).await, revoking);
    }
}

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
