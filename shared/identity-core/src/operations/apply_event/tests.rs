use std::time::{Duration, SystemTime};

use super::*;
use crate::ABANDONED_AFTER;
use crate::model::{
    AccessToken, EventKind, EventSource, Lease, LeaseId, Reason, Record, State, StateName,
};
use crate::testing::{ClientCall, CoreFixture, Loss, StoreCall, acs_id, event, user};

async fn apply(fixture: &CoreFixture, event: &Event) -> Result<Effect, Error> {
    apply_with(fixture, event, &fixture.invocation("message")).await
}

async fn apply_with(
    fixture: &CoreFixture,
    event: &Event,
    invocation: &Invocation,
) -> Result<Effect, Error> {
    let applied =
        apply_event(&fixture.store, &fixture.acs, &fixture.clock, event, invocation).await;
    applied.map(|applied| applied.effect)
}

fn token(fixture: &CoreFixture) -> AccessToken {
    fixture.acs.token_from_before(&acs_id("8:acs:1"))
}

fn soon(fixture: &CoreFixture) -> SystemTime {
    fixture.clock.advance(Duration::from_mins(1));
    fixture.clock.now()
}

#[tokio::test]
async fn a_disabled_user_is_cut_off_and_the_record_says_by_whom() {
    let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
    let old = token(&fixture);
    let at = soon(&fixture);
    let effect = apply(&fixture, &event(EventKind::Disabled, at)).await.unwrap();
    assert_eq!(effect, Effect::Changed);
    assert!(!fixture.acs.is_alive(&old));
    let record = fixture.alice().unwrap();
    assert_eq!(record.state, State::blocked("8:acs:1"));
    assert_eq!((record.decisions.newest(), record.pending_revocation), (Some(at), None));
    assert_eq!(record.receipts[0].cause.by.as_str(), "user.disabled");
    assert_eq!(record.receipts[0].revoked_at, Some(fixture.clock.now()));
}

#[tokio::test]
async fn r20_the_same_event_again_asks_acs_nothing() {
    for kind in EventKind::ALL {
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        let event = event(kind, soon(&fixture));
        assert_eq!(apply(&fixture, &event).await.unwrap(), Effect::Changed, "{kind:?}");
        let asked = fixture.acs.calls().len();
        for _ in 0..4 {
            let effect = apply(&fixture, &event).await.unwrap();
            assert!(matches!(effect, Effect::Nothing(_)), "{kind:?}: {effect:?}");
        }
        assert_eq!(fixture.acs.calls().len(), asked, "{kind:?}");
    }
}

#[tokio::test]
async fn a_disabled_event_before_the_first_token_call_blocks_it() {
    let fixture = CoreFixture::with([]);
    apply(&fixture, &event(EventKind::Disabled, soon(&fixture))).await.unwrap();
    assert_eq!(fixture.alice().unwrap().state, State::Blocked { acs_id: None });
    assert_eq!(fixture.acs.calls(), []);
}

#[tokio::test]
async fn a_block_while_the_identity_is_being_created_takes_the_reservation_away() {
    let fixture = CoreFixture::with([]);
    let ends = fixture.clock.now() + Duration::from_mins(9);
    let lease = Lease { id: LeaseId("other".to_owned()), ends };
    let reserved = Record::reserved(&user("alice"), None, lease, fixture.clock.now());
    fixture.store.advance(None, &reserved).await.unwrap();
    apply(&fixture, &event(EventKind::Disabled, soon(&fixture))).await.unwrap();
    assert_eq!(fixture.alice().unwrap().state, State::Blocked { acs_id: None });
}

#[tokio::test]
async fn enabled_lets_the_user_in_again_and_asks_acs_nothing() {
    let fixture = CoreFixture::where_alice_is(State::blocked("8:acs:1"));
    apply(&fixture, &event(EventKind::Enabled, soon(&fixture))).await.unwrap();
    assert_eq!(fixture.alice().unwrap().state, State::active("8:acs:1"));
    assert_eq!(fixture.acs.calls(), []);
}

#[tokio::test]
async fn a_deleted_account_takes_its_identity_along() {
    let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
    apply(&fixture, &event(EventKind::Deleted, soon(&fixture))).await.unwrap();
    assert_eq!(fixture.acs.identities(), []);
    assert_eq!(fixture.alice().unwrap().state, State::Deleted);
}

#[tokio::test]
async fn an_event_can_name_the_identity_and_an_unknown_identity_has_no_user() {
    let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
    let named = |id| Event {
        identity: IdentityRef::Acs(acs_id(id)),
        ..event(EventKind::SignedOut, fixture.clock.now())
    };
    assert_eq!(apply(&fixture, &named("8:acs:1")).await.unwrap(), Effect::Changed);
    // The index may not contain the identity yet.
    assert!(matches!(apply(&fixture, &named("8:acs:2")).await, Err(Error::Busy { .. })));
    let unknown = named("8:acs:2");
    fixture.clock.advance(INDEX_LAG);
    let effect = apply(&fixture, &unknown).await.unwrap();
    assert_eq!(effect, Effect::Nothing(NoEffect::NoIdentity));
}

// With the tombstone passed over, the event is acknowledged, and alice gets her next token.
#[tokio::test]
async fn r58_an_event_about_a_deleted_identity_cuts_off_the_user_who_had_it() {
    let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
    let at = soon(&fixture);
    apply(&fixture, &event(EventKind::Deleted, at)).await.unwrap();
    let disabled =
        Event { identity: IdentityRef::Acs(acs_id("8:acs:1")), ..event(EventKind::Disabled, at) };
    assert_eq!(apply(&fixture, &disabled).await.unwrap(), Effect::Changed);
    assert!(fixture.alice().unwrap().state.is_blocked());
}

#[tokio::test]
async fn a_redriven_event_about_a_stuck_revocation_revokes() {
    let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
    let old = token(&fixture);
    let event = event(EventKind::Disabled, soon(&fixture));
    fixture
        .acs
        .fail(|_| Some(Error::AcsUnavailable { maybe_applied: false, source: "down".into() }));
    assert!(apply(&fixture, &event).await.is_err());
    fixture.records.meanwhile(|seen| {
        (0..6).fold(seen.clone(), |record, _| record.attempt_failed(seen.changed_at))
    });
    fixture.acs.fail(|_| None);
    assert_eq!(apply(&fixture, &event).await.unwrap(), Effect::Changed);
    assert!(!fixture.acs.is_alive(&old));
    let record = fixture.alice().unwrap();
    assert_eq!((record.state, record.pending_revocation), (State::blocked("8:acs:1"), None));
}

#[tokio::test]
async fn what_was_noted_is_not_lost_to_a_step_that_did_not_see_it() {
    let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
    let before = fixture.alice().unwrap();
    apply(&fixture, &event(EventKind::Enabled, soon(&fixture))).await.unwrap();
    let blind =
        before.revoked(&crate::testing::order("r", true, before.created_at), soon(&fixture));
    let refused = fixture.store.advance(Some(&before), &blind).await.unwrap();
    assert!(matches!(refused, Change::Refused(_)));
    let Some(_) = fixture.alice().unwrap().decisions.newest() else {
        panic!("the decision is gone")
    };
}

#[tokio::test]
async fn r62_an_event_is_in_the_audit_log_with_its_sender_and_its_reason() {
    let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
    let event = event(EventKind::Disabled, soon(&fixture));
    let event = Event { reason: Reason::parse("left"), ..event };
    apply(&fixture, &event).await.unwrap();
    let entry = AuditEntry {
        id: "message".to_owned(),
        at: fixture.clock.now(),
        user: user("alice"),
        by: Actor::Event { source: EventSource::Guestpass, id: "event-1".to_owned() },
        action: AuditAction::Event(EventKind::Disabled),
        identity: Some(acs_id("8:acs:1")),
        state: StateName::Blocked,
        reason: Reason::parse("left"),
    };
    assert_eq!(fixture.records.audit_log(), [entry]);
}

#[tokio::test]
async fn no_record_is_created_for_an_unknown_acs_id() {
    let fixture = CoreFixture::with([]);
    let event = Event {
        identity: IdentityRef::Acs(acs_id("8:acs:2")),
        ..event(EventKind::SignedOut, fixture.clock.now())
    };
    fixture.clock.advance(Duration::from_mins(1));
    let effect = apply(&fixture, &event).await.unwrap();
    assert_eq!(effect, Effect::Nothing(NoEffect::NoIdentity));
}

#[tokio::test]
async fn an_event_from_the_future_is_refused_and_changes_nothing() {
    let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
    let at = fixture.clock.now() + Event::TOLERATED_SKEW + Duration::from_secs(1);
    let refused = apply(&fixture, &event(EventKind::Disabled, at)).await;
    assert!(matches!(refused, Err(Error::EventFromTheFuture)));
    let foreseen =
        foresee_event(&fixture.store, &fixture.clock, &event(EventKind::Disabled, at)).await;
    assert!(matches!(foreseen, Err(Error::EventFromTheFuture)));
    assert_eq!(fixture.alice().unwrap().state, State::active("8:acs:1"));
}

#[tokio::test]
async fn r13_if_acs_fails_the_event_fails_and_its_redelivery_finishes_it() {
    let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
    let old = token(&fixture);
    let event = event(EventKind::Disabled, soon(&fixture));
    let mut first = true;
    fixture.acs.fail(move |_| {
        std::mem::take(&mut first)
            .then(|| Error::AcsUnavailable { maybe_applied: false, source: "down".into() })
    });
    assert!(matches!(apply(&fixture, &event).await, Err(Error::AcsUnavailable { .. })));
    assert!(fixture.alice().unwrap().state.is_blocked(), "blocked from the first write on");
    // The author may still be alive; a redelivery arrives later.
    assert!(matches!(apply(&fixture, &event).await, Err(Error::Busy { .. })));
    assert!(fixture.acs.is_alive(&old));
    fixture.clock.advance(ABANDONED_AFTER);
    assert_eq!(apply(&fixture, &event).await.unwrap(), Effect::Finished);
    assert!(!fixture.acs.is_alive(&old));
    assert_eq!(fixture.alice().unwrap().pending_revocation, None);
}

// A delivery that gives up at once comes again only after the queue's visibility timeout.
#[tokio::test]
async fn a_delivery_waits_two_seconds_for_another_one_that_is_at_work() {
    for is_finished in [true, false] {
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        let event = event(EventKind::SignedOut, soon(&fixture));
        fixture
            .acs
            .fail(|_| Some(Error::AcsUnavailable { maybe_applied: false, source: "slow".into() }));
        apply(&fixture, &event).await.unwrap_err();
        let (records, now, mut looks) = (fixture.records.clone(), fixture.clock.now(), 0);
        fixture.store.lose(move |call| {
            looks += u32::from(matches!(call, StoreCall::Find));
            if is_finished && looks == 3 {
                looks += 1;
                records.meanwhile(|seen| seen.revocation_confirmed(now));
            }
            None
        });
        let patient =
            Invocation { patience: Invocation::PATIENCE, ..fixture.invocation("second message") };
        let began = fixture.clock.now();
        let result = apply_with(&fixture, &event, &patient).await;
        let waited = fixture.clock.now().duration_since(began).unwrap();
        assert_eq!(fixture.acs.calls(), [ClientCall::Revoke], "only the other one asks ACS");
        if is_finished {
            assert!(matches!(result, Ok(Effect::Nothing(_))), "{result:?}");
        } else {
            assert!(matches!(result, Err(Error::Busy { .. })), "{result:?}");
            let second = Duration::from_secs(1);
            assert!((second..=2 * second).contains(&waited), "{waited:?}");
        }
    }
}

#[tokio::test]
async fn a_crash_between_the_confirmed_and_the_noted_revocation_is_finished_by_the_redelivery() {
    let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
    let event = event(EventKind::SignedOut, soon(&fixture));
    let mut writes = 0;
    fixture.store.lose(move |call| {
        writes += u32::from(matches!(call, StoreCall::Advance(_)));
        (writes == 2).then_some(Loss::Request)
    });
    assert!(matches!(apply(&fixture, &event).await, Err(Error::StoreUnavailable(_))));
    fixture.store.lose(|_| None);
    fixture.clock.advance(ABANDONED_AFTER);
    assert_eq!(apply(&fixture, &event).await.unwrap(), Effect::Finished);
    assert_eq!(fixture.acs.calls(), [ClientCall::Revoke, ClientCall::Revoke]);
}

#[tokio::test]
async fn what_is_foreseen_is_what_is_done_and_foreseeing_changes_nothing() {
    for kind in EventKind::ALL {
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        let event = event(kind, soon(&fixture));
        let before = fixture.records.records();
        let decision = foresee_event(&fixture.store, &fixture.clock, &event).await.unwrap();
        assert!(matches!(decision, EventDecision::Change(_)), "{kind:?}");
        assert_eq!(fixture.records.records(), before);
        assert_eq!(apply(&fixture, &event).await.unwrap(), Effect::Changed);
    }
}
