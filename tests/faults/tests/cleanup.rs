//! Every order in which the scheduled cleanup, a user and a second cleanup may meet, with the real
//! use cases. Each test has a counterpart that omits a part of the protocol, and finds bad orders.
#![expect(clippy::unwrap_used, reason = "a test may die")]

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::{Duration, SystemTime},
};

use faults::{Part, Task, Without, Yielding, every_interleaving};
use identity_core::{
    audit::Actor,
    delete_stale_identities::{StaleOutcome, delete_if_unused_since},
    identity::{AccessToken, AcsId},
    issue_access_token::{IssueAccessTokenRequest, IssuedToken, issue_access_token},
    ports::{Clock, IdentityStore as _},
    record::{Record, State, StateName},
    testing::{ClientCall, CoreFixture, ManualClock, an_hour, caller, invocation, record, user},
};

type Fates = Rc<RefCell<Vec<StaleOutcome>>>;
type Tokens = Rc<RefCell<Vec<IssuedToken>>>;

fn now() -> SystemTime {
    ManualClock::default().now()
}

/// Alice, who was not seen for a hundred days.
fn stale() -> CoreFixture {
    let last_issued_at = now() - Duration::from_hours(100 * 24);
    CoreFixture::with([Record {
        last_issued_at,
        ..record("alice", State::active("8:acs:1"), last_issued_at)
    }])
}

fn cleanup(name: &'static str, without: Part, fixture: &CoreFixture, fates: &Fates) -> Task {
    let store = Yielding(Without::new(without, fixture.records.clone()));
    let (acs, fates) = (Yielding(fixture.acs.clone()), Rc::clone(fates));
    Box::pin(async move {
        let clock = ManualClock::default();
        let cutoff = clock.now() - Duration::from_hours(90 * 24);
        let (alice, invocation) = (user("alice"), invocation(name, &clock));
        let actor = Actor::Cleanup { run: "run".to_owned() };
        let found = store.find(&alice).await.unwrap();
        let fate = delete_if_unused_since(&store, &acs, &clock, found, cutoff, &actor, &invocation);
        let fate = fate.await.unwrap();
        fates.borrow_mut().push(fate);
    })
}

fn token_call(fixture: &CoreFixture, tokens: &Tokens) -> Task {
    let (store, acs) = (Yielding(fixture.records.clone()), Yielding(fixture.acs.clone()));
    let tokens = Rc::clone(tokens);
    Box::pin(async move {
        let clock = ManualClock::default();
        let subject = caller("alice");
        let invocation = invocation("token", &clock);
        let request = IssueAccessTokenRequest { subject, token: an_hour(), invocation };
        if let Ok(issued) = issue_access_token(&store, &acs, &clock, request).await {
            tokens.borrow_mut().push(issued);
        }
    })
}

/// The number of bad orders, and the number of orders.
fn bad_orders(
    tasks: impl Fn(&CoreFixture, &Fates, &Tokens) -> Vec<Task>,
    is_good: impl Fn(&CoreFixture, &[StaleOutcome], &[IssuedToken]) -> bool + 'static,
) -> (usize, usize) {
    let bad = Rc::new(Cell::new(0));
    let is_good = Rc::new(is_good);
    let orders = every_interleaving(|| {
        let fixture = stale();
        let (fates, tokens) = (Fates::default(), Tokens::default());
        let tasks = tasks(&fixture, &fates, &tokens);
        let (bad, is_good) = (Rc::clone(&bad), Rc::clone(&is_good));
        let check = move || {
            if !is_good(&fixture, &fates.borrow(), &tokens.borrow()) {
                bad.set(bad.get() + 1);
            }
        };
        (tasks, Box::new(check))
    });
    (bad.get(), orders)
}

/// A user who got a token has a live identity, and the token works. An identity that the cleanup
/// reports as deleted is gone.
fn no_user_lost_what_they_hold(
    fixture: &CoreFixture,
    fates: &[StaleOutcome],
    tokens: &[IssuedToken],
) -> bool {
    let alive: Vec<AcsId> = fixture.acs.identities();
    let works = |token: &AccessToken| fixture.acs.is_alive(token);
    let kept = tokens.iter().all(|issued| alive.contains(&issued.acs_id) && works(&issued.token));
    let owned = fixture.alice().and_then(|record| record.acs_id().cloned());
    let owned: Vec<AcsId> = owned.into_iter().collect();
    let deleted = fates.iter().filter(|fate| **fate == StaleOutcome::Deleted).count();
    kept && alive == owned && (deleted == 0 || !alive.iter().any(|id| id.as_str() == "8:acs:1"))
}

fn a_return_and_a_cleanup(without: Part) -> (usize, usize) {
    bad_orders(
        |fixture, fates, tokens| {
            vec![cleanup("run", without, fixture, fates), token_call(fixture, tokens)]
        },
        no_user_lost_what_they_hold,
    )
}

#[test]
fn r30_a_user_who_returns_in_time_keeps_everything_in_every_order() {
    let (bad, orders) = a_return_and_a_cleanup(Part::Nothing);
    assert!(orders > 15, "{orders}");
    assert_eq!(bad, 0, "of {orders}");
}

#[test]
fn r30_without_the_guard_a_token_in_use_is_revoked() {
    assert!(a_return_and_a_cleanup(Part::Guard).0 > 0);
}

fn two_cleanups(without: Part) -> (usize, usize) {
    bad_orders(
        |fixture, fates, _| {
            vec![cleanup("one", without, fixture, fates), cleanup("other", without, fixture, fates)]
        },
        |fixture, fates, _| {
            let deleted = fates.iter().filter(|fate| **fate == StaleOutcome::Deleted).count();
            let asked =
                fixture.acs.calls().iter().filter(|call| **call == ClientCall::Delete).count();
            let gone = fixture.alice().unwrap().state.name() == StateName::Deleted;
            gone && deleted == 1 && asked == 1
        },
    )
}

#[test]
fn r32_two_runs_at_once_delete_each_identity_once() {
    let (bad, orders) = two_cleanups(Part::Nothing);
    assert!(orders > 15, "{orders}");
    assert_eq!(bad, 0, "of {orders}");
}

#[test]
fn r32_without_conditions_both_delete_it() {
    assert!(two_cleanups(Part::Conditions).0 > 0);
}
