//! The clauses about invitations and guests.

#![expect(clippy::expect_used, reason = "a test may die")]

use std::time::{Duration, SystemTime};

use futures_util::future::join_all;

use super::at;
use crate::model::{
    ExternalId, Invitation, InvitationId, InvitationRevocation, InvitationStep, Reason, ReceiptId,
};
use crate::ports::{
    InvitationChange, InvitationIndex, InvitationPosition, InvitationQuery, InvitationStore,
    SHARDS, TimeBound,
};
use crate::testing::invitations::{
    closed, device_id, full, invitation, known, locked, revoked, revoking, with_pin,
};
use crate::testing::user;

pub(super) async fn add(store: &impl InvitationStore, invitation: &Invitation) {
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

/// A clause of the contract: also at one that no page of the list can end with, because the times of
/// the list have changed since, or the caller has made it up.
pub async fn a_list_of_invitations_begins_at_any_position(store: &impl InvitationStore) {
    let by = user("begins");
    let all = [10, 20, 30].map(|number| Invitation {
        closes_at: at(number),
        created_by: by.clone(),
        ..invitation(&format!("begins {number}"))
    });
    for invitation in &all {
        add(store, invitation).await;
    }
    let [before, after] = [TimeBound::Before(at(25)), TimeBound::After(at(15))];
    for (times, position, expected) in [
        (before, 1, 2),
        (before, 25, 0),
        (before, 40, 0),
        (after, 1, 2),
        (after, 15, 2),
        (after, 40, 0),
    ] {
        let mut found = Vec::new();
        for shard in 0..SHARDS {
            let id = InvitationId::parse(&"z".repeat(43)).expect("an ID");
            let query = InvitationQuery {
                index: InvitationIndex::ClosesAt,
                shard,
                created_by: Some(by.clone()),
                times: Some(times),
                after: Some(InvitationPosition { at: at(position), id }),
                limit: 100,
            };
            found.extend(store.list_invitations(&query).await.expect("a readable store").found);
        }
        assert_eq!(found.len(), expected, "{times:?} after {position}");
    }
}
