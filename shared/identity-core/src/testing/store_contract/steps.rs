//! The clauses about steps and uses: when they are written, refused and merged.

use super::{active, advance, at, find, put};
use crate::model::{Active, EventSource, Origin, ReceiptId, Record, State};
use crate::ports::{Change, IdentityStore, Step, Usage};
use crate::testing::{acs_id, order, record, user};

/// A clause of the contract.
pub async fn a_write_that_was_sent_twice_is_made_not_refused(store: &impl IdentityStore) {
    let first = active("twice");
    put(store, &first).await;
    put(store, &first).await;
    let next = first.revoked(&order("r1", true, at(1)), at(1));
    for _ in 0..2 {
        assert_eq!(advance(store, Some(&first), &next).await, Change::Made(next.clone()));
    }
    let other = first.revoked(&order("r2", true, at(1)), at(1));
    assert_eq!(advance(store, Some(&first), &other).await, Change::Refused(Some(next)));
}

/// A clause of the contract.
pub async fn a_step_needs_the_state_and_the_epoch_it_saw(store: &impl IdentityStore) {
    let current = Record { epoch: 5, ..active("seen") };
    put(store, &current).await;
    let stale = Record { epoch: 4, ..current.clone() };
    let next = stale.released(at(1));
    let refused = Change::Refused(Some(current.clone()));
    assert_eq!(advance(store, Some(&stale), &next).await, refused);
    let elsewhere = Record { state: State::Deleted, ..current.clone() };
    let next = elsewhere.revoked(&order("r", true, at(1)), at(1));
    assert_eq!(advance(store, Some(&elsewhere), &next).await, refused);
    assert_eq!(find(store, &current.external_id).await, Some(current));
}

/// A clause of the contract.
pub async fn a_step_keeps_a_use_it_has_not_seen(store: &impl IdentityStore) {
    let seen = active("used-meanwhile");
    put(store, &seen).await;
    let identity = Active { acs_id: acs_id("8:acs:res_used-meanwhile"), epoch: 1 };
    let used = store.record_use(&seen.external_id, &identity, &Usage::at(at(60))).await;
    assert!(matches!(used, Ok(Change::Made(_))));
    let next = seen.revoked(&order("r", false, at(61)), at(61));
    let expected = Record { last_issued_at: at(60), ..next.clone() };
    for attempt in ["first", "sent twice"] {
        let made = Change::Made(expected.clone());
        assert_eq!(advance(store, Some(&seen), &next).await, made, "{attempt}");
    }
}

/// A clause of the contract.
pub async fn a_use_is_recorded_only_for_the_identity_and_the_epoch_seen(
    store: &impl IdentityStore,
) {
    let current = Record { epoch: 3, ..active("use") };
    let blocked =
        record("use-blocked", State::Blocked { acs_id: current.acs_id().cloned() }, at(0));
    put(store, &current).await;
    put(store, &blocked).await;
    let id = acs_id("8:acs:res_use");
    let right = Active { acs_id: id.clone(), epoch: 3 };
    for (name, seen) in [
        ("use", Active { acs_id: id.clone(), epoch: 2 }),
        ("use", Active { acs_id: acs_id("8:acs:res_other"), epoch: 3 }),
        ("use-blocked", Active { acs_id: id, epoch: 1 }),
        ("use-unknown", right.clone()),
    ] {
        let before = find(store, &user(name)).await;
        let refused = store.record_use(&user(name), &seen, &Usage::at(at(9))).await;
        assert!(matches!(refused, Ok(Change::Refused(found)) if found == before), "{name}");
        assert_eq!(find(store, &user(name)).await, before, "{name}");
    }
    let used = Record { last_issued_at: at(9), ..current.clone() };
    let made = store.record_use(&current.external_id, &right, &Usage::at(at(9))).await;
    assert!(matches!(made, Ok(Change::Made(record)) if record == used));
    assert_eq!(find(store, &current.external_id).await, Some(used));
}

/// A clause of the contract.
pub async fn a_step_that_saw_no_token_since_the_revocation_is_refused_by_one(
    store: &impl IdentityStore,
) {
    let seen = Record { tokens_revoked: true, ..active("calm") };
    put(store, &seen).await;
    let next = seen.revoked(&order("r", false, at(61)), at(61));
    assert_eq!(next.pending_revocation, None, "there is nothing to revoke");
    let identity = Active { acs_id: acs_id("8:acs:res_calm"), epoch: 1 };
    let used = store.record_use(&seen.external_id, &identity, &Usage::at(at(60))).await;
    let expected = Record { tokens_revoked: false, last_issued_at: at(60), ..seen.clone() };
    assert!(matches!(used, Ok(Change::Made(record)) if record == expected));
    let refused = Change::Refused(Some(expected));
    assert_eq!(advance(store, Some(&seen), &next).await, refused);
}

/// A clause of the contract: the SDK sends a write again if the response was late.
pub async fn a_confirmation_that_is_sent_twice_does_not_hide_a_token(store: &impl IdentityStore) {
    let carol = active("confirmed-twice");
    put(store, &carol).await;
    let revoked = carol.revoked(&order("receipt", false, at(1)), at(1));
    assert_eq!(advance(store, Some(&carol), &revoked).await, Change::Made(revoked.clone()));
    let confirmed = revoked.revocation_confirmed(at(2));
    assert_eq!(advance(store, Some(&revoked), &confirmed).await, Change::Made(confirmed.clone()));

    let seen = Active { acs_id: acs_id("8:acs:res_confirmed-twice"), epoch: confirmed.epoch };
    let used = store.record_use(&carol.external_id, &seen, &Usage::at(at(3))).await;
    assert!(matches!(used, Ok(Change::Made(_))), "{used:?}");
    assert!(matches!(advance(store, Some(&revoked), &confirmed).await, Change::Refused(Some(_))));
    let found = find(store, &carol.external_id).await;
    assert!(found.is_some_and(|found| !found.tokens_revoked), "a token was issued since");
}

/// A clause of the contract.
pub async fn a_failed_attempt_that_is_sent_twice_counts_once(store: &impl IdentityStore) {
    let carol = active("failed-twice");
    put(store, &carol).await;
    let revoked = carol.revoked(&order("receipt", false, at(1)), at(1));
    assert_eq!(advance(store, Some(&carol), &revoked).await, Change::Made(revoked.clone()));
    let failed = revoked.attempt_failed(at(2));
    let failed_again = failed.attempt_failed(at(3));
    assert_eq!(advance(store, Some(&revoked), &failed).await, Change::Made(failed.clone()));
    assert_eq!(
        advance(store, Some(&failed), &failed_again).await,
        Change::Made(failed_again.clone())
    );
    assert_eq!(advance(store, Some(&revoked), &failed).await, Change::Refused(Some(failed_again)));
}

/// A clause of the contract.
pub async fn a_step_that_has_not_seen_a_decision_is_refused(store: &impl IdentityStore) {
    let seen = active("decided");
    let seen = seen.unblocked(Origin::ADMINISTRATOR, at(9), at(9));
    put(store, &seen).await;
    // Older than the newest decision, so that only the count of changes differs.
    let noted = seen.unblocked(EventSource::Cognito.origin(), at(5), at(10));
    assert_eq!(advance(store, Some(&seen), &noted).await, Change::Made(noted.clone()));
    let blind = seen.unblocked(EventSource::Okta.origin(), at(7), at(11));
    assert_eq!(advance(store, Some(&seen), &blind).await, Change::Refused(Some(noted)));
}

/// A clause of the contract.
pub async fn a_use_keeps_the_pace_and_a_step_keeps_it_too(store: &impl IdentityStore) {
    let seen = active("paced");
    put(store, &seen).await;
    let identity = Active { acs_id: acs_id("8:acs:res_paced"), epoch: 1 };
    for (usage, pace_until) in [
        (Usage { pace_until: Some(at(70)), ..Usage::at(at(60)) }, Some(at(70))),
        (Usage::at(at(60)), Some(at(70))),
    ] {
        let used = store.record_use(&seen.external_id, &identity, &usage).await;
        let expected = Record { last_issued_at: at(60), pace_until, ..seen.clone() };
        assert!(matches!(used, Ok(Change::Made(record)) if record == expected));
    }
    let next = seen.revoked(&order("r", false, at(61)), at(61));
    let expected = Record { last_issued_at: at(60), pace_until: Some(at(70)), ..next.clone() };
    assert_eq!(advance(store, Some(&seen), &next).await, Change::Made(expected));
}

/// A clause of the contract.
#[expect(clippy::expect_used, reason = "a test may die")]
pub async fn a_step_that_forbids_use_is_refused_by_a_use(store: &impl IdentityStore) {
    let seen = active("unless-used");
    put(store, &seen).await;
    let next = seen
        .marked_for_deletion(&ReceiptId("d".to_owned()), at(90))
        .expect("an identity to delete");
    let identity = Active { acs_id: acs_id("8:acs:res_unless-used"), epoch: 1 };
    let used = store.record_use(&seen.external_id, &identity, &Usage::at(at(60))).await;
    assert!(matches!(used, Ok(Change::Made(_))));
    let used = Record { last_issued_at: at(60), ..seen.clone() };
    let refused = store.commit(Step::new(Some(&seen), &next).unless_used()).await;
    assert_eq!(refused.expect("a writable store"), Change::Refused(Some(used.clone())));
    let next = used
        .marked_for_deletion(&ReceiptId("d".to_owned()), at(90))
        .expect("an identity to delete");
    for attempt in ["first", "sent twice"] {
        let made = store.commit(Step::new(Some(&used), &next).unless_used()).await;
        assert_eq!(made.expect("a writable store"), Change::Made(next.clone()), "{attempt}");
    }
}
