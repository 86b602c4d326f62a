//! R58: token calls with a bearer from before a sign-out or a deletion, in every order with it. A
//! call that begins after the first write of the sign-out or the deletion gets no token, and tokens
//! that were returned before do not stay alive.

use std::{cell::RefCell, rc::Rc, time::Duration};

use faults::{Part, Task, Without, Yielding};
use identity_core::{
    apply_event::apply_event,
    event::{Event, EventKind, EventSource},
    issue_access_token::{IssueAccessTokenRequest, IssuedToken, issue_access_token},
    ports::Clock,
    record::By,
    testing::{self, CoreFixture, ManualClock, an_hour, caller_since, invocation},
};

use super::{alice, assert_none, assert_some, bad_of_all_orders, deletion, revocation_by};

/// The outcome of a token call with the old bearer.
struct TokenCall {
    issued: Option<IssuedToken>,
    began_after_the_cut_off: bool,
}

type TokenCalls = Rc<RefCell<Vec<TokenCall>>>;

/// Alice's request for a token. Her bearer is from the second of the cut-off: the newest bearer
/// that still counts as old.
fn old_bearer_call(
    name: &'static str,
    without: Part,
    fixture: &CoreFixture,
    outcomes: &TokenCalls,
) -> Task {
    let (records, outcomes) = (fixture.records.clone(), outcomes.clone());
    let store = Yielding(Without::new(without, records.clone()));
    let acs = Yielding(fixture.acs.clone());
    Box::pin(async move {
        let clock = ManualClock::default();
        let subject = caller_since("alice", clock.now());
        let invocation = invocation(name, &clock);
        let request = IssueAccessTokenRequest { subject, token: an_hour(), invocation };
        let began_after_the_cut_off =
            records.records().first().is_some_and(|record| record.not_before.is_some());
        let issued = issue_access_token(&store, &acs, &clock, request).await.ok();
        outcomes.borrow_mut().push(TokenCall { issued, began_after_the_cut_off });
    })
}

fn sign_out(fixture: &CoreFixture) -> Task {
    revocation_by(By::User, false, Part::Nothing, fixture)
}

/// A `user.deleted` event, `millis` after Alice's first call.
fn account_deletion(millis: u64, fixture: &CoreFixture) -> Task {
    let (store, acs) = (Yielding(fixture.records.clone()), Yielding(fixture.acs.clone()));
    Box::pin(async move {
        let clock = ManualClock::default();
        let occurred_at = clock.now() + Duration::from_millis(millis);
        let deleted = testing::event(EventKind::Deleted, occurred_at);
        let event = Event { source: EventSource::Auth0, ..deleted };
        let invocation = invocation("deleted", &clock);
        apply_event(&store, &acs, &clock, &event, &invocation).await.unwrap();
    })
}

/// Two calls with the old bearer, and a cut-off, in every order.
fn two_calls_and(
    cut_off: impl Fn(&CoreFixture) -> Task,
    start: fn() -> CoreFixture,
    without: Part,
    is_good: fn(&CoreFixture, &[TokenCall]) -> bool,
) -> (usize, usize) {
    bad_of_all_orders(|| {
        let (fixture, outcomes) = (start(), TokenCalls::default());
        let calls = ["one", "two"].map(|name| old_bearer_call(name, without, &fixture, &outcomes));
        let mut tasks = vec![cut_off(&fixture)];
        tasks.extend(calls);
        (tasks, Box::new(move || is_good(&fixture, &outcomes.borrow())))
    })
}

/// ACS may have issued a token after it revoked the others. The call that requested it drops it, so
/// only the tokens that were returned count.
fn no_token_is_left(fixture: &CoreFixture, calls: &[TokenCall]) -> bool {
    calls
        .iter()
        .filter_map(|call| Some((call, call.issued.as_ref()?)))
        .all(|(call, issued)| !call.began_after_the_cut_off && !fixture.acs.is_alive(&issued.token))
}

fn no_token_and_no_identity_is_left(fixture: &CoreFixture, calls: &[TokenCall]) -> bool {
    no_token_is_left(fixture, calls) && fixture.acs.identities().is_empty()
}

/// A user without a record.
fn unseen() -> CoreFixture {
    CoreFixture::with([])
}

#[test]
fn r58_an_old_bearer_during_a_sign_out_gets_no_valid_token() {
    assert_none(two_calls_and(sign_out, alice, Part::Nothing, no_token_is_left));
}

#[test]
fn r58_without_the_not_before_an_old_bearer_gets_a_token_after_a_sign_out() {
    assert_some(two_calls_and(sign_out, alice, Part::NotBefore, no_token_is_left));
}

#[test]
fn r58_a_first_call_with_an_old_bearer_during_a_sign_out_gets_no_valid_token() {
    assert_none(two_calls_and(sign_out, unseen, Part::Nothing, no_token_is_left));
}

#[test]
fn r58_without_the_not_before_a_first_call_gets_a_token_after_a_sign_out() {
    assert_some(two_calls_and(sign_out, unseen, Part::NotBefore, no_token_is_left));
}

#[test]
fn r58_an_old_bearer_during_the_users_own_deletion_creates_no_identity() {
    for start in [alice, unseen] {
        let (cut_off, is_good) = (deletion, no_token_and_no_identity_is_left);
        assert_none(two_calls_and(cut_off, start, Part::Nothing, is_good));
    }
}

#[test]
fn r58_without_the_not_before_an_old_bearer_creates_an_identity_after_a_deletion() {
    for start in [alice, unseen] {
        let (cut_off, is_good) = (deletion, no_token_and_no_identity_is_left);
        assert_some(two_calls_and(cut_off, start, Part::NotBefore, is_good));
    }
}

#[test]
fn r58_an_old_bearer_during_the_deletion_of_the_account_creates_no_identity() {
    for start in [alice, unseen] {
        let (cut_off, is_good) = (
            |fixture: &CoreFixture| account_deletion(1, fixture),
            no_token_and_no_identity_is_left,
        );
        assert_none(two_calls_and(cut_off, start, Part::Nothing, is_good));
    }
}

#[test]
fn r58_without_the_not_before_an_old_bearer_creates_an_identity_after_the_account_was_deleted() {
    for start in [alice, unseen] {
        let (cut_off, is_good) = (
            |fixture: &CoreFixture| account_deletion(1, fixture),
            no_token_and_no_identity_is_left,
        );
        assert_some(two_calls_and(cut_off, start, Part::NotBefore, is_good));
    }
}

/// The account was deleted before the identity was created, and the event arrives late: the
/// identity stays, and its tokens are revoked.
fn two_first_calls_and_a_late_deletion(without: Part) -> (usize, usize) {
    two_calls_and(|fixture| account_deletion(0, fixture), unseen, without, no_token_is_left)
}

#[test]
fn r58_a_late_event_of_a_deleted_account_leaves_no_token() {
    assert_none(two_first_calls_and_a_late_deletion(Part::Nothing));
}

#[test]
fn r58_without_the_not_before_a_late_event_of_a_deleted_account_leaves_a_token() {
    assert_some(two_first_calls_and_a_late_deletion(Part::NotBefore));
}
