//! Every interleaving of operations that may meet, with the real use cases. Each test has a
//! counterpart that omits a part of the protocol, and finds bad orders.
#![expect(clippy::unwrap_used, reason = "a test may die")]

mod cut_off;
mod guests;
mod pace;
mod phone;
mod replace;
mod teams;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use faults::{Part, Task, Without, Yielding, every_interleaving};
use identity_core::{
    ABANDONED_AFTER, Error,
    delete_identity::{DeleteIdentityRequest, IfForeign, delete_identity},
    identity::{AcsId, IdentityRef},
    issue_access_token::{IssueAccessTokenRequest, IssuedToken, issue_access_token},
    ports::Clock,
    record::{By, Cause, ReceiptId, Record, State},
    revoke_access_tokens::{self, IfMissing, RevokeAccessTokensRequest},
    testing::{
        ClientCall, CoreFixture, ManualClock, acs_id, an_hour, caller, invocation, record, user,
    },
};

/// The answers in an interleaving, and the epoch in which each request began.
type Answers = Rc<RefCell<Vec<Answer>>>;
type Answer = (Result<IssuedToken, Error>, u64);

/// Alice's request for a token.
fn token_call(name: &'static str, without: Part, fixture: &CoreFixture, answers: &Answers) -> Task {
    let (records, answers) = (fixture.records.clone(), answers.clone());
    let store = Yielding(Without::new(without, records.clone()));
    let acs = Yielding(fixture.acs.clone());
    Box::pin(async move {
        let clock = ManualClock::default();
        let invocation = invocation(name, &clock);
        let subject = caller("alice");
        let request = IssueAccessTokenRequest { subject, token: an_hour(), invocation };
        let epoch = records.records().first().map_or(0, |record| record.epoch);
        let answer = issue_access_token(&store, &acs, &clock, request).await;
        answers.borrow_mut().push((answer, epoch));
    })
}

fn revocation(fixture: &CoreFixture, block: bool) -> Task {
    revocation_by(By::administrator(&user("root")), block, Part::Nothing, fixture)
}

fn revocation_by(by: By, block: bool, without: Part, fixture: &CoreFixture) -> Task {
    let store = Yielding(Without::new(without, fixture.records.clone()));
    let acs = Yielding(fixture.acs.clone());
    Box::pin(async move {
        let clock = ManualClock::default();
        let identity = IdentityRef::External(user("alice"));
        let invocation = invocation("revocation", &clock);
        let request = RevokeAccessTokensRequest {
            bearer: None,
            identity,
            block,
            if_missing: IfMissing::Create,
            pace: None,
            cause: Cause::of(by),
            invocation,
        };
        let revoked = revoke_access_tokens::revoke_access_tokens(&store, &acs, &clock, request);
        revoked.await.unwrap();
    })
}

fn deletion(fixture: &CoreFixture) -> Task {
    let (store, acs) = (Yielding(fixture.records.clone()), Yielding(fixture.acs.clone()));
    Box::pin(async move {
        let clock = ManualClock::default();
        let identity = IdentityRef::External(user("alice"));
        let invocation = invocation("deletion", &clock);
        let request = DeleteIdentityRequest {
            identity,
            by: By::User,
            bearer: None,
            if_foreign: IfForeign::Refuse,
            invocation,
        };
        delete_identity(&store, &acs, &clock, request).await.unwrap();
    })
}

/// Whether the end state is as expected.
type Check = Box<dyn FnOnce() -> bool>;

/// Runs the tasks in every order. Returns the number of bad orders, and the number of orders.
fn bad_of_all_orders(fixture: impl Fn() -> (Vec<Task>, Check)) -> (usize, usize) {
    let bad = Rc::new(Cell::new(0));
    let runs = every_interleaving(|| {
        let ((tasks, is_good), bad) = (fixture(), bad.clone());
        let check = move || bad.set(bad.get() + usize::from(!is_good()));
        (tasks, Box::new(check) as Box<dyn FnOnce()>)
    });
    (bad.get(), runs)
}

/// Requires that no order is bad, whichever of its first `turns` turns a process dies after.
fn assert_none_after_a_death(turns: usize, least: usize, orders: fn(usize) -> (usize, usize)) {
    let mut all = 0;
    for turn in 0..turns {
        let (bad, orders) = orders(turn);
        assert_eq!(bad, 0, "of {orders} orders, after {turn} turns");
        all += orders;
    }
    assert!(all > least, "{all} orders are too few to show anything");
}

/// Runs Alice's token calls and the other tasks in every order. Returns the number of bad orders,
/// and the number of orders.
fn bad_orders(
    start: impl Fn() -> CoreFixture,
    calls: &[&'static str],
    without: Part,
    others: impl Fn(&CoreFixture) -> Vec<Task>,
    is_good: fn(&CoreFixture, &[Answer]) -> bool,
) -> (usize, usize) {
    bad_of_all_orders(|| {
        let (fixture, answers) = (start(), Answers::default());
        let mut tasks: Vec<Task> =
            calls.iter().map(|name| token_call(name, without, &fixture, &answers)).collect();
        tasks.extend(others(&fixture));
        (tasks, Box::new(move || is_good(&fixture, &answers.borrow())))
    })
}

fn assert_none((bad, runs): (usize, usize)) {
    assert_eq!(bad, 0, "of {runs} orders");
    assert!(runs > 100, "{runs} orders are too few to show anything");
}

fn assert_some((bad, runs): (usize, usize)) {
    assert!(bad > 0, "of {runs} orders");
}

fn is_busy(error: &Error) -> bool {
    matches!(error, Error::Busy { .. })
}

/// What holds after every order: each identity in ACS is the one in the record.
fn nothing_is_left_behind(fixture: &CoreFixture) -> bool {
    let known: Vec<AcsId> =
        fixture.alice().and_then(|record| record.acs_id().cloned()).into_iter().collect();
    fixture.acs.identities() == known
}

/// An active Alice.
fn alice() -> CoreFixture {
    CoreFixture::where_alice_is(State::active("8:acs:1"))
}

fn three_first_calls(without: Part) -> (usize, usize) {
    let calls = ["one", "two", "three"];
    bad_orders(
        || CoreFixture::with([]),
        &calls,
        without,
        |_| vec![],
        |fixture, answers| {
            let one_identity =
                fixture.acs.identities().len() == 1 && nothing_is_left_behind(fixture);
            let live_or_busy = answers.iter().all(|(answer, _)| match answer {
                Ok(issued) => fixture.acs.is_alive(&issued.token),
                Err(error) => is_busy(error),
            });
            one_identity && live_or_busy && answers.iter().any(|(answer, _)| answer.is_ok())
        },
    )
}

#[test]
fn r01_three_first_calls_make_one_identity_in_every_order() {
    assert_none(three_first_calls(Part::Nothing));
}

#[test]
fn r01_without_conditions_three_first_calls_make_several_identities() {
    assert_some(three_first_calls(Part::Conditions));
}

/// Every token that was returned before the revocation's first write is dead.
fn no_older_token_lives(fixture: &CoreFixture, answers: &[Answer]) -> bool {
    answers.iter().all(|(answer, began_in)| match answer {
        Ok(issued) => *began_in > 1 || !fixture.acs.is_alive(&issued.token),
        Err(error) => is_busy(error),
    })
}

fn two_calls_and_a_revocation(without: Part) -> (usize, usize) {
    let others = |fixture: &CoreFixture| vec![revocation(fixture, false)];
    bad_orders(alice, &["one", "two"], without, others, no_older_token_lives)
}

#[test]
fn r12_no_token_from_before_a_revocation_outlives_it() {
    assert_none(two_calls_and_a_revocation(Part::Nothing));
}

#[test]
fn r12_without_the_commit_tokens_outlive_a_revocation() {
    assert_some(two_calls_and_a_revocation(Part::Commit));
}

/// No token was issued to Alice since her last revocation: another revocation has nothing to do at
/// ACS, unless a token is issued in the meantime.
fn two_calls_and_a_revocation_with_nothing_to_revoke(without: Part) -> (usize, usize) {
    let revoked = || {
        let now = ManualClock::default().now();
        let alice = record("alice", State::active("8:acs:1"), now);
        CoreFixture::with([Record { tokens_revoked: true, ..alice }])
    };
    let administrator = By::administrator(&user("root"));
    let others =
        |fixture: &CoreFixture| vec![revocation_by(administrator.clone(), false, without, fixture)];
    bad_orders(revoked, &["one", "two"], Part::Nothing, others, no_older_token_lives)
}

#[test]
fn r12_a_revocation_without_tokens_calls_acs_if_one_was_issued_meanwhile() {
    assert_none(two_calls_and_a_revocation_with_nothing_to_revoke(Part::Nothing));
}

#[test]
fn r12_without_the_check_for_new_tokens_one_outlives_a_revocation() {
    assert_some(two_calls_and_a_revocation_with_nothing_to_revoke(Part::IssuedSince));
}

#[test]
fn a_revocation_with_nothing_to_revoke_does_not_call_acs() {
    let fixture = alice();
    fixture.records.meanwhile(|seen| Record { tokens_revoked: true, ..seen.clone() });
    let acs = fixture.acs.clone();
    every_interleaving(|| {
        let task = revocation(&fixture, false);
        (vec![task], Box::new(|| {}))
    });
    assert_eq!(acs.calls(), []);
}

fn two_first_calls_and_a_block(without: Part) -> (usize, usize) {
    let others = |fixture: &CoreFixture| vec![revocation(fixture, true)];
    bad_orders(
        || CoreFixture::with([]),
        &["one", "two"],
        without,
        others,
        |fixture, _| {
            let blocked = matches!(fixture.alice().unwrap().state, State::Blocked { .. });
            blocked && fixture.acs.live_tokens() == 0 && nothing_is_left_behind(fixture)
        },
    )
}

#[test]
fn r12_a_block_during_a_creation_leaves_no_token_and_no_identity() {
    assert_none(two_first_calls_and_a_block(Part::Nothing));
}

#[test]
fn r12_without_conditions_a_block_is_overwritten() {
    assert_some(two_first_calls_and_a_block(Part::Conditions));
}

fn two_calls_and_a_deletion(without: Part) -> (usize, usize) {
    let start = || {
        let fixture = alice();
        fixture.acs.issue_for_the_dead();
        fixture
    };
    let others = |fixture: &CoreFixture| vec![deletion(fixture)];
    bad_orders(start, &["one", "two"], without, others, |fixture, answers| {
        let handed_out: Vec<(&IssuedToken, u64)> = answers
            .iter()
            .filter_map(|(answer, began_in)| Some((answer.as_ref().ok()?, *began_in)))
            .collect();
        let after_the_mark = handed_out
            .iter()
            .any(|(issued, began_in)| *began_in > 1 && issued.acs_id == acs_id("8:acs:1"));
        let tokens = handed_out.iter().map(|(issued, _)| &issued.token);
        let for_the_dead = fixture.acs.handed_out_for_the_dead(tokens);
        !after_the_mark && !for_the_dead && nothing_is_left_behind(fixture)
    })
}

#[test]
fn r08_no_token_is_returned_for_a_deleted_identity() {
    assert_none(two_calls_and_a_deletion(Part::Nothing));
}

#[test]
fn r08_without_the_commit_tokens_of_deleted_identities_are_returned() {
    assert_some(two_calls_and_a_deletion(Part::Commit));
}

/// Two calls meet a revocation whose process recorded it and died before its request reached ACS.
fn two_who_finish_a_revocation(without: Part) -> (usize, usize) {
    let abandoned = || {
        let long_ago = ManualClock::default().now() - ABANDONED_AFTER;
        CoreFixture::with([Record {
            pending_revocation: Some(ReceiptId("abandoned".to_owned())),
            ..record("alice", State::active("8:acs:1"), long_ago)
        }])
    };
    bad_orders(
        abandoned,
        &["one", "two"],
        without,
        |_| vec![],
        |fixture, answers| {
            let revoked =
                fixture.acs.calls().iter().filter(|call| **call == ClientCall::Revoke).count();
            let confirmed = fixture.alice().unwrap().pending_revocation.is_none();
            let live_or_busy = answers.iter().all(|(answer, _)| match answer {
                Ok(issued) => fixture.acs.is_alive(&issued.token),
                Err(error) => is_busy(error),
            });
            revoked == 1 && confirmed && live_or_busy
        },
    )
}

#[test]
fn r12_two_processes_that_finish_a_revocation_revoke_once_and_spare_new_tokens() {
    assert_none(two_who_finish_a_revocation(Part::Nothing));
}

#[test]
fn r12_without_a_claim_both_revoke_and_a_new_token_ends() {
    assert_some(two_who_finish_a_revocation(Part::Claim));
}
