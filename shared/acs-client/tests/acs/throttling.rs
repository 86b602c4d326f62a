//! A 429 is returned at once, and the operation is held.

use std::{error::Error as _, time::Duration};

use acs_client::{Answered, Cause, Silence, Unanswered};
use identity_core::{Error, testing::Metrics};

use crate::support::{Operation, Reply, World};

const SECONDS: fn(u64) -> Duration = Duration::from_secs;

const HELD: [Operation; 5] = [
    Operation::Create,
    Operation::CreateWithToken,
    Operation::Issue,
    Operation::ExchangeTeamsUser,
    Operation::ExchangeTeamsExtension,
];

/// A 429 with this `Retry-After`.
fn throttled(asked: &str) -> Reply {
    Reply::with(429, &format!("retry-after: {asked}\r\n"), "")
}

/// The time that the caller is told to wait.
fn told(outcome: Result<(), Error>) -> Duration {
    match outcome {
        Err(Error::Throttled { retry_after, .. }) => retry_after,
        other => unreachable!("{other:?}"),
    }
}

fn is_held(outcome: &Result<(), Error>) -> bool {
    let source = outcome.as_ref().err().and_then(Error::source);
    let unanswered = source.and_then(<dyn std::error::Error>::downcast_ref::<Unanswered>);
    unanswered.is_some_and(|unanswered| matches!(unanswered.why(), Silence::Held))
}

#[tokio::test]
async fn r42_a_throttled_call_is_given_back_at_once_whatever_the_operation() {
    for operation in Operation::ALL {
        let world = World::new([throttled("0"), operation.success()]);
        let error = world.call(operation).await.unwrap_err();
        let answered = Answered::of(&error).unwrap();
        assert_eq!((answered.status(), answered.cause()), (429, &Cause::Throttled));
        assert!(!answered.request_id().is_empty(), "support asks for it");
        assert!(told(Err(error)) >= SECONDS(1));
        assert_eq!((world.server.count(), world.clock.pauses().len()), (1, 0), "{operation:?}");
    }
}

#[tokio::test]
async fn every_attempt_counts_its_latency_and_whether_it_was_throttled_or_failed() {
    for (reply, requests, throttled, failed) in [
        (Reply::token(), 1, 0, 0),
        (Reply::status(400), 1, 0, 0),
        (throttled("0"), 1, 1, 0),
        (Reply::status(500), 3, 0, 3),
        (Reply::Close, 3, 0, 3),
    ] {
        let world = World::new([reply.clone()]);
        let metrics = Metrics::collect();
        let outcome = world.call(Operation::Issue).await;
        assert_eq!(world.server.count(), requests, "{outcome:?}");
        let sums = ["acs_latency_ms", "acs_throttled", "acs_failed"].map(|name| metrics.sum(name));
        assert_eq!(sums, [Some(0), Some(throttled), Some(failed)], "{reply:?}");
    }
}

#[tokio::test]
async fn r42_the_caller_is_told_what_acs_asks_for_and_a_second_to_five_minutes() {
    for (asked, least, most) in [
        ("0", 1, 2),
        ("10", 10, 12),
        ("Fri, 15 Jan 2027 08:00:30 GMT", 30, 36),
        ("-7", 5, 15),
        ("soon", 5, 15),
        ("1000000000", 300, 300),
        ("99999999999999999999999999", 300, 300),
    ] {
        for operation in [Operation::Issue, Operation::Revoke] {
            let world = World::new([throttled(asked)]);
            let told = told(world.call(operation).await);
            let expected = SECONDS(least)..=SECONDS(most);
            assert!(expected.contains(&told), "{operation:?} {asked}: {told:?}");
        }
    }
}

#[tokio::test]
async fn r80_a_held_operation_sends_nothing_until_the_hold_ends() {
    for operation in HELD {
        let world = World::new([throttled("10"), operation.success()]);
        let first = told(world.call(operation).await);
        world.clock.advance(SECONDS(4));
        let held = world.call(operation).await;
        assert!(is_held(&held), "{operation:?}: {held:?}");
        assert_eq!(told(held) + SECONDS(4), first, "{operation:?}: what is left");
        world.clock.advance(SECONDS(5));
        assert!(is_held(&world.call(operation).await), "{operation:?}");
        assert_eq!(world.server.count(), 1, "{operation:?}");

        world.clock.advance(SECONDS(4));
        world.call(operation).await.unwrap();
        assert_eq!(world.server.count(), 2, "{operation:?}");
    }
}

#[tokio::test]
async fn r80_creating_with_and_without_a_token_are_one_limit() {
    let world = World::new([throttled("10"), Operation::Create.success()]);
    told(world.call(Operation::CreateWithToken).await);
    assert!(is_held(&world.call(Operation::Create).await));
    assert_eq!(world.server.count(), 1);
}

#[tokio::test]
async fn r80_a_revocation_and_a_deletion_pass() {
    for operation in [Operation::Revoke, Operation::Delete] {
        // Operations that are held do not hold a revocation or a deletion, …
        let held = HELD.map(|_| throttled("10"));
        let world = World::new([held.to_vec(), vec![Reply::done()]].concat());
        for held in [Operation::Create, Operation::Issue, Operation::ExchangeTeamsUser] {
            told(world.call(held).await);
        }
        let sent = world.server.count();
        // … and neither does their own 429.
        for _ in sent..HELD.len() {
            told(world.call(operation).await);
        }
        world.call(operation).await.unwrap();
        assert_eq!(world.server.count(), HELD.len() + 1, "{operation:?}");
    }
}

#[tokio::test]
async fn r80_a_hold_that_begins_between_two_attempts_ends_the_call() {
    let world = World::new([Reply::status(500), throttled("10"), Operation::Issue.success()]);
    let world = std::sync::Arc::new(world);
    let other = world.clone();
    // While the first call waits for its second attempt, another call is throttled.
    world.clock.at_first_pause(move || {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                told(runtime.unwrap().block_on(other.call(Operation::Issue)));
            });
        });
    });
    assert!(is_held(&world.call(Operation::Issue).await));
    assert_eq!(world.server.count(), 2);
}
