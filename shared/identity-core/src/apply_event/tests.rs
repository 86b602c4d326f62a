use std::time::{Duration, SystemTime};

use super::*;
use crate::{
    ABANDONED_AFTER,
    event::{EventKind, EventSource},
    identity::AccessToken,
    record::{Lease, LeaseId, Reason, Record, State, StateName},
    testing::{AcsCall, Loss, StoreCall, World, acs_id, event, user},
};

async fn apply(world: &World, event: &Event) -> Result<Effect, Error> {
    let invocation = world.invocation("message");
    let applied = apply_event(&world.store, &world.acs, &world.clock, event, &invocation).await;
    applied.map(|applied| applied.effect)
}

fn token(world: &World) -> AccessToken {
    world.acs.token_from_before(&acs_id("8:acs:1"))
}

fn soon(world: &World) -> SystemTime {
    world.clock.advance(Duration::from_mins(1));
    world.clock.now()
}

#[tokio::test]
async fn a_disabled_user_is_cut_off_and_the_record_says_by_whom() {
    let world = World::where_alice_is(State::active("8:acs:1"));
    let old = token(&world);
    let at = soon(&world);
    let effect = apply(&world, &event(EventKind::Disabled, at)).await.unwrap();
    assert_eq!(effect, Effect::Changed);
    assert!(!world.acs.is_alive(&old));
    let record = world.alice().unwrap();
    assert_eq!(record.state, State::blocked("8:acs:1"));
    assert_eq!((record.decisions.newest(), record.pending_revocation), (Some(at), None));
    assert_eq!(record.receipts[0].cause.by.as_str(), "user.disabled");
    assert_eq!(record.receipts[0].revoked_at, Some(world.clock.now()));
}

#[tokio::test]
async fn r20_the_same_event_again_asks_acs_nothing() {
    for kind in EventKind::ALL {
        let world = World::where_alice_is(State::active("8:acs:1"));
        let event = event(kind, soon(&world));
        assert_eq!(apply(&world, &event).await.unwrap(), Effect::Changed, "{kind:?}");
        let asked = world.acs.calls().len();
        for _ in 0..4 {
            let effect = apply(&world, &event).await.unwrap();
            assert!(matches!(effect, Effect::Nothing(_)), "{kind:?}: {effect:?}");
        }
        assert_eq!(world.acs.calls().len(), asked, "{kind:?}");
    }
}

#[tokio::test]
async fn a_disabled_event_before_the_first_token_call_blocks_it() {
    let world = World::with([]);
    apply(&world, &event(EventKind::Disabled, soon(&world))).await.unwrap();
    assert_eq!(world.alice().unwrap().state, State::Blocked { acs_id: None });
    assert_eq!(world.acs.calls(), []);
}

#[tokio::test]
async fn a_block_while_the_identity_is_being_created_takes_the_reservation_away() {
    let world = World::with([]);
    let ends = world.clock.now() + Duration::from_mins(9);
    let lease = Lease { id: LeaseId("other".to_owned()), ends };
    let reserved = Record::reserved(&user("alice"), None, lease, world.clock.now());
    world.store.advance(None, &reserved).await.unwrap();
    apply(&world, &event(EventKind::Disabled, soon(&world))).await.unwrap();
    assert_eq!(world.alice().unwrap().state, State::Blocked { acs_id: None });
}

#[tokio::test]
async fn enabled_lets_the_user_in_again_and_asks_acs_nothing() {
    let world = World::where_alice_is(State::blocked("8:acs:1"));
    apply(&world, &event(EventKind::Enabled, soon(&world))).await.unwrap();
    assert_eq!(world.alice().unwrap().state, State::active("8:acs:1"));
    assert_eq!(world.acs.calls(), []);
}

#[tokio::test]
async fn a_deleted_account_takes_its_identity_along() {
    let world = World::where_alice_is(State::active("8:acs:1"));
    apply(&world, &event(EventKind::Deleted, soon(&world))).await.unwrap();
    assert_eq!(world.acs.identities(), []);
    assert_eq!(world.alice().unwrap().state, State::Deleted);
}

#[tokio::test]
async fn an_event_can_name_the_identity_and_an_unknown_one_is_nobodys() {
    let world = World::where_alice_is(State::active("8:acs:1"));
    let named = |id| Event {
        identity: IdentityRef::Acs(acs_id(id)),
        ..event(EventKind::SignedOut, world.clock.now())
    };
    assert_eq!(apply(&world, &named("8:acs:1")).await.unwrap(), Effect::Changed);
    // The index may not contain the identity yet.
    assert!(matches!(apply(&world, &named("8:acs:2")).await, Err(Error::Busy { .. })));
    let unknown = named("8:acs:2");
    world.clock.advance(INDEX_LAG);
    let effect = apply(&world, &unknown).await.unwrap();
    assert_eq!(effect, Effect::Nothing(NoEffect::NoIdentity));
}

// With the tombstone passed over, the event is acknowledged, and alice gets her next token.
#[tokio::test]
async fn r58_an_event_about_a_deleted_identity_cuts_off_the_user_who_had_it() {
    let world = World::where_alice_is(State::active("8:acs:1"));
    let at = soon(&world);
    apply(&world, &event(EventKind::Deleted, at)).await.unwrap();
    let disabled =
        Event { identity: IdentityRef::Acs(acs_id("8:acs:1")), ..event(EventKind::Disabled, at) };
    assert_eq!(apply(&world, &disabled).await.unwrap(), Effect::Changed);
    assert!(world.alice().unwrap().state.is_blocked());
}

#[tokio::test]
async fn a_redriven_event_about_a_stuck_revocation_revokes() {
    let world = World::where_alice_is(State::active("8:acs:1"));
    let old = token(&world);
    let event = event(EventKind::Disabled, soon(&world));
    world.acs.fail(|_| Some(Error::AcsUnavailable { maybe_applied: false, source: "down".into() }));
    assert!(apply(&world, &event).await.is_err());
    world.records.meanwhile(|seen| {
        (0..6).fold(seen.clone(), |record, _| record.attempt_failed(seen.changed_at))
    });
    world.acs.fail(|_| None);
    assert_eq!(apply(&world, &event).await.unwrap(), Effect::Changed);
    assert!(!world.acs.is_alive(&old));
    let record = world.alice().unwrap();
    assert_eq!((record.state, record.pending_revocation), (State::blocked("8:acs:1"), None));
}

#[tokio::test]
async fn what_was_noted_is_not_lost_to_a_step_that_did_not_see_it() {
    let world = World::where_alice_is(State::active("8:acs:1"));
    let before = world.alice().unwrap();
    apply(&world, &event(EventKind::Enabled, soon(&world))).await.unwrap();
    let blind = before.revoked(&crate::testing::order("r", true, before.created_at), soon(&world));
    let refused = world.store.advance(Some(&before), &blind).await.unwrap();
    assert!(matches!(refused, Change::Refused(_)));
    let Some(_) = world.alice().unwrap().decisions.newest() else { panic!("the decision is gone") };
}

#[tokio::test]
async fn r62_an_event_is_in_the_audit_log_with_its_sender_and_its_reason() {
    let world = World::where_alice_is(State::active("8:acs:1"));
    let event = event(EventKind::Disabled, soon(&world));
    let event = Event { reason: Reason::parse("left"), ..event };
    apply(&world, &event).await.unwrap();
    let entry = AuditEntry {
        id: "message".to_owned(),
        at: world.clock.now(),
        user: user("alice"),
        by: Actor::Event { source: EventSource::Guestpass, id: "event-1".to_owned() },
        action: AuditAction::Event(EventKind::Disabled),
        identity: Some(acs_id("8:acs:1")),
        state: StateName::Blocked,
        reason: Reason::parse("left"),
    };
    assert_eq!(world.records.audit_log(), [entry]);
}

#[tokio::test]
async fn nothing_is_made_up_for_an_acs_id_that_nobody_has() {
    let world = World::with([]);
    let event = Event {
        identity: IdentityRef::Acs(acs_id("8:acs:2")),
        ..event(EventKind::SignedOut, world.clock.now())
    };
    world.clock.advance(Duration::from_mins(1));
    let effect = apply(&world, &event).await.unwrap();
    assert_eq!(effect, Effect::Nothing(NoEffect::NoIdentity));
}

#[tokio::test]
async fn an_event_from_the_future_is_refused_and_changes_nothing() {
    let world = World::where_alice_is(State::active("8:acs:1"));
    let at = world.clock.now() + Event::TOLERATED_SKEW + Duration::from_secs(1);
    let refused = apply(&world, &event(EventKind::Disabled, at)).await;
    assert!(matches!(refused, Err(Error::EventFromTheFuture)));
    let foreseen = foresee_event(&world.store, &world.clock, &event(EventKind::Disabled, at)).await;
    assert!(matches!(foreseen, Err(Error::EventFromTheFuture)));
    assert_eq!(world.alice().unwrap().state, State::active("8:acs:1"));
}

#[tokio::test]
async fn r13_if_acs_fails_the_event_fails_and_its_redelivery_finishes_it() {
    let world = World::where_alice_is(State::active("8:acs:1"));
    let old = token(&world);
    let event = event(EventKind::Disabled, soon(&world));
    let mut first = true;
    world.acs.fail(move |_| {
        std::mem::take(&mut first)
            .then(|| Error::AcsUnavailable { maybe_applied: false, source: "down".into() })
    });
    assert!(matches!(apply(&world, &event).await, Err(Error::AcsUnavailable { .. })));
    assert!(world.alice().unwrap().state.is_blocked(), "blocked from the first write on");
    // The author may still be alive; a redelivery arrives later.
    assert!(matches!(apply(&world, &event).await, Err(Error::Busy { .. })));
    assert!(world.acs.is_alive(&old));
    world.clock.advance(ABANDONED_AFTER);
    assert_eq!(apply(&world, &event).await.unwrap(), Effect::Finished);
    assert!(!world.acs.is_alive(&old));
    assert_eq!(world.alice().unwrap().pending_revocation, None);
}

#[tokio::test]
async fn a_crash_between_the_confirmed_and_the_noted_revocation_is_finished_by_the_redelivery() {
    let world = World::where_alice_is(State::active("8:acs:1"));
    let event = event(EventKind::SignedOut, soon(&world));
    let mut writes = 0;
    world.store.lose(move |call| {
        writes += u32::from(matches!(call, StoreCall::Advance(_)));
        (writes == 2).then_some(Loss::Request)
    });
    assert!(matches!(apply(&world, &event).await, Err(Error::StoreUnavailable(_))));
    world.store.lose(|_| None);
    world.clock.advance(ABANDONED_AFTER);
    assert_eq!(apply(&world, &event).await.unwrap(), Effect::Finished);
    assert_eq!(world.acs.calls(), [AcsCall::Revoke, AcsCall::Revoke]);
}

#[tokio::test]
async fn what_is_foreseen_is_what_is_done_and_foreseeing_changes_nothing() {
    for kind in EventKind::ALL {
        let world = World::where_alice_is(State::active("8:acs:1"));
        let event = event(kind, soon(&world));
        let before = world.records.records();
        let decision = foresee_event(&world.store, &world.clock, &event).await.unwrap();
        assert!(matches!(decision, EventDecision::Change(_)), "{kind:?}");
        assert_eq!(world.records.records(), before);
        assert_eq!(apply(&world, &event).await.unwrap(), Effect::Changed);
    }
}
