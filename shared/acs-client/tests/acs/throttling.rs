//! A 429 ends the call at once, and the operation is held.

use std::{error::Error as _, time::Duration};

use acs_client::{Answered, ErrorCause, Silence, Unanswered};
use identity_core::{Error, ports::IdentityClient as _, testing::Metrics};

use crate::support::{ClientFixture, ScriptedOperation, ScriptedReply};

const SECONDS: fn(u64) -> Duration = Duration::from_secs;

const HELD: [ScriptedOperation; 5] = [
    ScriptedOperation::Create,
    ScriptedOperation::CreateWithToken,
    ScriptedOperation::Issue,
    ScriptedOperation::ExchangeTeamsUser,
    ScriptedOperation::ExchangeTeamsExtension,
];

/// A 429 with this `Retry-After`.
fn throttled(after: &str) -> ScriptedReply {
    ScriptedReply::with(429, &format!("retry-after: {after}\r\n"), "")
}

/// The time after which the caller may retry.
fn retry_after(outcome: Result<(), Error>) -> Duration {
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
async fn r42_a_throttled_call_of_any_operation_ends_at_once() {
    for operation in ScriptedOperation::ALL {
        let fixture = ClientFixture::new([throttled("0"), operation.success()]);
        let error = fixture.call(operation).await.unwrap_err();
        let answered = Answered::of(&error).unwrap();
        assert_eq!((answered.status(), answered.cause()), (429, &ErrorCause::Throttled));
        assert!(!answered.request_id().is_empty(), "Microsoft's support needs it");
        assert!(retry_after(Err(error)) >= SECONDS(1));
        assert_eq!((fixture.server.count(), fixture.clock.pauses().len()), (1, 0), "{operation:?}");
    }
}

#[tokio::test]
async fn every_attempt_records_its_latency_and_whether_it_was_throttled_or_failed() {
    for (reply, requests, throttled, failed) in [
        (ScriptedReply::token(), 1, 0, 0),
        (ScriptedReply::status(400), 1, 0, 0),
        (throttled("0"), 1, 1, 0),
        (ScriptedReply::status(500), 3, 0, 3),
        (ScriptedReply::Close, 3, 0, 3),
    ] {
        let fixture = ClientFixture::new([reply.clone()]);
        let metrics = Metrics::collect();
        let outcome = fixture.call(ScriptedOperation::Issue).await;
        assert_eq!(fixture.server.count(), requests, "{outcome:?}");
        let sums = ["acs_latency_ms", "acs_throttled", "acs_failed"].map(|name| metrics.sum(name));
        assert_eq!(sums, [Some(0), Some(throttled), Some(failed)], "{reply:?}");
    }
}

#[tokio::test]
async fn r42_the_caller_gets_the_retry_after_of_acs_within_a_second_and_five_minutes() {
    for (after, least, most) in [
        ("0", 1, 2),
        ("10", 10, 12),
        ("Fri, 15 Jan 2027 08:00:30 GMT", 30, 36),
        ("-7", 5, 15),
        ("soon", 5, 15),
        ("1000000000", 300, 300),
        ("99999999999999999999999999", 300, 300),
    ] {
        for operation in [ScriptedOperation::Issue, ScriptedOperation::Revoke] {
            let fixture = ClientFixture::new([throttled(after)]);
            let wait = retry_after(fixture.call(operation).await);
            let expected = SECONDS(least)..=SECONDS(most);
            assert!(expected.contains(&wait), "{operation:?} {after}: {wait:?}");
        }
    }
}

#[tokio::test]
async fn r80_a_held_operation_sends_nothing_until_the_hold_ends() {
    for operation in HELD {
        let fixture = ClientFixture::new([throttled("10"), operation.success()]);
        let first = retry_after(fixture.call(operation).await);
        fixture.clock.advance(SECONDS(4));
        let held = fixture.call(operation).await;
        assert!(is_held(&held), "{operation:?}: {held:?}");
        assert_eq!(retry_after(held) + SECONDS(4), first, "{operation:?}: the remaining time");
        fixture.clock.advance(SECONDS(5));
        assert!(is_held(&fixture.call(operation).await), "{operation:?}");
        assert_eq!(fixture.server.count(), 1, "{operation:?}");

        fixture.clock.advance(SECONDS(4));
        fixture.call(operation).await.unwrap();
        assert_eq!(fixture.server.count(), 2, "{operation:?}");
    }
}

#[tokio::test]
async fn r80_creating_with_and_without_a_token_have_the_same_hold() {
    let fixture = ClientFixture::new([throttled("10"), ScriptedOperation::Create.success()]);
    assert!(!fixture.acs.is_creation_held());
    retry_after(fixture.call(ScriptedOperation::CreateWithToken).await);
    assert!(is_held(&fixture.call(ScriptedOperation::Create).await));
    assert!(fixture.acs.is_creation_held());
    assert_eq!(fixture.server.count(), 1);
    fixture.clock.advance(SECONDS(13));
    assert!(!fixture.acs.is_creation_held());
}

#[tokio::test]
async fn r80_revocations_and_deletions_are_never_held() {
    for operation in [ScriptedOperation::Revoke, ScriptedOperation::Delete] {
        // Operations that are held do not hold a revocation or a deletion, …
        let held = HELD.map(|_| throttled("10"));
        let fixture = ClientFixture::new([held.to_vec(), vec![ScriptedReply::done()]].concat());
        for held in [
            ScriptedOperation::Create,
            ScriptedOperation::Issue,
            ScriptedOperation::ExchangeTeamsUser,
        ] {
            retry_after(fixture.call(held).await);
        }
        let sent = fixture.server.count();
        // … and neither does their own 429.
        for _ in sent..HELD.len() {
            retry_after(fixture.call(operation).await);
        }
        fixture.call(operation).await.unwrap();
        assert_eq!(fixture.server.count(), HELD.len() + 1, "{operation:?}");
    }
}

#[tokio::test]
async fn r80_a_hold_that_begins_between_two_attempts_ends_the_call() {
    let fixture = ClientFixture::new([
        ScriptedReply::status(500),
        throttled("10"),
        ScriptedOperation::Issue.success(),
    ]);
    let fixture = std::sync::Arc::new(fixture);
    let other = fixture.clone();
    // While the first call waits for its second attempt, another call is throttled.
    fixture.clock.at_first_pause(move || {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                retry_after(runtime.unwrap().block_on(other.call(ScriptedOperation::Issue)));
            });
        });
    });
    assert!(is_held(&fixture.call(ScriptedOperation::Issue).await));
    assert_eq!(fixture.server.count(), 2);
}
