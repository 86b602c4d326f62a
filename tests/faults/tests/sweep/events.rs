//! Tests of the function that consumes the event queue.

use std::time::Duration;

use api_types::format_timestamp;
use identity_core::{
    event::EventKind,
    identity::AcsId,
    ports::{Change, IdentityStore as _},
    record::{Record, State},
    testing::{record, user},
};
use serde_json::{Value, json};

use crate::{
    fixture::{SweepAcs, SweepFixture, SweepRun, days_ago},
    gate::SweepStrike,
    sweep,
};

/// The events for ten users, each of whom has an identity and a token.
const BATCH: [EventKind; 10] = [
    EventKind::Disabled,
    EventKind::Deleted,
    EventKind::SignedOut,
    EventKind::Disabled,
    EventKind::Disabled,
    EventKind::CredentialsChanged,
    EventKind::Deleted,
    EventKind::Disabled,
    EventKind::Enabled,
    EventKind::Disabled,
];

/// The user of the one event that leaves tokens valid.
const ENABLED: usize = 8;

async fn create_users(fixture: &SweepFixture<'_>) -> Vec<AcsId> {
    let mut identities = Vec::new();
    for number in 0..BATCH.len() {
        let acs_id = fixture.identity().await;
        fixture.token(&acs_id).await;
        let usable = State::Active { acs_id: acs_id.clone() };
        let written =
            fixture.store.advance(None, &record(&name(number), usable, days_ago(1))).await.unwrap();
        assert!(matches!(written, Change::Made(_)));
        identities.push(acs_id);
    }
    identities
}

/// The messages of one batch, delivered for the nth time.
fn batch(delivery: u32, occurred_at: &str) -> Value {
    let records = BATCH.iter().enumerate().map(|(number, kind)| {
        let body = json!({
            "source": "guestpass.identity",
            "detail-type": kind.as_str(),
            "id": format!("event-{number}"),
            "detail": { "externalId": name(number), "occurredAt": occurred_at },
        });
        json!({
            "messageId": format!("message-{number}"),
            "body": body.to_string(),
            "attributes": { "ApproximateReceiveCount": delivery.to_string() },
        })
    });
    json!({ "Records": records.collect::<Vec<_>>() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r25_after_a_kill_at_any_call_the_redelivery_completes_the_batch() {
    let acs = SweepAcs::start().await;
    let fixture = SweepFixture::new(&acs, FUNCTION).await;
    create_users(&fixture).await;
    let (run, calls) = fixture.run(&batch(1, &format_timestamp(days_ago(0))), None).await;
    assert!(matches!(&run, SweepRun::Completed(response) if *response == all_done()), "{run:?}");
    drop(fixture);
    let deaths = sweep(&calls, die).await;
    // Nine events have a write, a request to ACS and a confirmation, each with two deaths; ten
    // reads have one death each.
    assert!(deaths > 2 * 3 * 9 + 10, "{deaths}");
}

async fn die(acs: &SweepAcs, strike: SweepStrike) {
    let fixture = SweepFixture::new(acs, FUNCTION).await;
    let users = create_users(&fixture).await;
    let occurred_at = format_timestamp(days_ago(0));
    let (dead, calls) = fixture.run(&batch(1, &occurred_at), Some(strike)).await;
    let context = format!("killed {strike:?}: {:?}", calls.last());
    assert!(matches!(dead, SweepRun::Killed), "{context}");
    let mut half_done = Vec::new();
    for number in 0..BATCH.len() {
        half_done.push(find(&fixture, number).await.is_unfinished());
    }

    // No message was confirmed, so all are visible again. Before that time the test fails, because
    // the process that began the work may still run.
    fixture.advance(VISIBILITY);
    let (next, _) = fixture.run(&batch(2, &occurred_at), None).await;
    assert!(
        matches!(&next, SweepRun::Completed(response) if *response == all_done()),
        "{context}: {next:?}"
    );

    let revoked = fixture.asked("revokeAccessTokens").await;
    let deleted = fixture.asked("deleteIdentity").await;
    for (number, kind) in BATCH.into_iter().enumerate() {
        let acs_id = users[number].clone();
        let asked = |of: &[String]| of.iter().filter(|id| *id == acs_id.as_str()).count();
        let times = (asked(&revoked), asked(&deleted));
        let once_or_twice = |times| times == 1 || (times == 2 && half_done[number]);
        let left = find(&fixture, number).await;
        let (state, is_right) = match kind {
            EventKind::Disabled => {
                (State::Blocked { acs_id: Some(acs_id) }, once_or_twice(times.0) && times.1 == 0)
            }
            EventKind::SignedOut | EventKind::CredentialsChanged => {
                (State::Active { acs_id }, once_or_twice(times.0) && times.1 == 0)
            }
            EventKind::Enabled => (State::Active { acs_id }, times == (0, 0)),
            EventKind::Deleted => (State::Deleted, times.0 == 0 && once_or_twice(times.1)),
        };
        assert!(is_right, "{kind:?} revoked and deleted {times:?} times; {context}");
        assert_eq!((left.state, left.pending_revocation), (state, None), "{kind:?}; {context}");
        let unconfirmed = left.receipts.iter().any(|receipt| receipt.revoked_at.is_none());
        assert!(!unconfirmed && left.receipts.len() <= 1, "{kind:?}; {context}");
    }
    let mut living = fixture.living().await;
    living.retain(|(_, tokens)| *tokens > 0);
    let expected = vec![(users[ENABLED].as_str().to_owned(), 1)];
    assert_eq!(living, expected, "only this user has a live token; {context}");
}

fn all_done() -> Value {
    json!({ "batchItemFailures": [] })
}

async fn find(fixture: &SweepFixture<'_>, number: usize) -> Record {
    fixture.store.find(&user(&name(number))).await.unwrap().unwrap()
}

fn name(number: usize) -> String {
    format!("user-{number}")
}

const FUNCTION: &str = "revoke-on-event";

/// Slightly more than the visibility timeout of the queue.
const VISIBILITY: Duration = Duration::from_secs(61);
