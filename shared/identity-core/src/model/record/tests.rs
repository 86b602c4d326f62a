use std::time::Duration;

use super::*;
use crate::ports::Clock;
use crate::testing::{ManualClock, acs_id, order, record, user};

fn now() -> SystemTime {
    ManualClock::default().now()
}

fn by() -> ReceiptId {
    ReceiptId("deletion".to_owned())
}

fn later(seconds: u64) -> SystemTime {
    now() + Duration::from_secs(seconds)
}

fn alice(state: State) -> Record {
    record("alice", state, now())
}

/// A record in which every field differs from what a step writes.
fn full(state: State) -> Record {
    let decision = BlockDecision { at: later(1), blocks: false };
    Record {
        resource: ResourceName::MAIN,
        external_id: user("alice"),
        state,
        epoch: 7,
        last_acs_id: Some(acs_id("8:acs:0")),
        created_at: later(2),
        last_issued_at: later(3),
        changed_at: later(4),
        decisions: Decisions::default().with(Origin::ADMINISTRATOR, decision),
        revoked_through: Watermarks::default().with(Origin::ADMINISTRATOR, later(5)),
        not_before: Some(later(6)),
        account_deleted_at: Some(later(7)),
        pending_revocation: Some(ReceiptId("begun".to_owned())),
        tokens_revoked: true,
        attempts: 3,
        pace_until: Some(later(8)),
        sign_out_pace_until: Some(later(9)),
        due_at: None,
        receipts: vec![receipt("begun", false)],
    }
}

/// The receipt of an [`order`] in the epoch of [`full`].
fn receipt(id: &str, blocked: bool) -> Receipt {
    Receipt {
        id: ReceiptId(id.to_owned()),
        identity: Some(acs_id("8:acs:1")),
        epoch: 7,
        blocked,
        cause: Cause::of(By::administrator(&user("root"))),
        accepted_at: later(4),
        revoked_at: None,
    }
}

#[test]
fn each_step_of_an_identitys_life_writes_its_own_fields_and_keeps_all_others() {
    let now = later(60);
    let lease = Lease { id: LeaseId("l".to_owned()), ends: later(70) };
    let provisioning = State::Provisioning { lease: lease.clone() };
    let deleted = full(State::Deleted);
    assert_eq!(
        Record::reserved(&user("alice"), Some(&deleted), lease, now),
        Record {
            state: provisioning.clone(),
            epoch: 8,
            created_at: now,
            last_issued_at: now,
            changed_at: now,
            pending_revocation: None,
            tokens_revoked: false,
            attempts: 0,
            ..deleted
        }
    );

    let reserved = full(provisioning);
    assert_eq!(
        reserved.activated(acs_id("8:acs:1"), Some(later(90)), now),
        Record {
            state: State::active("8:acs:1"),
            last_issued_at: now,
            pace_until: Some(later(90)),
            ..reserved.clone()
        }
    );
    let released = Record {
        state: State::Deleted,
        epoch: 8,
        changed_at: now,
        pending_revocation: None,
        attempts: 0,
        ..reserved.clone()
    };
    assert_eq!(reserved.released(now), released);

    let active = full(State::active("8:acs:1"));
    let deleting = Record {
        state: State::deleting("8:acs:1"),
        epoch: 8,
        changed_at: now,
        pending_revocation: Some(by()),
        attempts: 0,
        ..active.clone()
    };
    assert_eq!(active.marked_for_deletion(&by(), now), Some(deleting.clone()));
    let cut = CutOff { not_before: later(50), account_deleted_at: Some(later(51)) };
    assert_eq!(
        active.cut_off(&cut, &by(), now),
        Record {
            not_before: Some(later(50)),
            account_deleted_at: Some(later(51)),
            ..deleting.clone()
        }
    );

    let confirmed = Receipt { revoked_at: Some(later(61)), ..receipt("begun", false) };
    assert_eq!(
        deleting.deletion_confirmed(later(61)),
        Record {
            state: State::Deleted,
            epoch: 9,
            last_acs_id: Some(acs_id("8:acs:1")),
            changed_at: later(61),
            pending_revocation: None,
            receipts: vec![confirmed],
            ..deleting
        }
    );
}

#[test]
fn each_step_of_a_revocation_writes_its_own_fields_and_keeps_all_others() {
    let now = later(60);
    let active = Record { tokens_revoked: false, ..full(State::active("8:acs:1")) };
    let mut order = order("r", true, later(50));
    order.sign_out_pace_until = Some(later(90));
    let blocked = Record {
        state: State::blocked("8:acs:1"),
        epoch: 8,
        changed_at: now,
        decisions: active
            .decisions
            .with(Origin::ADMINISTRATOR, BlockDecision { at: later(50), blocks: true }),
        revoked_through: active.revoked_through.with(Origin::ADMINISTRATOR, later(50)),
        not_before: Some(later(50)),
        pending_revocation: Some(ReceiptId("r".to_owned())),
        attempts: 0,
        sign_out_pace_until: Some(later(90)),
        due_at: None,
        receipts: vec![
            receipt("begun", false),
            Receipt { epoch: 8, accepted_at: now, ..receipt("r", true) },
        ],
        ..active.clone()
    };
    assert_eq!(active.revoked(&order, now), blocked);

    let failed = Record { attempts: 4, changed_at: now, ..active.clone() };
    assert_eq!(active.attempt_failed(now), failed);
    let taken_up =
        Record { epoch: 8, changed_at: now, pending_revocation: Some(by()), ..active.clone() };
    assert_eq!(active.taken_up(&by(), now), taken_up);
    let confirmed = Receipt { revoked_at: Some(now), ..receipt("begun", false) };
    assert_eq!(
        active.revocation_confirmed(now),
        Record {
            pending_revocation: None,
            tokens_revoked: true,
            attempts: 0,
            receipts: vec![confirmed],
            ..active
        }
    );

    let decision = BlockDecision { at: later(61), blocks: false };
    assert_eq!(
        blocked.unblocked(Origin::ADMINISTRATOR, later(61), later(62)),
        Record {
            state: State::active("8:acs:1"),
            epoch: 9,
            changed_at: later(62),
            decisions: blocked.decisions.with(Origin::ADMINISTRATOR, decision),
            ..blocked
        }
    );
}

#[test]
fn r44_the_times_of_decisions_never_go_back() {
    let blocked = alice(State::active("8:acs:1")).revoked(&order("r1", true, later(9)), now());
    let older = blocked.revoked(&order("r2", true, later(3)), later(10));
    assert_eq!(
        (older.decisions.newest(), older.revoked_through.newest()),
        (Some(later(9)), Some(later(9)))
    );
    assert_eq!(
        older.unblocked(Origin::ADMINISTRATOR, later(3), later(11)).decisions.newest(),
        Some(later(9))
    );
}

#[test]
fn a_revocation_without_a_block_decides_nothing_about_blocking() {
    let revoked = alice(State::blocked("8:acs:1")).revoked(&order("r", false, later(1)), now());
    assert_eq!(revoked.decisions.newest(), None);
    assert!(revoked.state.is_blocked());
    assert!(revoked.receipts[0].blocked, "the receipt says how things are");
}

#[test]
fn unblocking_leaves_what_was_begun_to_be_finished() {
    let blocked = alice(State::active("8:acs:1")).revoked(&order("r", true, now()), now());
    let unblocked = blocked.unblocked(Origin::ADMINISTRATOR, later(1), later(1));
    assert_eq!(unblocked.state, State::active("8:acs:1"));
    assert_eq!(unblocked.pending_revocation, blocked.pending_revocation);
    assert!(unblocked.epoch > blocked.epoch);
}

#[test]
fn unblocking_a_user_without_an_identity_leaves_a_tombstone() {
    let unseen = Record::unseen(&crate::testing::user("alice"), now());
    let blocked = unseen.revoked(&order("r", true, now()), now());
    assert_eq!(blocked.state, State::Blocked { acs_id: None });
    let unblocked = blocked.unblocked(Origin::ADMINISTRATOR, later(1), later(1));
    assert_eq!((unblocked.state, unblocked.decisions.newest()), (State::Deleted, Some(later(1))));
}

#[test]
fn a_new_identity_does_not_forget_what_was_decided_about_its_user() {
    let gone = alice(State::active("8:acs:1")).revoked(&order("r", false, later(5)), now());
    let gone = gone.marked_for_deletion(&by(), later(6)).unwrap().deletion_confirmed(later(7));
    let lease = Lease { id: LeaseId("l".to_owned()), ends: later(30) };
    let fresh = Record::reserved(&gone.external_id, Some(&gone), lease, later(10));
    assert_eq!(fresh.revoked_through.newest(), Some(later(5)));
    assert_eq!(fresh.receipts.len(), 1);
    assert_eq!(fresh.created_at, later(10));
}

#[test]
fn a_receipt_is_confirmed_when_acs_confirms_it_or_a_later_one() {
    let first = alice(State::active("8:acs:1")).revoked(&order("r1", false, later(1)), later(1));
    let second = first.revoked(&order("r2", false, later(2)), later(2));
    assert!(second.receipts.iter().all(|receipt| receipt.revoked_at.is_none()));
    let confirmed = second.revocation_confirmed(later(3));
    assert!(confirmed.receipts.iter().all(|receipt| receipt.revoked_at == Some(later(3))));
    let used = Record { tokens_revoked: false, ..confirmed };
    let third = used.revoked(&order("r3", false, later(4)), later(4));
    let gone = third.marked_for_deletion(&by(), later(5)).unwrap().deletion_confirmed(later(6));
    let times: Vec<_> = gone.receipts.iter().map(|receipt| receipt.revoked_at).collect();
    assert_eq!(times, [Some(later(3)), Some(later(3)), Some(later(6))]);
}

#[test]
fn r62_a_users_own_sign_outs_displace_no_receipt_of_others() {
    let own = |index: u64| RevocationOrder {
        cause: Cause::of(By::User),
        ..order(&format!("own-{index}"), false, later(index))
    };
    let mut record = alice(State::active("8:acs:1"));
    let others = ["r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8"];
    for receipt in others {
        record = record.revoked(&order(receipt, true, now()), now());
    }
    for index in 0..12 {
        record = record.revoked(&own(index), later(index));
    }
    let kept: Vec<_> = record.receipts.iter().map(|receipt| receipt.id.0.as_str()).collect();
    assert_eq!(kept, [&others[..], &["own-9", "own-10", "own-11"]].concat());
}

#[test]
fn a_record_keeps_the_last_ten_receipts() {
    let mut record = alice(State::active("8:acs:1"));
    for index in 0..12 {
        record = record.revoked(&order(&format!("r{index}"), false, later(index)), later(index));
    }
    let kept: Vec<_> = record.receipts.iter().map(|receipt| receipt.id.0.as_str()).collect();
    assert_eq!(kept, ["r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11"]);
}

#[test]
fn r35_after_six_failures_the_work_is_stuck_until_a_request_starts_it_again() {
    for (begun, unfinished) in [
        (State::deleting("8:acs:1"), Unfinished::Deletion),
        (State::active("8:acs:1"), Unfinished::Revocation),
    ] {
        let mut record = alice(begun.clone());
        for attempt in 1..=5 {
            record = record.attempt_failed(later(attempt));
            assert_eq!(record.state, begun, "after {attempt}");
        }
        record = record.attempt_failed(later(6));
        let acs_id = acs_id("8:acs:1");
        assert_eq!(record.state, State::Stuck { acs_id, blocked: false, unfinished });
        let revoked = record.revoked(&order("r", false, later(7)), later(7));
        assert_eq!((revoked.state, revoked.attempts), (begun, 0));
        let deleting = record.marked_for_deletion(&by(), later(7)).unwrap();
        assert_eq!((deleting.state, deleting.attempts), (State::deleting("8:acs:1"), 0));
    }
}

#[test]
fn a_user_who_is_blocked_stays_so_through_stuck_and_back() {
    let mut record = alice(State::blocked("8:acs:1")).marked_for_deletion(&by(), now()).unwrap();
    for _ in 0..6 {
        record = record.attempt_failed(now());
    }
    assert!(record.state.is_blocked());
    let deleted = record.marked_for_deletion(&by(), now()).unwrap().deletion_confirmed(now());
    assert_eq!(deleted.state, State::Blocked { acs_id: None });
}

#[test]
fn a_tombstone_knows_whose_it_was_and_so_does_the_next_identity() {
    let marked = alice(State::active("8:acs:1")).marked_for_deletion(&by(), now()).unwrap();
    let tombstone = marked.deletion_confirmed(later(1));
    assert_eq!(
        (tombstone.acs_id(), tombstone.last_acs_id.clone()),
        (None, Some(acs_id("8:acs:1")))
    );
    let lease = Lease { id: LeaseId("l".to_owned()), ends: later(9) };
    let reserved = Record::reserved(&tombstone.external_id, Some(&tombstone), lease, later(2));
    let next = reserved.activated(acs_id("8:acs:2"), None, later(3));
    assert_eq!(next.last_acs_id, Some(acs_id("8:acs:1")));
}

#[test]
fn every_state_has_a_name_and_reads_back_from_it() {
    for name in ["provisioning", "active", "blocked", "deleting", "stuck", "deleted"] {
        assert_eq!(StateName::parse(name).map(StateName::as_str), Some(name));
    }
    assert_eq!(StateName::parse("gone"), None);
}
