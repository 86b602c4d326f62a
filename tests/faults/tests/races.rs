//! Every interleaving of operations that may meet, over the real use cases.
#![expect(clippy::unwrap_used, reason = "a test may die")]

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use faults::{Blind, Forgetful, Task, Unclaimed, Yielding, every_interleaving};
use identity_core::{
    ABANDONED_AFTER, Error, delete_identity,
    identity::{AcsId, IdentityRef},
    issue_access_token::{self, Issued, Whose, issue_access_token},
    ports::{Clock, IdentityStore},
    record::{ReceiptId, Record, State},
    revoke_access_tokens,
    testing::{
        AcsCall, ManualClock, MemoryIdentityClient, MemoryIdentityStore, World, an_hour,
        invocation, record, user,
    },
};

/// The answers of an interleaving, and the epoch in which each request began.
type Answers = Rc<RefCell<Vec<(Result<Issued, Error>, u64)>>>;

/// Alice's request for a token.
fn first_call<S: IdentityStore + 'static>(
    name: &str,
    store: S,
    records: &MemoryIdentityStore,
    acs: &MemoryIdentityClient,
    answers: &Answers,
) -> Task {
    let (store, acs, answers) = (Yielding(store), Yielding(acs.clone()), answers.clone());
    let (name, records) = (name.to_owned(), records.clone());
    Box::pin(async move {
        let clock = ManualClock::default();
        let invocation = invocation(&name, &clock);
        let whose = Whose::Caller(user("alice"));
        let request = issue_access_token::Request { whose, token: an_hour(), invocation };
        let epoch = records.records().first().map_or(0, |record| record.epoch);
        let answer = issue_access_token(&store, &acs, &clock, request).await;
        answers.borrow_mut().push((answer, epoch));
    })
}

fn revocation(records: &MemoryIdentityStore, acs: &MemoryIdentityClient, block: bool) -> Task {
    let (store, acs) = (Yielding(records.clone()), Yielding(acs.clone()));
    Box::pin(async move {
        let clock = ManualClock::default();
        let identity = IdentityRef::External(user("alice"));
        let invocation = invocation("revocation", &clock);
        let request = revoke_access_tokens::Request { identity, block, invocation };
        let revoked = revoke_access_tokens::revoke_access_tokens(&store, &acs, &clock, request);
        revoked.await.unwrap();
    })
}

fn deletion(records: &MemoryIdentityStore, acs: &MemoryIdentityClient) -> Task {
    let (store, acs) = (Yielding(records.clone()), Yielding(acs.clone()));
    Box::pin(async move {
        let clock = ManualClock::default();
        let identity = IdentityRef::External(user("alice"));
        let invocation = invocation("deletion", &clock);
        let request = delete_identity::Request { identity, invocation };
        delete_identity::delete_identity(&store, &acs, &clock, request).await.unwrap();
    })
}

/// Runs the tasks of `world` in every order; how many orders were bad, and of how
/// many.
fn bad_orders(
    world: impl Fn(&World, &Answers) -> Vec<Task>,
    start: impl Fn() -> World,
    is_good: impl Fn(&World, &[(Result<Issued, Error>, u64)]) -> bool + 'static,
) -> (usize, usize) {
    let (bad, is_good) = (Rc::new(Cell::new(0)), Rc::new(is_good));
    let runs = every_interleaving(|| {
        let (here, answers) = (start(), Answers::default());
        let tasks = world(&here, &answers);
        let (bad, is_good) = (bad.clone(), is_good.clone());
        let check = move || {
            let good = is_good(&here, &answers.borrow());
            bad.set(bad.get() + usize::from(!good));
        };
        (tasks, Box::new(check) as Box<dyn FnOnce()>)
    });
    (bad.get(), runs)
}

/// What holds after every order: each identity in ACS is the one in the record.
fn nothing_is_left_behind(world: &World) -> bool {
    let known: Vec<AcsId> =
        world.alice().and_then(|record| record.acs_id().cloned()).into_iter().collect();
    world.acs.identities() == known
}

fn three_first_calls<S: IdentityStore + 'static>(
    adapter: fn(MemoryIdentityStore) -> S,
) -> (usize, usize) {
    let calls = move |world: &World, answers: &Answers| {
        ["one", "two", "three"]
            .map(|name| {
                let store = adapter(world.records.clone());
                first_call(name, store, &world.records, &world.acs, answers)
            })
            .into()
    };
    bad_orders(
        calls,
        || World::with([]),
        |world, answers| {
            let one_identity = world.acs.identities().len() == 1 && nothing_is_left_behind(world);
            let tokens_live_or_busy = answers.iter().all(|(answer, _)| match answer {
                Ok(issued) => world.acs.is_alive(&issued.token),
                Err(error) => matches!(error, Error::Busy { .. }),
            });
            one_identity && tokens_live_or_busy && answers.iter().any(|(answer, _)| answer.is_ok())
        },
    )
}

#[test]
fn r01_three_first_calls_make_one_identity_in_every_order() {
    let (bad, runs) = three_first_calls(|store| store);
    assert_eq!(bad, 0, "of {runs} orders");
    assert!(runs > 1000, "{runs} orders are too few to show anything");
}

/// The test above can fail: without the conditions of the writes, it does.
#[test]
fn r01_without_conditions_three_first_calls_make_several_identities() {
    let (bad, runs) = three_first_calls(Blind);
    assert!(bad > 0, "of {runs} orders");
}

fn two_issues_and_a_revocation<S: IdentityStore + 'static>(
    adapter: fn(MemoryIdentityStore) -> S,
) -> (usize, usize) {
    let tasks = move |world: &World, answers: &Answers| {
        let call = |name: &str| {
            let store = adapter(world.records.clone());
            first_call(name, store, &world.records, &world.acs, answers)
        };
        vec![call("one"), call("two"), revocation(&world.records, &world.acs, false)]
    };
    bad_orders(
        tasks,
        || World::where_alice_is(State::active("8:acs:1")),
        |world, answers| {
            answers.iter().all(|(answer, began_in)| match answer {
                Ok(issued) => *began_in > 1 || !world.acs.is_alive(&issued.token),
                Err(error) => matches!(error, Error::Busy { .. }),
            })
        },
    )
}

#[test]
fn r12_no_token_from_before_a_revocation_outlives_it() {
    let (bad, runs) = two_issues_and_a_revocation(|store| store);
    assert_eq!(bad, 0, "of {runs} orders");
    assert!(runs > 1000, "{runs} orders are too few to show anything");
}

/// The test above can fail: without the write that commits a token, it does.
#[test]
fn r12_without_the_commit_tokens_do_outlive_a_revocation() {
    let (bad, runs) = two_issues_and_a_revocation(Forgetful);
    assert!(bad > 0, "of {runs} orders");
}

fn two_first_calls_and_a_block<S: IdentityStore + 'static>(
    adapter: fn(MemoryIdentityStore) -> S,
) -> (usize, usize) {
    let tasks = move |world: &World, answers: &Answers| {
        let call = |name: &str| {
            let store = adapter(world.records.clone());
            first_call(name, store, &world.records, &world.acs, answers)
        };
        vec![call("one"), call("two"), revocation(&world.records, &world.acs, true)]
    };
    bad_orders(
        tasks,
        || World::with([]),
        |world, _| {
            let blocked = matches!(world.alice().unwrap().state, State::Blocked { .. });
            blocked && world.acs.live_tokens() == 0 && nothing_is_left_behind(world)
        },
    )
}

#[test]
fn r12_a_block_that_meets_a_creation_leaves_no_token_and_no_identity() {
    let (bad, runs) = two_first_calls_and_a_block(|store| store);
    assert_eq!(bad, 0, "of {runs} orders");
    assert!(runs > 1000, "{runs} orders are too few to show anything");
}

/// The test above can fail: without the conditions of the writes, it does.
#[test]
fn r12_without_conditions_a_block_is_overwritten() {
    let (bad, runs) = two_first_calls_and_a_block(Blind);
    assert!(bad > 0, "of {runs} orders");
}

fn two_issues_and_a_deletion<S: IdentityStore + 'static>(
    adapter: fn(MemoryIdentityStore) -> S,
) -> (usize, usize) {
    let tasks = move |world: &World, answers: &Answers| {
        let call = |name: &str| {
            let store = adapter(world.records.clone());
            first_call(name, store, &world.records, &world.acs, answers)
        };
        vec![call("one"), call("two"), deletion(&world.records, &world.acs)]
    };
    let start = || {
        let world = World::where_alice_is(State::active("8:acs:1"));
        world.acs.issue_for_the_dead();
        world
    };
    bad_orders(tasks, start, |world, answers| {
        let old = IdentityRef::parse("8:acs:1");
        let handed_out_after_the_mark = answers.iter().any(|(answer, began_in)| {
            let of_the_old = |issued: &Issued| Some(IdentityRef::Acs(issued.acs_id.clone())) == old;
            *began_in > 1 && answer.as_ref().is_ok_and(of_the_old)
        });
        let committed_for_the_dead = world.acs.handed_out_for_the_dead(
            answers.iter().filter_map(|(answer, _)| answer.as_ref().ok()).map(|i| &i.token),
        );
        !handed_out_after_the_mark && !committed_for_the_dead && nothing_is_left_behind(world)
    })
}

#[test]
fn r08_nobody_gets_a_token_for_an_identity_that_is_gone() {
    let (bad, runs) = two_issues_and_a_deletion(|store| store);
    assert_eq!(bad, 0, "of {runs} orders");
    assert!(runs > 1000, "{runs} orders are too few to show anything");
}

/// The test above can fail: without the write that commits a token, it does.
#[test]
fn r08_without_the_commit_tokens_of_the_dead_are_handed_out() {
    let (bad, runs) = two_issues_and_a_deletion(Forgetful);
    assert!(bad > 0, "of {runs} orders");
}

/// Alice, whose revocation was recorded by somebody who died before ACS heard of it.
fn abandoned() -> World {
    let long_ago = ManualClock::default().now() - ABANDONED_AFTER;
    let left = Record {
        pending_revocation: Some(ReceiptId("abandoned".to_owned())),
        ..record("alice", State::active("8:acs:1"), long_ago)
    };
    World::with([left])
}

fn two_who_finish_a_revocation<S: IdentityStore + 'static>(
    adapter: fn(MemoryIdentityStore) -> S,
) -> (usize, usize) {
    let tasks = move |world: &World, answers: &Answers| {
        ["one", "two"]
            .map(|name| {
                let store = adapter(world.records.clone());
                first_call(name, store, &world.records, &world.acs, answers)
            })
            .into()
    };
    bad_orders(tasks, abandoned, |world, answers| {
        let revoked_once =
            world.acs.calls().iter().filter(|call| **call == AcsCall::Revoke).count();
        let confirmed = world.alice().unwrap().pending_revocation.is_none();
        let tokens_live = answers.iter().all(|(answer, _)| match answer {
            Ok(issued) => world.acs.is_alive(&issued.token),
            Err(error) => matches!(error, Error::Busy { .. }),
        });
        revoked_once == 1 && confirmed && tokens_live
    })
}

#[test]
fn r12_of_two_who_finish_a_revocation_one_does_it_and_no_new_token_dies() {
    let (bad, runs) = two_who_finish_a_revocation(|store| store);
    assert_eq!(bad, 0, "of {runs} orders");
    assert!(runs > 100, "{runs} orders are too few to show anything");
}

/// The test above can fail: without the claim, it does.
#[test]
fn r12_without_a_claim_both_finish_it_and_a_new_token_dies() {
    let (bad, runs) = two_who_finish_a_revocation(Unclaimed);
    assert!(bad > 0, "of {runs} orders");
}
