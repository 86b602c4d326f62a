//! Tests of the function that consumes the event queue.

use std::time::Duration;

use identity_core::{
    event::EventKind,
    identity::AcsId,
    ports::{Change, IdentityStore as _},
    record::{Record, State},
    testing::{record, user},
};
use serde_json::{Value, json};

use crate::{
    gate::Strike,
    rfc3339, sweep,
    world::{Acs, Run, World, days_ago},
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

async fn people(world: &World<'_>) -> Vec<AcsId> {
    let mut identities = Vec::new();
    for number in 0..BATCH.len() {
        let acs_id = world.identity().await;
        world.token(&acs_id).await;
        let usable = State::Active { acs_id: acs_id.clone() };
        let written =
            world.store.advance(None, &record(&name(number), usable, days_ago(1))).await.unwrap();
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
async fn r25_killed_at_any_call_the_redelivery_brings_every_user_to_the_right_end() {
    let acs = Acs::start().await;
    let world = World::new(&acs, FUNCTION).await;
    people(&world).await;
    let (run, calls) = world.run(&batch(1, &rfc3339(days_ago(0))), None).await;
    assert!(matches!(&run, Run::Answered(answer) if *answer == all_done()), "{run:?}");
    drop(world);
    let deaths = sweep(&calls, die).await;
    // Nine events have a write, a request to ACS and a confirmation, each with two deaths; ten
    // reads have one death each.
    assert!(deaths > 2 * 3 * 9 + 10, "{deaths}");
}

async fn die(acs: &Acs, strike: Strike) {
    let world = World::new(acs, FUNCTION).await;
    let people = people(&world).await;
    let occurred_at = rfc3339(days_ago(0));
    let (dead, calls) = world.run(&batch(1, &occurred_at), Some(strike)).await;
    let place = format!("killed {strike:?}: {:?}", calls.last());
    assert!(matches!(dead, Run::Killed), "{place}");
    let mut half_done = Vec::new();
    for number in 0..BATCH.len() {
        half_done.push(find(&world, number).await.is_unfinished());
    }

    // No message was confirmed, so all are visible again. Before that time the test fails, because
    // the process that began the work may still run.
    world.advance(VISIBILITY);
    let (next, _) = world.run(&batch(2, &occurred_at), None).await;
    assert!(matches!(&next, Run::Answered(answer) if *answer == all_done()), "{place}: {next:?}");

    let revoked = world.asked("revokeAccessTokens").await;
    let deleted = world.asked("deleteIdentity").await;
    for (number, kind) in BATCH.into_iter().enumerate() {
        let acs_id = people[number].clone();
        let asked = |of: &[String]| of.iter().filter(|id| *id == acs_id.as_str()).count();
        let times = (asked(&revoked), asked(&deleted));
        let once_or_twice = |times| times == 1 || (times == 2 && half_done[number]);
        let left = find(&world, number).await;
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
        assert!(is_right, "{kind:?} revoked and deleted {times:?} times; {place}");
        assert_eq!((left.state, left.pending_revocation), (state, None), "{kind:?}; {place}");
        let unconfirmed = left.receipts.iter().any(|receipt| receipt.revoked_at.is_none());
        assert!(!unconfirmed && left.receipts.len() <= 1, "{kind:?}; {place}");
    }
    let mut living = world.living().await;
    living.retain(|(_, tokens)| *tokens > 0);
    let expected = vec![(people[ENABLED].as_str().to_owned(), 1)];
    assert_eq!(living, expected, "nobody else has a live token; {place}");
}

fn all_done() -> Value {
    json!({ "batchItemFailures": [] })
}

async fn find(world: &World<'_>, number: usize) -> Record {
    world.store.find(&user(&name(number))).await.unwrap().unwrap()
}

fn name(number: usize) -> String {
    format!("user-{number}")
}

const FUNCTION: &str = "revoke-on-event";

/// Slightly more than the visibility timeout of the queue.
const VISIBILITY: Duration = Duration::from_secs(61);
