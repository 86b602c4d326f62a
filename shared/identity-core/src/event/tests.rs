use super::*;
use crate::{
    ports::Clock,
    record::Record,
    testing::{ManualClock, record, user},
};

fn now() -> SystemTime {
    ManualClock::default().now()
}

/// So many seconds after the identity was created.
fn at(seconds: u64) -> SystemTime {
    now() + Duration::from_secs(seconds)
}

fn event(kind: EventKind, occurred_at: SystemTime) -> Event {
    let identity = IdentityRef::External(user("alice"));
    Event { kind, identity, occurred_at, id: "e".to_owned(), reason: None }
}

/// The record after `event`; as it was if that changed nothing.
fn after(seen: &Record, kind: EventKind, seconds: u64) -> Record {
    let receipt = ReceiptId("r".to_owned());
    match decide(Some(seen), &seen.external_id, &event(kind, at(seconds)), receipt, at(1000)) {
        Decision::Change(next) => *next,
        Decision::Finish | Decision::Wait | Decision::Nothing(_) => seen.clone(),
    }
}

fn active() -> Record {
    record("alice", State::active("8:acs:1"), now())
}

#[test]
fn r21_an_older_decision_that_comes_late_changes_nothing() {
    let enabled = after(&active(), EventKind::Enabled, 9);
    let late = after(&enabled, EventKind::Disabled, 5);
    assert_eq!(late.state, State::active("8:acs:1"), "not blocked");
    assert_eq!(late.revoked_through, Some(at(5)), "but its tokens die");
    let blocked = after(&active(), EventKind::Disabled, 9);
    assert_eq!(after(&blocked, EventKind::Enabled, 5), blocked);
}

#[test]
fn r21_at_the_very_same_time_a_block_wins_in_either_order() {
    let one = after(&after(&active(), EventKind::Disabled, 5), EventKind::Enabled, 5);
    let other = after(&after(&active(), EventKind::Enabled, 5), EventKind::Disabled, 5);
    for record in [one, other] {
        assert_eq!(record.state, State::blocked("8:acs:1"));
        assert_eq!(after(&record, EventKind::Disabled, 5), record, "and doubled it is the same");
    }
}

#[test]
fn r20_an_event_that_moves_the_watermark_revokes_and_its_double_does_not() {
    for kind in [EventKind::SignedOut, EventKind::CredentialsChanged, EventKind::Disabled] {
        let revoked = after(&active(), kind, 5);
        assert_eq!(revoked.revoked_through, Some(at(5)));
        assert!(revoked.pending_revocation.is_some());
        let confirmed = revoked.revocation_confirmed(at(6));
        assert_eq!(after(&confirmed, kind, 5), confirmed);
    }
}

#[test]
fn a_block_that_takes_effect_revokes_even_below_the_watermark() {
    let signed_out = after(&active(), EventKind::SignedOut, 9).revocation_confirmed(at(10));
    let blocked = after(&signed_out, EventKind::Disabled, 5);
    assert_eq!(blocked.state, State::blocked("8:acs:1"));
    assert!(blocked.pending_revocation.is_some(), "tokens issued since must die, too");
    assert_eq!(blocked.revoked_through, Some(at(9)));
}

#[test]
fn a_deletion_applies_to_an_identity_created_before_it() {
    assert_eq!(after(&active(), EventKind::Deleted, 1).state, State::deleting("8:acs:1"));
    assert_eq!(after(&active(), EventKind::Deleted, 0), active(), "not after it, nor with it");
    let receipt = ReceiptId("r".to_owned());
    let earlier = event(EventKind::Deleted, now());
    let decision = decide(Some(&active()), &user("alice"), &earlier, receipt, now());
    assert_eq!(decision, Decision::Nothing(Why::CreatedLater));
}

#[test]
fn events_about_somebody_never_seen_leave_what_later_ones_need_to_know() {
    for (kind, state) in [
        (EventKind::Disabled, State::Blocked { acs_id: None }),
        (EventKind::Enabled, State::Deleted),
        (EventKind::SignedOut, State::Deleted),
    ] {
        let receipt = ReceiptId("r".to_owned());
        let decision = decide(None, &user("alice"), &event(kind, at(5)), receipt, at(6));
        let Decision::Change(record) = decision else { panic!("{kind:?}: {decision:?}") };
        assert_eq!(record.state, state, "{kind:?}");
        let known = record.decided_at.or(record.revoked_through);
        assert_eq!(known, Some(at(5)), "{kind:?}");
    }
    let receipt = ReceiptId("r".to_owned());
    let deleted = decide(None, &user("alice"), &event(EventKind::Deleted, at(5)), receipt, at(6));
    assert_eq!(deleted, Decision::Nothing(Why::NoIdentity));
}

#[test]
fn what_was_recorded_and_not_confirmed_is_not_taken_for_done() {
    let receipt = ReceiptId("r".to_owned());
    let decide = |seen: &Record, kind| {
        decide(Some(seen), &seen.external_id, &event(kind, at(5)), receipt.clone(), at(6))
    };
    let pending = after(&active(), EventKind::Disabled, 5);
    assert_eq!(decide(&pending, EventKind::Disabled), Decision::Finish);
    let confirmed = pending.revocation_confirmed(at(6));
    assert_eq!(decide(&confirmed, EventKind::Disabled), Decision::Nothing(Why::NothingNew));
    let deleting = after(&active(), EventKind::Deleted, 5);
    assert_eq!(decide(&deleting, EventKind::Deleted), Decision::Finish);
}

#[test]
fn of_a_stuck_revocation_a_message_that_comes_again_is_somebody_who_looks() {
    let mut stuck = after(&active(), EventKind::Disabled, 5);
    for _ in 0..6 {
        stuck = stuck.attempt_failed(at(6));
    }
    assert!(matches!(stuck.state, State::Stuck { .. }));
    let again = after(&stuck, EventKind::Disabled, 5);
    assert_eq!(again.state, State::blocked("8:acs:1"), "it is begun anew");
    assert!(again.pending_revocation.is_some() && again.attempts == 0);
    let receipt = ReceiptId("r".to_owned());
    let older = event(EventKind::Enabled, at(1));
    let decision = decide(Some(&stuck), &stuck.external_id, &older, receipt, at(7));
    assert_eq!(decision, Decision::Nothing(Why::NothingNew), "and nothing is said to be finished");
}

#[test]
fn an_unblock_of_somebody_who_is_not_blocked_leaves_their_epoch_alone() {
    let enabled = after(&active(), EventKind::Enabled, 5);
    assert_eq!((enabled.epoch, enabled.decided_at), (1, Some(at(5))));
    let lease = crate::record::Lease { id: crate::record::LeaseId("l".to_owned()), ends: at(60) };
    let reserved = Record::reserved(&user("alice"), None, lease, now());
    let receipt = ReceiptId("r".to_owned());
    let event = event(EventKind::Enabled, at(5));
    let decision = decide(Some(&reserved), &user("alice"), &event, receipt, at(6));
    assert_eq!(decision, Decision::Wait, "whoever creates the identity keeps it");
}

#[test]
fn a_clock_that_is_ahead_hides_nothing_that_happens_next() {
    let mut fast = event(EventKind::SignedOut, at(240));
    fast.not_after(at(0));
    assert_eq!(fast.occurred_at, at(0));
    let mut past = event(EventKind::SignedOut, at(5));
    past.not_after(at(9));
    assert_eq!(past.occurred_at, at(5));
    let mut future = event(EventKind::SignedOut, at(301));
    future.not_after(at(0));
    assert_eq!(future.occurred_at, at(301), "still malformed");
}

#[test]
fn five_minutes_ahead_is_a_clock_and_more_is_the_future() {
    let ahead = |seconds| event(EventKind::Disabled, at(seconds)).is_from_the_future(now());
    assert!(!ahead(300));
    assert!(ahead(301));
}
