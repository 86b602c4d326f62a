//! Events in every order, delivered twice, and concurrent with each other and with token calls.
//! Each test has a counterpart that omits the mechanism, and finds bad orders.
#![expect(clippy::unwrap_used, reason = "a test may die")]

mod orders;
mod origins;
mod outrun;

use std::{
    cell::{Cell, RefCell},
    pin::pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime},
};

use faults::{Part, Task, Without, Yielding, every_interleaving};
use identity_core::{
    ABANDONED_AFTER, Error,
    apply_event::{Applied, apply_event},
    event::{Event, EventKind},
    identity::{AccessToken, AcsId},
    issue_access_token::{IssueAccessTokenRequest, issue_access_token},
    ports::{Clock, IdentityStore},
    record::State,
    testing::{self, ClientCall, CoreFixture, ManualClock, acs_id, an_hour, caller, invocation},
};

/// `after` seconds after Alice's identity was created.
fn event(kind: EventKind, after: u64) -> Event {
    let occurred_at = ManualClock::default().now() + Duration::from_secs(after);
    let id = format!("{}-{after}", kind.as_str());
    Event { id, ..testing::event(kind, occurred_at) }
}

/// The time of the events has come, so none is in the future.
fn later() -> ManualClock {
    let clock = ManualClock::default();
    clock.advance(Duration::from_mins(1));
    clock
}

/// The in-memory adapters never wait.
fn now<T>(work: impl Future<Output = T>) -> T {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => unreachable!("it waits"),
    }
}

fn apply(
    store: &impl IdentityStore,
    fixture: &CoreFixture,
    event: &Event,
    name: &str,
) -> Result<Applied, Error> {
    let clock = later();
    now(apply_event(store, &fixture.acs, &clock, event, &invocation(name, &clock)))
}

/// An active Alice, and a token of hers from before every event.
fn alice() -> (CoreFixture, AccessToken) {
    let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
    let token = fixture.acs.token_from_before(&acs_id("8:acs:1"));
    (fixture, token)
}

/// Pseudo-random numbers, the same in every run.
struct PseudoRandom(u64);

impl PseudoRandom {
    /// A number less than `limit`.
    fn below(&mut self, limit: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed >> 33) % u64::try_from(limit).unwrap()).unwrap()
    }

    fn shuffled(&mut self, mut items: Vec<usize>) -> Vec<usize> {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
        items
    }
}

/// The events whose delivery has failed, and which are delivered again.
type Failed = Rc<RefCell<Vec<Event>>>;

fn delivery(
    name: &'static str,
    event: Event,
    without: Part,
    fixture: &CoreFixture,
    failed: &Failed,
) -> Task {
    let failed = failed.clone();
    let store = Yielding(Without::new(without, fixture.records.clone()));
    let acs = Yielding(fixture.acs.clone());
    Box::pin(async move {
        let clock = later();
        match apply_event(&store, &acs, &clock, &event, &invocation(name, &clock)).await {
            Ok(_) => {}
            Err(Error::Busy { .. }) => failed.borrow_mut().push(event),
            Err(error) => unreachable!("{error}"),
        }
    })
}

fn redeliver(fixture: &CoreFixture, failed: &Failed) {
    let clock = later();
    clock.advance(ABANDONED_AFTER);
    for event in failed.borrow().iter() {
        let invocation = invocation("again", &clock);
        now(apply_event(&fixture.records, &fixture.acs, &clock, event, &invocation)).unwrap();
    }
}

fn token_call(name: &'static str, without: Part, fixture: &CoreFixture) -> Task {
    let store = Yielding(Without::new(without, fixture.records.clone()));
    let acs = Yielding(fixture.acs.clone());
    Box::pin(async move {
        let clock = later();
        let invocation = invocation(name, &clock);
        let subject = caller("alice");
        let request = IssueAccessTokenRequest { subject, token: an_hour(), invocation };
        match issue_access_token(&store, &acs, &clock, request).await {
            Ok(_) | Err(Error::Busy { .. } | Error::Blocked) => {}
            Err(error) => unreachable!("{error}"),
        }
    })
}

/// Delivers the events while `calls` run, in every order. Returns the number of orders with a wrong
/// end state, and the number of orders.
fn bad_interleavings(
    events: &[Event],
    calls: &[&'static str],
    without: Part,
    is_good: fn(&CoreFixture) -> bool,
) -> (usize, usize) {
    let bad = Rc::new(Cell::new(0));
    let runs = every_interleaving(|| {
        let ((fixture, _), failed) = (alice(), Failed::default());
        let mut tasks: Vec<Task> = ["event-1", "event-2"]
            .into_iter()
            .zip(events)
            .map(|(name, event)| delivery(name, event.clone(), without, &fixture, &failed))
            .collect();
        tasks.extend(calls.iter().map(|name| token_call(name, without, &fixture)));
        let bad = bad.clone();
        let check = move || {
            redeliver(&fixture, &failed);
            bad.set(bad.get() + usize::from(!is_good(&fixture)));
        };
        (tasks, Box::new(check) as Box<dyn FnOnce()>)
    });
    (bad.get(), runs)
}

fn assert_none((bad, runs): (usize, usize)) {
    assert_eq!(bad, 0, "of {runs} orders");
    assert!(runs > 15, "{runs} orders are too few to show anything");
}

fn assert_some((bad, runs): (usize, usize)) {
    assert!(bad > 0, "of {runs} orders");
}

/// Each identity in ACS is the one in the record.
fn nothing_is_left_behind(fixture: &CoreFixture) -> bool {
    let known: Vec<AcsId> =
        fixture.alice().and_then(|record| record.acs_id().cloned()).into_iter().collect();
    fixture.acs.identities() == known
}

fn blocked_for_good(without: Part) -> (usize, usize) {
    let events = [event(EventKind::Disabled, 2), event(EventKind::Enabled, 1)];
    bad_interleavings(&events, &["call"], without, |fixture| {
        fixture.alice().unwrap().state == State::blocked("8:acs:1")
            && fixture.acs.live_tokens() == 0
    })
}

#[test]
fn r21_a_disabled_beats_an_older_enabled_and_leaves_no_token_alive() {
    assert_none(blocked_for_good(Part::Nothing));
}

#[test]
fn r21_without_the_commit_a_token_survives_a_disabled() {
    assert_some(blocked_for_good(Part::Commit));
}

#[test]
fn r21_without_conditions_an_older_enabled_beats_a_disabled() {
    assert_some(blocked_for_good(Part::Conditions));
}

fn let_in_again(without: Part) -> (usize, usize) {
    let events = [event(EventKind::Disabled, 1), event(EventKind::Enabled, 2)];
    bad_interleavings(&events, &["call"], without, |fixture| {
        let alice = fixture.alice().unwrap();
        let revoked = fixture.acs.calls().contains(&ClientCall::Revoke);
        let through = ManualClock::default().now() + Duration::from_secs(1);
        alice.state == State::active("8:acs:1")
            && alice.pending_revocation.is_none()
            && alice.revoked_through.newest() == Some(through)
            && revoked
    })
}

#[test]
fn r21_a_newer_enabled_wins_over_a_disabled_that_has_already_revoked() {
    assert_none(let_in_again(Part::Nothing));
}

#[test]
fn r21_without_conditions_one_of_the_two_events_is_lost() {
    assert_some(let_in_again(Part::Conditions));
}

fn the_same_event_twice_at_once(without: Part) -> (usize, usize) {
    let events = [event(EventKind::Disabled, 1), event(EventKind::Disabled, 1)];
    bad_interleavings(&events, &[], without, |fixture| {
        let calls = fixture.acs.calls();
        calls.iter().filter(|call| **call == ClientCall::Revoke).count() == 1
            && fixture.alice().unwrap().pending_revocation.is_none()
    })
}

#[test]
fn r20_of_two_processes_with_the_same_event_one_revokes() {
    assert_none(the_same_event_twice_at_once(Part::Nothing));
}

#[test]
fn r20_without_conditions_both_revoke() {
    assert_some(the_same_event_twice_at_once(Part::Conditions));
}

/// One event and some token calls in a random order of turns, because there are too many orders to
/// try them all. Returns the number of the first game with a wrong end state.
fn lost_games(
    games: u64,
    start: fn() -> CoreFixture,
    calls: usize,
    without: Part,
    is_good: fn(&CoreFixture) -> bool,
) -> usize {
    let is_lost = |seed: &u64| {
        let (fixture, failed) = (start(), Failed::default());
        let mut random = PseudoRandom(*seed);
        let disabled = event(EventKind::Disabled, 1);
        let mut tasks = vec![delivery("event", disabled, without, &fixture, &failed)];
        tasks.extend(NAMES.iter().take(calls).map(|name| token_call(name, without, &fixture)));
        while !tasks.is_empty() {
            let index = random.below(tasks.len());
            let task = tasks.get_mut(index).unwrap();
            if task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                drop(tasks.remove(index));
            }
        }
        redeliver(&fixture, &failed);
        !is_good(&fixture)
    };
    (0..games).filter(is_lost).count()
}

/// Invocations have different names, because leases are recorded with them.
const NAMES: [&str; 25] = [
    "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s",
    "t", "u", "v", "w", "x", "y",
];

fn disabled_while_the_identity_is_created(without: Part) -> usize {
    lost_games(
        20_000,
        || CoreFixture::with([]),
        3,
        without,
        |fixture| {
            let blocked = fixture.alice().is_some_and(|alice| alice.state.is_blocked());
            blocked && fixture.acs.live_tokens() == 0 && nothing_is_left_behind(fixture)
        },
    )
}

#[test]
fn r21_a_disabled_during_a_creation_leaves_no_token_and_no_identity() {
    assert_eq!(disabled_while_the_identity_is_created(Part::Nothing), 0);
}

#[test]
fn r21_without_conditions_a_disabled_during_a_creation_is_overwritten() {
    assert!(disabled_while_the_identity_is_created(Part::Conditions) > 100);
}

fn disabled_among_twenty_five_calls(without: Part) -> usize {
    lost_games(2_000, || alice().0, 25, without, |fixture| fixture.acs.live_tokens() == 0)
}

#[test]
fn r12_none_of_twenty_five_token_calls_that_race_a_disabled_leaves_a_valid_token() {
    assert_eq!(disabled_among_twenty_five_calls(Part::Nothing), 0);
}

#[test]
fn r12_without_the_commit_some_token_calls_leave_a_valid_token() {
    assert!(disabled_among_twenty_five_calls(Part::Commit) > 100);
}

/// The clock of the tests starts when Alice's identity was created.
#[test]
fn no_event_of_these_tests_is_from_the_future_or_from_before_the_identity() {
    let (fixture, _) = alice();
    let created: SystemTime = fixture.alice().unwrap().created_at;
    for event in [event(EventKind::Disabled, 1), event(EventKind::Enabled, 5)] {
        assert!(event.occurred_at > created && !event.is_from_the_future(later().now()));
    }
}
