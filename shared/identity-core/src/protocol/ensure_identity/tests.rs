use super::*;
use crate::ABANDONED_AFTER;
use crate::model::{AccessToken, Bearer, CutOff, ReceiptId, Requester, StateName, TokenPace};
use crate::ports::OrphanStore;
use crate::testing::StoreCall::{self, Advance, Find, RecordUse};
use crate::testing::{ClientCall, CoreFixture, Loss, acs_id, an_hour, order, user};

async fn ensure_with_token(
    fixture: &CoreFixture,
    invocation: &Invocation,
) -> Result<EnsuredIdentity, Error> {
    // Issued later than every change in this test.
    let issued_at = Some(fixture.clock.now() + Duration::from_hours(1));
    let bearer = Bearer { issued_at, authenticated_at: None };
    let pace = TokenPace::per_minute(10).unwrap();
    ensure_as(fixture, Requester::User { bearer, pace }, invocation).await
}

async fn ensure_as(
    fixture: &CoreFixture,
    requester: Requester,
    invocation: &Invocation,
) -> Result<EnsuredIdentity, Error> {
    let (selector, token) = (IdentitySelector::Users(user("alice")), an_hour());
    let request = IdentityRequest {
        selector,
        token: Some(&token),
        resource: None,
        due_at: None,
        requester,
        invocation,
    };
    ensure_identity(&fixture.store, &fixture.acs, &fixture.clock, &request).await
}

async fn first_call(fixture: &CoreFixture) -> Result<EnsuredIdentity, Error> {
    ensure_with_token(fixture, &fixture.invocation("first")).await
}

fn token(ensured: &EnsuredIdentity) -> &AccessToken {
    ensured.token.as_ref().unwrap()
}

#[tokio::test]
async fn a_first_call_is_one_request_to_acs_and_two_writes() {
    let fixture = CoreFixture::with([]);
    let ensured = first_call(&fixture).await.unwrap();
    assert!(ensured.created);
    assert!(fixture.acs.is_alive(token(&ensured)));
    assert_eq!(fixture.acs.calls(), [ClientCall::CreateWithToken]);
    let writes = [Advance(StateName::Provisioning), Advance(StateName::Active)];
    assert_eq!(fixture.store.calls(), [&[Find][..], &writes].concat());
    assert_eq!(fixture.alice().unwrap().acs_id(), Some(&ensured.acs_id));
}

#[tokio::test]
async fn a_later_call_is_one_read_one_request_to_acs_and_one_write() {
    let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
    fixture.clock.advance(Duration::from_mins(1));
    let ensured = first_call(&fixture).await.unwrap();
    assert!(!ensured.created);
    assert!(fixture.acs.is_alive(token(&ensured)));
    assert_eq!(fixture.acs.calls(), [ClientCall::Issue]);
    assert_eq!(fixture.store.calls(), [Find, RecordUse]);
    assert_eq!(fixture.alice().unwrap().last_issued_at, fixture.clock.now());
}

#[tokio::test]
async fn a_user_who_was_deleted_gets_a_new_identity() {
    let fixture = CoreFixture::where_alice_is(State::Deleted);
    let ensured = first_call(&fixture).await.unwrap();
    assert!(ensured.created);
    assert_eq!(fixture.alice().unwrap().epoch, 2, "tokens of the old identity stay dead");
}

#[tokio::test]
async fn a_blocked_user_gets_nothing_and_acs_is_not_asked() {
    let fixture = CoreFixture::where_alice_is(State::blocked("8:acs:1"));
    fixture.clock.advance(ABANDONED_AFTER);
    assert!(matches!(first_call(&fixture).await, Err(Error::Blocked)));
    assert_eq!((fixture.acs.calls(), fixture.store.calls()), (vec![], vec![Find]));
}

#[tokio::test]
async fn r08_an_identity_on_its_way_out_gets_no_token_and_acs_is_not_asked() {
    let fixture = CoreFixture::where_alice_is(State::deleting("8:acs:1"));
    fixture.acs.issue_for_the_dead();
    assert!(matches!(first_call(&fixture).await, Err(Error::Busy { .. })));
    assert_eq!(fixture.acs.calls(), []);
}

#[tokio::test]
async fn a_deletion_its_author_died_in_is_finished_by_the_next_caller() {
    let fixture = CoreFixture::where_alice_is(State::deleting("8:acs:1"));
    fixture.clock.advance(Duration::from_secs(15));
    let ensured = first_call(&fixture).await.unwrap();
    assert!(ensured.created);
    assert_eq!(fixture.acs.calls(), [ClientCall::Delete, ClientCall::CreateWithToken]);
}

#[tokio::test]
async fn a_revocation_its_author_died_in_is_finished_before_a_token_is_issued() {
    let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
    let old = first_call(&fixture).await.unwrap();
    let recorded = fixture.alice().unwrap();
    let revoked = recorded.revoked(&order("r", false, fixture.clock.now()), fixture.clock.now());
    fixture.store.advance(Some(&recorded), &revoked).await.unwrap();
    assert!(
        matches!(first_call(&fixture).await, Err(Error::Busy { .. })),
        "its author may be alive"
    );
    fixture.clock.advance(Duration::from_secs(15));
    let new = first_call(&fixture).await.unwrap();
    assert!(!fixture.acs.is_alive(token(&old)));
    assert!(fixture.acs.is_alive(token(&new)));
    assert_eq!(fixture.alice().unwrap().pending_revocation, None);
}

#[tokio::test]
async fn a_block_its_author_died_in_is_finished_by_the_next_caller_and_refuses_them() {
    let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
    let old = first_call(&fixture).await.unwrap();
    let recorded = fixture.alice().unwrap();
    let blocked = recorded.revoked(&order("r", true, fixture.clock.now()), fixture.clock.now());
    fixture.store.advance(Some(&recorded), &blocked).await.unwrap();
    assert!(matches!(first_call(&fixture).await, Err(Error::Blocked)));
    assert!(fixture.acs.is_alive(token(&old)), "its author may be alive");
    fixture.clock.advance(Duration::from_secs(15));
    assert!(matches!(first_call(&fixture).await, Err(Error::Blocked)));
    assert!(!fixture.acs.is_alive(token(&old)));
    assert_eq!(fixture.alice().unwrap().pending_revocation, None);
}

#[tokio::test]
async fn a_reservation_whose_answer_was_lost_is_given_back() {
    let fixture = CoreFixture::with([]);
    fixture.store.lose(once(StateName::Provisioning, Loss::Answer));
    assert!(matches!(first_call(&fixture).await, Err(Error::StoreUnavailable(_))));
    assert_eq!(fixture.acs.calls(), []);
    assert!(first_call(&fixture).await.unwrap().created, "the next caller need not wait");
}

#[tokio::test]
async fn a_reservation_of_another_request_says_when_to_retry() {
    let fixture = CoreFixture::with([]);
    let ends = fixture.clock.now() + Duration::from_secs(7);
    let lease = Lease { id: LeaseId("other".to_owned()), ends };
    let reserved = Record::reserved(&user("alice"), None, lease, fixture.clock.now());
    fixture.store.advance(None, &reserved).await.unwrap();
    let busy = first_call(&fixture).await;
    assert!(matches!(busy, Err(Error::Busy { retry_after }) if retry_after.as_secs() == 7));
    assert_eq!(fixture.acs.calls(), []);
}

#[tokio::test]
async fn a_second_caller_waits_for_the_first_ones_identity() {
    let fixture = CoreFixture::with([]);
    let ends = fixture.clock.now() + Duration::from_secs(7);
    let lease = Lease { id: LeaseId("other".to_owned()), ends };
    let reserved = Record::reserved(&user("alice"), None, lease, fixture.clock.now());
    fixture.store.advance(None, &reserved).await.unwrap();
    fixture.acs.know(&acs_id("8:acs:1"));
    let records = fixture.records.clone();
    let mut looks = 0;
    fixture.store.lose(move |call| {
        // The third read finds the identity of the other request.
        looks += u32::from(call == Find);
        if looks == 3 {
            records.meanwhile(|seen| seen.activated(acs_id("8:acs:1"), None, seen.created_at));
        }
        None
    });
    let patient = Invocation { patience: Invocation::PATIENCE, ..fixture.invocation("second") };
    let ensured = ensure_with_token(&fixture, &patient).await.unwrap();
    assert_eq!(ensured.acs_id, acs_id("8:acs:1"));
    assert_eq!(fixture.acs.calls(), [ClientCall::Issue]);
    assert!(fixture.clock.elapsed() < Invocation::PATIENCE);
}

#[tokio::test]
async fn a_second_caller_waits_with_growing_pauses_and_two_seconds_less_than_it_has() {
    // The patience, the time left, and the sum of the pauses that fit.
    for (patience, left, waited) in [
        (0, 10_000, 0),
        (25, 10_000, 25),
        (74, 10_000, 25),
        (75, 10_000, 25 + 50),
        (2_000, 10_000, 25 + 50 + 100 + 200 + 4 * 400),
        (2_000, 3_000, 25 + 50 + 100 + 200 + 400),
    ] {
        let fixture = CoreFixture::with([]);
        let now = fixture.clock.now();
        let lease = Lease { id: LeaseId("other".to_owned()), ends: now + Duration::from_mins(1) };
        let reserved = Record::reserved(&user("alice"), None, lease, now);
        fixture.store.advance(None, &reserved).await.unwrap();
        let invocation = Invocation {
            patience: Duration::from_millis(patience),
            deadline: now + Duration::from_millis(left),
            ..fixture.invocation("second")
        };
        let busy = ensure_with_token(&fixture, &invocation).await;
        assert!(matches!(busy, Err(Error::Busy { .. })), "{busy:?}");
        assert_eq!(fixture.clock.elapsed(), Duration::from_millis(waited), "{patience} of {left}");
    }
}

#[tokio::test]
async fn r05_a_reservation_whose_owner_died_is_taken_over() {
    let fixture = CoreFixture::with([]);
    let lease = Lease { id: LeaseId("dead".to_owned()), ends: fixture.clock.now() };
    let reserved = Record::reserved(&user("alice"), None, lease, fixture.clock.now());
    fixture.store.advance(None, &reserved).await.unwrap();
    let ensured = first_call(&fixture).await.unwrap();
    assert!(ensured.created);
    assert_eq!(fixture.acs.identities(), [ensured.acs_id]);
}

#[tokio::test]
async fn r06_a_create_that_failed_is_not_repeated_and_the_place_is_given_back() {
    let fixture = CoreFixture::with([]);
    let mut first = true;
    fixture.acs.fail(move |_| {
        std::mem::take(&mut first)
            .then(|| Error::AcsUnavailable { maybe_applied: true, source: "no answer".into() })
    });
    assert!(matches!(first_call(&fixture).await, Err(Error::AcsUnavailable { .. })));
    assert_eq!(fixture.acs.calls(), [ClientCall::CreateWithToken]);
    assert_eq!(fixture.alice().unwrap().state, State::Deleted);
    assert!(first_call(&fixture).await.unwrap().created, "the next caller need not wait");
}

/// Loses one write of this state.
fn once(state: StateName, loss: Loss) -> impl FnMut(StoreCall) -> Option<Loss> {
    let mut first = true;
    move |call| (call == Advance(state) && std::mem::take(&mut first)).then_some(loss)
}

#[tokio::test]
async fn r03_if_the_store_fails_after_acs_created_the_identity_is_deleted_again() {
    let fixture = CoreFixture::with([]);
    fixture.store.lose(once(StateName::Active, Loss::Request));
    assert!(matches!(first_call(&fixture).await, Err(Error::StoreUnavailable(_))));
    assert_eq!(fixture.acs.calls(), [ClientCall::CreateWithToken, ClientCall::Delete]);
    assert_eq!(fixture.acs.identities(), []);
    assert_eq!(fixture.alice().unwrap().state, State::Deleted);
}

#[tokio::test]
async fn r04_a_write_whose_answer_is_lost_does_not_delete_a_live_identity() {
    let fixture = CoreFixture::with([]);
    fixture.store.lose(once(StateName::Active, Loss::Answer));
    let ensured = first_call(&fixture).await.unwrap();
    assert!(fixture.acs.is_alive(token(&ensured)));
    assert_eq!(fixture.acs.calls(), [ClientCall::CreateWithToken]);
}

#[tokio::test]
async fn r04_an_identity_that_was_revoked_after_a_lost_answer_is_not_deleted() {
    let fixture = CoreFixture::with([]);
    let records = fixture.records.clone();
    fixture.store.lose(move |call| match call {
        Advance(StateName::Active) => Some(Loss::Answer),
        Advance(StateName::Deleted) => {
            records.meanwhile(|seen| {
                seen.revoked(&order("r", false, seen.created_at), seen.created_at)
            });
            None
        }
        _ => None,
    });
    assert!(matches!(first_call(&fixture).await, Err(Error::Busy { .. })));
    assert_eq!(fixture.acs.calls(), [ClientCall::CreateWithToken]);
    assert_eq!(fixture.alice().unwrap().acs_id(), fixture.acs.identities().first());
}

#[tokio::test]
async fn r04_if_every_answer_is_lost_nothing_is_touched_and_the_identity_is_noted() {
    let fixture = CoreFixture::with([]);
    fixture.store.lose(|call| match call {
        Advance(StateName::Active) => Some(Loss::Answer),
        Advance(StateName::Deleted) => Some(Loss::Request),
        _ => None,
    });
    assert!(matches!(first_call(&fixture).await, Err(Error::StoreUnavailable(_))));
    assert_eq!(fixture.acs.calls(), [ClientCall::CreateWithToken], "and no delete");
    assert_eq!(fixture.alice().unwrap().acs_id(), fixture.acs.identities().first());
    let noted = fixture.records.orphans().await.unwrap();
    assert_eq!(fixture.acs.identities(), [noted[0].acs_id.clone()], "for the scheduled job");
}

#[tokio::test]
async fn a_block_that_meets_the_creation_leaves_nothing_behind() {
    let fixture = CoreFixture::with([]);
    let records = fixture.records.clone();
    fixture.acs.while_answering(move || {
        records.meanwhile(|seen| seen.revoked(&order("r", true, seen.created_at), seen.created_at));
    });
    assert!(matches!(first_call(&fixture).await, Err(Error::Blocked)));
    assert_eq!(fixture.acs.calls(), [ClientCall::CreateWithToken, ClientCall::Delete]);
    assert_eq!(fixture.acs.identities(), []);
}

#[tokio::test]
async fn r03_an_account_deleted_while_its_identity_is_created_gets_no_other_identity() {
    let fixture = CoreFixture::with([]);
    let records = fixture.records.clone();
    fixture.acs.while_answering(move || {
        records.meanwhile(|seen| {
            let cut = CutOff { not_before: seen.created_at, account_deleted_at: None };
            seen.cut_off(&cut, &ReceiptId("deletion".to_owned()), seen.created_at)
        });
    });
    assert!(matches!(first_call(&fixture).await, Err(Error::Busy { .. })));
    assert_eq!(fixture.acs.calls(), [ClientCall::CreateWithToken, ClientCall::Delete]);
    assert_eq!(fixture.acs.identities(), []);
}

#[tokio::test]
async fn r05_a_reservation_has_its_invocations_name_and_outlives_its_deadline() {
    let fixture = CoreFixture::with([]);
    let records = fixture.records.clone();
    let (sender, at_acs) = std::sync::mpsc::channel();
    fixture.acs.while_answering(move || sender.send(records.records()).unwrap());
    let invocation = fixture.invocation("first");
    ensure_with_token(&fixture, &invocation).await.unwrap();
    let lease = Lease {
        id: LeaseId("first#0".to_owned()),
        ends: invocation.deadline + Invocation::LEASE_MARGIN,
    };
    assert_eq!(at_acs.recv().unwrap()[0].state, State::Provisioning { lease });
}

#[tokio::test]
async fn r14_a_token_issued_around_a_revocation_is_dropped() {
    let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
    let records = fixture.records.clone();
    fixture.acs.while_answering(move || {
        records
            .meanwhile(|seen| seen.revoked(&order("r", false, seen.created_at), seen.created_at));
    });
    assert!(matches!(first_call(&fixture).await, Err(Error::Busy { .. })));
}

/// A call with a bearer token issued at `issued_at`.
async fn call_with(
    fixture: &CoreFixture,
    issued_at: Option<SystemTime>,
) -> Result<EnsuredIdentity, Error> {
    let bearer = Bearer { issued_at, authenticated_at: None };
    let requester = Requester::User { bearer, pace: None };
    ensure_as(fixture, requester, &fixture.invocation("call")).await
}

#[tokio::test]
async fn r58_a_bearer_from_before_a_sign_out_gets_no_token_and_makes_no_identity() {
    for state in [State::active("8:acs:1"), State::Deleted] {
        let fixture = CoreFixture::where_alice_is(state);
        let now = fixture.clock.now();
        fixture.records.meanwhile(|seen| Record { not_before: Some(now), ..seen.clone() });
        for issued_at in [Some(now), Some(now - Duration::from_mins(1)), None] {
            let refused = call_with(&fixture, issued_at).await;
            assert!(matches!(refused, Err(Error::SignInRequired)), "{issued_at:?}");
        }
        assert_eq!(fixture.acs.calls(), []);
        let later = now + Duration::from_secs(1);
        assert!(call_with(&fixture, Some(later)).await.is_ok());
    }
}

#[tokio::test]
async fn r84_the_pace_is_kept_with_the_use_and_a_paced_call_asks_acs_nothing() {
    let fixture = CoreFixture::with([]);
    let mut answers = Vec::new();
    for _ in 0..100 {
        answers.push(first_call(&fixture).await.is_ok());
    }
    assert_eq!(answers.iter().filter(|answer| **answer).count(), 6);
    assert_eq!(fixture.acs.calls().len(), 6, "the first of them with the identity");
    let writes = fixture.store.calls().iter().filter(|call| **call != Find).count();
    assert_eq!(writes, 7, "two for the first call and one for each of five others");
}

#[tokio::test]
async fn r62_a_token_that_an_administrator_gets_is_in_the_audit_log() {
    let fixture = CoreFixture::with([]);
    let root = || Requester::Administrator { id: user("root") };
    for invocation in ["first", "second"] {
        ensure_as(&fixture, root(), &fixture.invocation(invocation)).await.unwrap();
    }
    let actions: Vec<_> =
        fixture.records.audit_log().into_iter().map(|entry| entry.action).collect();
    assert_eq!(actions, [AuditAction::CreateIdentity, AuditAction::IssueToken]);
    first_call(&fixture).await.unwrap();
    assert_eq!(fixture.records.audit_log().len(), 2, "a user's own call is not");
}
