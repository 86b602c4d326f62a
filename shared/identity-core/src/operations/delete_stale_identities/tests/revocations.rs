//! Revocations of invitations whose process died.

use super::*;
use crate::model::guest::InvitationState;
use crate::model::record::By;
use crate::model::{DeviceId, Error};
use crate::testing::invitations::{invitation, revoking};
use crate::testing::resource;

/// The device with this number.
fn device(number: usize) -> DeviceId {
    DeviceId::parse(&format!("{number:022}")).unwrap()
}

/// A fixture with an invitation whose revocation has admitted this many devices, each with an
/// identity, and whose process died long ago.
fn interrupted(devices: usize) -> CoreFixture {
    let mut invitation = invitation("handle");
    revoking(&mut invitation);
    invitation.devices = (0..devices).map(|number| (device(number), now())).collect();
    let guest = |number| {
        let guest = invitation.guest(&device(number));
        let active = State::active(&format!("8:acs:{number}"));
        Record { due_at: Some(invitation.delete_at), ..record(guest.as_str(), active, now()) }
    };
    let fixture = CoreFixture::with((0..devices).map(guest));
    fixture.records.put_invitation(&invitation);
    fixture.clock.advance(ABANDONED_AFTER + Duration::from_millis(1));
    fixture
}

/// A run at the time of the clock.
async fn run_now(fixture: &CoreFixture) -> CleanupRun {
    let time = fixture.clock.now();
    run(fixture, CleanupRequest { time, ..request(fixture, CleanupMode::Apply) }).await
}

fn state(fixture: &CoreFixture) -> InvitationState {
    fixture.records.invitations()[0].state
}

fn blocked(fixture: &CoreFixture) -> usize {
    fixture.records.records().iter().filter(|record| record.state.is_blocked()).count()
}

#[tokio::test]
async fn r72_a_run_finishes_the_revocation_of_an_invitation_whose_process_died() {
    let mut invitation = invitation("handle");
    revoking(&mut invitation);
    invitation.devices = [0, 1].map(|number| (device(number), now())).into();
    // The second device was admitted, and its identity not created.
    let guest = invitation.guest(&device(0));
    let fixture = CoreFixture::with([record(guest.as_str(), State::active("8:acs:0"), now())]);
    let token = fixture.acs.token_from_before(&acs_id("8:acs:0"));
    fixture.records.put_invitation(&invitation);
    fixture.clock.advance(ABANDONED_AFTER);
    run_now(&fixture).await;
    assert_eq!(state(&fixture), InvitationState::Revoking, "the process may live");
    fixture.clock.advance(Duration::from_millis(1));
    let run = run_now(&fixture).await;
    assert_eq!(run.finished.revocations, 2);
    assert_eq!((state(&fixture), blocked(&fixture)), (InvitationState::Revoked, 2));
    assert!(!fixture.acs.is_alive(&token));
    // The receipt says who revoked the invitation, not who finished it.
    let by = By::administrator(&user("inviter"));
    let records = fixture.records.records();
    assert!(records.iter().all(|record| record.receipts[0].cause.by == by));
}

#[tokio::test]
async fn r33_a_run_cuts_the_guests_of_an_invitation_off_at_its_pace() {
    let fixture = interrupted(41);
    let before = fixture.clock.elapsed();
    let run = run_now(&fixture).await;
    assert_eq!((run.finished.revocations, state(&fixture)), (41, InvitationState::Revoked));
    let took = fixture.clock.elapsed().saturating_sub(before);
    assert!(took >= Duration::from_secs(5), "40 intervals of an eighth in {took:?}");
}

#[tokio::test]
async fn r33_a_run_stops_among_the_guests_of_an_invitation_and_the_next_goes_on() {
    let fixture = interrupted(40);
    let mut short = request(&fixture, CleanupMode::Apply);
    short.invocation.deadline = fixture.clock.now() + Duration::from_secs(6);
    let deadline = short.invocation.deadline;
    let first = run(&fixture, short).await;
    assert!(deadline.duration_since(fixture.clock.now()).unwrap() >= Duration::from_secs(2));
    assert_eq!(first.stopped.unwrap().because, Limit::Deadline);
    assert_eq!((first.finished.revocations, state(&fixture)), (0, InvitationState::Revoking));
    assert!((1..40).contains(&blocked(&fixture)), "{}", blocked(&fixture));
    run_now(&fixture).await;
    assert_eq!((state(&fixture), blocked(&fixture)), (InvitationState::Revoked, 40));
    assert_eq!(fixture.acs.calls().len(), 40, "no guest is cut off twice");
}

#[tokio::test]
async fn r33_if_acs_throttles_the_next_guest_waits_and_the_next_run_finishes() {
    let fixture = interrupted(9);
    let before = fixture.clock.elapsed();
    let mut first = true;
    fixture.acs.fail(move |_| {
        let retry_after = Duration::from_secs(20);
        std::mem::take(&mut first).then(|| Error::Throttled { retry_after, source: "429".into() })
    });
    let throttled = run_now(&fixture).await;
    assert_eq!((throttled.failed, throttled.stopped), (0, None));
    assert_eq!((state(&fixture), blocked(&fixture)), (InvitationState::Revoking, 9));
    assert!(fixture.clock.elapsed().saturating_sub(before) >= Duration::from_secs(20));
    fixture.clock.advance(ABANDONED_AFTER);
    run_now(&fixture).await;
    assert_eq!(state(&fixture), InvitationState::Revoked);
    assert_eq!(fixture.acs.calls().len(), 10, "only the throttled request is repeated");
}

#[tokio::test]
async fn a_key_that_acs_refuses_does_not_block_every_guest() {
    let fixture = interrupted(40);
    fixture.acs.fail(|_| Some(Error::AcsRefused("401".into())));
    assert_eq!(run_now(&fixture).await.stopped.unwrap().because, Limit::AlwaysFails);
    assert!(blocked(&fixture) <= 15, "{}", blocked(&fixture));
}

#[tokio::test]
async fn r35_a_guest_who_cannot_be_cut_off_is_stuck_after_six_runs_and_others_are_not_affected() {
    let fixture = interrupted(2);
    fixture.acs.disown(&acs_id("8:acs:0"));
    for attempt in 1..=6 {
        let run = run_now(&fixture).await;
        assert_eq!((run.failed, run.stuck), (1, u64::from(attempt == 6)), "{attempt}");
        fixture.clock.advance(Duration::from_mins(1));
    }
    let calls = fixture.acs.calls().len();
    assert_eq!((run_now(&fixture).await.stuck, fixture.acs.calls().len()), (1, calls));
    assert_eq!((state(&fixture), blocked(&fixture)), (InvitationState::Revoking, 2));
}

#[tokio::test]
async fn r81_a_guest_of_a_resource_that_is_not_configured_is_left_as_they_are() {
    let fixture = interrupted(1);
    fixture.records.meanwhile(|seen| Record { resource: resource("gone"), ..seen.clone() });
    let run = run_now(&fixture).await;
    assert_eq!((run.failed, state(&fixture)), (1, InvitationState::Revoking));
    assert_eq!((blocked(&fixture), fixture.acs.calls()), (0, vec![]));
}
