//! Tests of the assignments to Teams Phone: a process is killed while it makes or ends one.

use std::time::Duration;

use api_types::format_timestamp;
use identity_core::{
    ABANDONED_AFTER,
    phone::PhoneState,
    ports::PhoneInventory as _,
    testing::phone::{guid, principal},
};
use serde_json::{Value, json};

use crate::{
    fixture::{SweepAcs, SweepFixture, SweepRun, days_ago},
    gate::SweepStrike,
    http::{authorized, request, response},
    sweep,
};

/// A request of an administrator about the principal 5, whose user is alice.
fn administer(method: &str) -> Value {
    let claims = json!({
        "iss": "https://idp.example",
        "sub": "root",
        "scope": "guestpass.admin",
        "role": "guestpass-admin",
        "iat": "4102444800",
    });
    let route = format!("{method} /v1/teams-phone/assignments/{{tenant}}/{{object}}");
    let parameters = json!({ "tenant": guid(1), "object": guid(5) });
    let body = json!({ "clientIds": [guid(9)], "user": ALICE });
    request(&route, authorized(&claims), &parameters, &body)
}

/// The event that alice's account was disabled, a second after `assign`.
fn disabled() -> Value {
    let occurred_at = format_timestamp(days_ago(0) + Duration::from_secs(1));
    let body = json!({
        "source": "guestpass.identity",
        "detail-type": "user.disabled",
        "id": "event-1",
        "detail": { "externalId": ALICE, "occurredAt": occurred_at },
    });
    json!({ "Records": [{
        "messageId": "message-1",
        "body": body.to_string(),
        "attributes": { "ApproximateReceiveCount": "1" },
    }] })
}

fn schedule() -> Value {
    json!({ "time": format_timestamp(days_ago(0)) })
}

/// A fixture in which the principal is assigned.
async fn assigned(acs: &SweepAcs) -> SweepFixture<'_> {
    let fixture = SweepFixture::new(acs, PHONE).await;
    let (run, _) = fixture.run(&administer("PUT"), None).await;
    assert_eq!(response(&run, "assign").0, 200, "{run:?}");
    fixture
}

/// What the inventory says.
async fn state(fixture: &SweepFixture<'_>) -> Option<PhoneState> {
    let entry = fixture.store.find_entry(&principal(5)).await.unwrap();
    entry.map(|entry| entry.state).filter(|state| *state != PhoneState::Removed)
}

/// Kills the run of `event`.
async fn kill(fixture: &SweepFixture<'_>, event: &Value, strike: SweepStrike) -> String {
    let (dead, calls) = fixture.run(event, Some(strike)).await;
    let context = format!("killed {strike:?}: {:?}", calls.last());
    assert!(matches!(dead, SweepRun::Killed), "{context}");
    context
}

/// Runs the cleanup when the dead process can no longer be alive. Afterwards, the inventory says what
/// ACS has.
async fn clean_up(fixture: &mut SweepFixture<'_>, context: &str) {
    fixture.advance(ABANDONED_AFTER + Duration::from_secs(1));
    fixture.switch_to("delete-stale-identities");
    let (run, _) = fixture.run(&schedule(), None).await;
    assert!(matches!(run, SweepRun::Completed(_)), "{context}: {run:?}");
    let known = fixture.is_assigned(&principal(5)).await.then_some(PhoneState::Assigned);
    assert_eq!(state(fixture).await, known, "{context}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r91_after_a_kill_at_any_call_the_cleanup_learns_whether_acs_has_the_assignment() {
    let acs = SweepAcs::start().await;
    let fixture = SweepFixture::new(&acs, PHONE).await;
    let (run, calls) = fixture.run(&administer("PUT"), None).await;
    assert_eq!(response(&run, "no kill").0, 200, "{run:?}");
    drop(fixture);
    let deaths = sweep(&calls, die_assigning).await;
    // The link of the user, the intent, ACS, and the outcome, each with two deaths.
    assert!(deaths > 2 * 4, "{deaths}: {calls:?}");
}

async fn die_assigning(acs: &SweepAcs, strike: SweepStrike) {
    let mut fixture = SweepFixture::new(acs, PHONE).await;
    let context = kill(&fixture, &administer("PUT"), strike).await;
    let before = fixture.is_assigned(&principal(5)).await;
    if before {
        assert_ne!(state(&fixture).await, None, "ACS has what the inventory does not; {context}");
    }
    clean_up(&mut fixture, &context).await;
    assert_eq!(fixture.is_assigned(&principal(5)).await, before, "it gives no access; {context}");

    fixture.switch_to(PHONE);
    let (again, _) = fixture.run(&administer("PUT"), None).await;
    assert_eq!(response(&again, &context).0, 200, "{context}: {again:?}");
    assert!(fixture.is_assigned(&principal(5)).await, "{context}");
    assert_eq!(state(&fixture).await, Some(PhoneState::Assigned), "{context}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r91_after_a_kill_at_any_call_the_cleanup_ends_an_assignment_that_was_to_end() {
    let acs = SweepAcs::start().await;
    let fixture = assigned(&acs).await;
    let (run, calls) = fixture.run(&administer("DELETE"), None).await;
    assert_eq!(response(&run, "no kill").0, 204, "{run:?}");
    drop(fixture);
    let deaths = sweep(&calls, die_unassigning).await;
    // The intent, ACS, and the outcome, each with two deaths.
    assert!(deaths > 2 * 3, "{deaths}: {calls:?}");
}

async fn die_unassigning(acs: &SweepAcs, strike: SweepStrike) {
    let mut fixture = assigned(acs).await;
    let context = kill(&fixture, &administer("DELETE"), strike).await;
    let is_recorded = state(&fixture).await != Some(PhoneState::Assigned);
    clean_up(&mut fixture, &context).await;
    if is_recorded {
        assert!(!fixture.is_assigned(&principal(5)).await, "{context}");
    }
    fixture.switch_to(PHONE);
    let (again, _) = fixture.run(&administer("DELETE"), None).await;
    assert_eq!(response(&again, &context).0, 204, "{context}: {again:?}");
    assert!(!fixture.is_assigned(&principal(5)).await, "{context}");
    assert_eq!(state(&fixture).await, None, "{context}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r92_after_a_kill_at_any_call_the_redelivery_ends_the_assignment() {
    let acs = SweepAcs::start().await;
    let mut fixture = assigned(&acs).await;
    fixture.switch_to(EVENTS);
    let (run, calls) = fixture.run(&disabled(), None).await;
    assert!(matches!(&run, SweepRun::Completed(done) if *done == all_done()), "{run:?}");
    assert!(!fixture.is_assigned(&principal(5)).await);
    drop(fixture);
    let deaths = sweep(&calls, die_of_an_event).await;
    // The block of the user; the intent, ACS, and the outcome, each with two deaths.
    assert!(deaths > 2 * 4, "{deaths}: {calls:?}");
}

async fn die_of_an_event(acs: &SweepAcs, strike: SweepStrike) {
    let mut fixture = assigned(acs).await;
    fixture.switch_to(EVENTS);
    let event = disabled();
    let context = kill(&fixture, &event, strike).await;
    fixture.advance(VISIBILITY);
    let (next, _) = fixture.run(&event, None).await;
    assert!(
        matches!(&next, SweepRun::Completed(done) if *done == all_done()),
        "{context}: {next:?}"
    );
    assert!(!fixture.is_assigned(&principal(5)).await, "{context}");
    assert_eq!(state(&fixture).await, None, "{context}");
}

fn all_done() -> Value {
    json!({ "batchItemFailures": [] })
}

const PHONE: &str = "provide-teams-phone";
const EVENTS: &str = "revoke-on-event";

const ALICE: &str = "https://idp.example|alice";

/// Slightly more than the visibility timeout of the queue.
const VISIBILITY: Duration = Duration::from_secs(61);
