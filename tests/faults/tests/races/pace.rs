//! R84: the effect of the pace if token calls overlap. A call computes the new pace from the record
//! that it read. So overlapping calls count as one, and a call that ends late sets the pace back to
//! the value that followed from its beginning.
//!
//! With `n` calls in flight at a time and `k` left of the pace:
//!
//! * one burst of `n`, and then one call at a time: `n + k - 1` calls are allowed;
//! * round after round of `n`: `n * k`;
//! * in the worst order: `C(n + k, k) - 1`. (Let `f(n, k)` be that number. The best strategy of a
//!   caller is to begin one call, to use up the pace with the other `n - 1`, and to end the first
//!   one, which leaves `k - 1`: `f(n, k) = 1 + f(n - 1, k) + f(n, k - 1)`.)
//!
//! So the pace limits a user who has a few calls in flight. The throttles at the gateway limit the
//! number of calls in flight.

use std::{
    cell::Cell,
    rc::Rc,
    task::{Context, Waker},
    time::Duration,
};

use faults::{Part, Task, Without, Yielding};
use identity_core::{
    Error,
    admission::{Bearer, TokenPace},
    issue_access_token::{IssueAccessTokenRequest, TokenSubject, issue_access_token},
    ports::Clock,
    record::Record,
    testing::{CoreFixture, ManualClock, an_hour, invocation, user},
};

use super::{alice, bad_of_all_orders};

type Passed = Rc<Cell<u32>>;

/// A client of Alice's that requests `calls` tokens, one after the other.
fn client(
    name: &'static str,
    calls: usize,
    without: Part,
    fixture: &CoreFixture,
    passed: &Passed,
) -> Task {
    let passed = passed.clone();
    let store = Yielding(Without::new(without, fixture.records.clone()));
    let acs = Yielding(fixture.acs.clone());
    Box::pin(async move {
        let clock = ManualClock::default();
        let bearer = Bearer { issued_at: Some(clock.now()), authenticated_at: None };
        let pace = TokenPace::per_minute(10).unwrap();
        for _ in 0..calls {
            let subject =
                TokenSubject::Caller { user: user("alice"), bearer, pace, resource: None };
            let invocation = invocation(name, &clock);
            let request = IssueAccessTokenRequest { subject, token: an_hour(), invocation };
            match issue_access_token(&store, &acs, &clock, request).await {
                Ok(_) => passed.set(passed.get() + 1),
                Err(Error::TooManyTokens { .. }) => {}
                Err(error) => unreachable!("{error}"),
            }
        }
    })
}

/// An Alice who has so many calls left of her pace.
fn alice_with_left(calls: u32) -> CoreFixture {
    let fixture = alice();
    let used = Duration::from_secs(6) * (TokenPace::AT_ONCE - calls);
    let until = ManualClock::default().now() + used;
    fixture.records.meanwhile(|seen| Record { pace_until: Some(until), ..seen.clone() });
    fixture
}

/// The number of orders in which two clients with three calls each, with two calls left of the
/// pace, get more than `bound` tokens.
fn orders_beyond(bound: u32, without: Part) -> (usize, usize) {
    bad_of_all_orders(|| {
        let (fixture, passed) = (alice_with_left(2), Passed::default());
        let tasks = ["one", "two"].map(|name| client(name, 3, without, &fixture, &passed));
        (tasks.into(), Box::new(move || passed.get() <= bound))
    })
}

#[test]
fn r84_two_calls_in_flight_with_two_left_get_five_tokens_in_the_worst_order() {
    let (beyond, orders) = orders_beyond(5, Part::Nothing);
    assert!(orders > 1_000, "{orders} orders are too few to show anything");
    assert_eq!(beyond, 0, "of {orders} orders");
    assert!(orders_beyond(4, Part::Nothing).0 > 0, "five is the bound");
}

#[test]
fn r84_without_the_rate_limit_every_call_gets_a_token() {
    let (beyond, orders) = orders_beyond(5, Part::Pace);
    assert_eq!(beyond, orders);
}

/// Each client takes one turn after the other, until all have ended.
fn in_rounds(mut clients: Vec<Task>) {
    let mut context = Context::from_waker(Waker::noop());
    while !clients.is_empty() {
        clients.retain_mut(|client| client.as_mut().poll(&mut context).is_pending());
    }
}

const CLIENTS: [&str; 5] = ["one", "two", "three", "four", "five"];

fn passed_in_rounds(without: Part) -> u32 {
    let (fixture, passed) = (alice(), Passed::default());
    in_rounds(CLIENTS.map(|name| client(name, 10, without, &fixture, &passed)).into());
    passed.get()
}

#[test]
fn r84_calls_that_overlap_in_every_round_count_as_one_per_round() {
    assert_eq!(passed_in_rounds(Part::Nothing), 5 * TokenPace::AT_ONCE);
    assert_eq!(passed_in_rounds(Part::Pace), 50, "without the pace");
}

fn passed_in_a_burst(without: Part) -> u32 {
    let (fixture, passed) = (alice(), Passed::default());
    in_rounds(CLIENTS.map(|name| client(name, 1, without, &fixture, &passed)).into());
    in_rounds(vec![client("later", 10, without, &fixture, &passed)]);
    passed.get()
}

#[test]
fn r84_a_burst_of_calls_counts_as_one_and_leaves_five() {
    assert_eq!(passed_in_a_burst(Part::Nothing), 5 + TokenPace::AT_ONCE - 1);
    assert_eq!(passed_in_a_burst(Part::Pace), 15, "without the pace");
}
