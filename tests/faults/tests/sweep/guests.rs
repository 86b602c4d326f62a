//! Tests of the functions that let a guest in, and that cut all guests of an invitation off.

use std::time::Duration;

use api_types::format_timestamp;
use identity_core::{
    ABANDONED_AFTER,
    guest::Invitation,
    ports::{Change, IdentityStore as _, InvitationStore as _},
    record::{Record, State},
    testing::{invitation, invitations::known, record, user},
};
use serde_json::{Value, json};

use crate::{
    fixture::{SweepAcs, SweepFixture, SweepRun, days_ago},
    gate::SweepStrike,
    http::{authorized, request, response},
    sweep,
};

/// An invitation for one device, which is open now. It is stored.
pub(crate) async fn invite(
    fixture: &SweepFixture<'_>,
    change: impl FnOnce(&mut Invitation),
) -> Invitation {
    let closes_at = days_ago(0) + Duration::from_hours(1);
    let mut made = Invitation {
        most: 1,
        opens_at: days_ago(1),
        closes_at,
        delete_at: closes_at + Duration::from_hours(2),
        created_by: user("https://idp.example|alice"),
        ..invitation("handle")
    };
    change(&mut made);
    fixture.store.add_invitation(&made).await.unwrap();
    made
}

fn exchange(letter: char) -> Value {
    exchange_with(letter, None)
}

/// The request of a device with a PIN.
pub(crate) fn exchange_with(letter: char, pin: Option<&str>) -> Value {
    let device = letter.to_string().repeat(22);
    let body = json!({ "handle": "handle", "device": device, "pin": pin });
    request("POST /v1/guest/token", json!({}), &json!({}), &body)
}

fn revocation(of: &Invitation) -> Value {
    let claims = json!({
        "iss": "https://idp.example",
        "sub": "alice",
        "scope": "guestpass.invite",
        "iat": "4102444800",
    });
    let id = json!({ "id": of.id.as_str() });
    request("POST /v1/invitations/{id}/revoke", authorized(&claims), &id, &json!({}))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r70_after_a_kill_at_any_call_the_same_device_gets_in_and_no_other() {
    let acs = SweepAcs::start().await;
    let fixture = SweepFixture::new(&acs, "exchange-guest-pass").await;
    invite(&fixture, |_| {}).await;
    let (run, calls) = fixture.run(&exchange('a'), None).await;
    assert_eq!(response(&run, "no kill").0, 200, "{run:?}");
    drop(fixture);
    let deaths = sweep(&calls, die_exchanging).await;
    // The place, the reservation and its activation are written, each with two deaths.
    assert!(deaths > 2 * 3, "{deaths}");
}

async fn die_exchanging(acs: &SweepAcs, strike: SweepStrike) {
    let fixture = SweepFixture::new(acs, "exchange-guest-pass").await;
    let made = invite(&fixture, |_| {}).await;
    let (dead, calls) = fixture.run(&exchange('a'), Some(strike)).await;
    let context = format!("killed {strike:?}: {:?}", calls.last());
    assert!(matches!(dead, SweepRun::Killed), "{context}");

    // The reservation of the dead process has expired.
    fixture.advance(Duration::from_mins(2));
    let (next, _) = fixture.run(&exchange('a'), None).await;
    let (status, body) = response(&next, &context);
    assert_eq!(status, 200, "{context}: {body}");
    let (other, _) = fixture.run(&exchange('b'), None).await;
    let (status, refusal) = response(&other, &context);
    assert_eq!((status, &refusal["type"]), (403, &json!("/problems/invitation-used-up")));

    let stored = fixture.store.find_invitation(&made.id).await.unwrap().unwrap();
    assert_eq!(stored.devices.len(), 1, "{context}");
    let id = body["user"]["communicationUserId"].as_str().unwrap();
    let living = fixture.living().await;
    assert!(living.iter().any(|(one, tokens)| one == id && *tokens > 0), "{context}: {living:?}");
    assert!(living.len() <= 2, "at most one orphan; {context}: {living:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r72_after_a_kill_at_any_call_a_repeated_revocation_cuts_every_guest_off() {
    let acs = SweepAcs::start().await;
    let fixture = SweepFixture::new(&acs, "revoke-invitation").await;
    let made = guest(&fixture).await;
    let (run, calls) = fixture.run(&revocation(&made), None).await;
    assert_eq!(response(&run, "no kill").0, 200, "{run:?}");
    drop(fixture);
    let deaths = sweep(&calls, die_revoking).await;
    // Both writes of the invitation, the guest's block, ACS, and its confirmation.
    assert!(deaths > 2 * 5, "{deaths}");
}

/// An invitation whose one guest has a token.
async fn guest(fixture: &SweepFixture<'_>) -> Invitation {
    let made = invite(fixture, known).await;
    let acs_id = fixture.identity().await;
    fixture.token(&acs_id).await;
    let device = made.devices.keys().next().unwrap();
    fixture.add_guest(&made.guest(device), acs_id, made.delete_at).await;
    made
}

async fn die_revoking(acs: &SweepAcs, strike: SweepStrike) {
    let fixture = SweepFixture::new(acs, "revoke-invitation").await;
    let made = guest(&fixture).await;
    let (dead, calls) = fixture.run(&revocation(&made), Some(strike)).await;
    let context = format!("killed {strike:?}: {:?}", calls.last());
    assert!(matches!(dead, SweepRun::Killed), "{context}");

    let (next, _) = fixture.run(&revocation(&made), None).await;
    let (status, body) = response(&next, &context);
    assert_eq!(status, 200, "{context}: {body}");
    assert!(body["revokedAt"].is_string(), "{context}: {body}");
    let living = fixture.living().await;
    assert!(living.iter().all(|(_, tokens)| *tokens == 0), "{context}: {living:?}");
    let stored = fixture.store.find_invitation(&made.id).await.unwrap().unwrap();
    assert_eq!(stored.state.as_str(), "revoked", "{context}");
}

/// An invitation that ended hours ago, and whose one guest is due.
async fn due_guest(fixture: &SweepFixture<'_>) -> Invitation {
    let made = invite(fixture, |made| {
        known(made);
        made.closes_at = days_ago(0) - Duration::from_hours(3);
        made.delete_at = days_ago(0) - Duration::from_hours(1);
    });
    let (made, acs_id) = (made.await, fixture.identity().await);
    let guest = made.guest(made.devices.keys().next().unwrap());
    let usable = State::Active { acs_id };
    let due_at = Some(made.delete_at);
    let record = Record { due_at, ..record(guest.as_str(), usable, days_ago(1)) };
    let written = fixture.store.advance(None, &record).await.unwrap();
    assert!(matches!(written, Change::Made(_)));
    made
}

fn schedule() -> Value {
    json!({ "time": format_timestamp(days_ago(0)) })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r75_after_a_kill_at_any_call_the_next_run_deletes_the_guests_that_are_due() {
    let acs = SweepAcs::start().await;
    let fixture = SweepFixture::new(&acs, "delete-stale-identities").await;
    due_guest(&fixture).await;
    let (run, calls) = fixture.run(&schedule(), None).await;
    assert!(matches!(&run, SweepRun::Completed(run) if run["guests"]["deleted"] == 1), "{run:?}");
    assert_eq!(fixture.living().await, []);
    drop(fixture);
    let deaths = sweep(&calls, die_deleting).await;
    // The mark, the deletion and its confirmation, each with two deaths.
    assert!(deaths > 2 * 3, "{deaths}");
}

async fn die_deleting(acs: &SweepAcs, strike: SweepStrike) {
    let fixture = SweepFixture::new(acs, "delete-stale-identities").await;
    let made = due_guest(&fixture).await;
    let (dead, calls) = fixture.run(&schedule(), Some(strike)).await;
    let context = format!("killed {strike:?}: {:?}", calls.last());
    assert!(matches!(dead, SweepRun::Killed), "{context}");

    fixture.advance(ABANDONED_AFTER + Duration::from_secs(1));
    let (next, _) = fixture.run(&schedule(), None).await;
    assert!(matches!(next, SweepRun::Completed(_)), "{context}");
    assert_eq!(fixture.living().await, [], "{context}");
    let guest = made.guest(made.devices.keys().next().unwrap());
    let left = fixture.store.find(&guest).await.unwrap();
    assert!(left.is_none_or(|left| left.state == State::Deleted), "{context}");
    let asked = fixture.asked("deleteIdentity").await.len();
    assert!((1..=2).contains(&asked), "deleted {asked} times; {context}");
}
