//! Revocations of invitations whose process died.

use super::*;
use crate::model::guest::InvitationState;
use crate::model::record::By;
use crate::model::{DeviceId, Error, IdentityRef, Invitation};
use crate::operations::delete_identity::{DeleteIdentityRequest, IfForeign, delete_identity};
use crate::operations::guests::get_invitation::{
    GetInvitationRequest, GuestRevocation, get_invitation,
};
use crate::operations::guests::revoke_invitation::{RevokeInvitationRequest, revoke_invitation};
use crate::ports::Change;
use crate::protocol::inviter::Inviter;
use crate::testing::invitations::{guest_policy, invitation, revoking};
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

/// An operator who revokes the invitation again asks ACS again; one who deletes the identity needs
/// no revocation any more.
#[tokio::test]
async fn r72_an_invitation_with_a_stuck_guest_is_revoked_once_an_operator_has_acted() {
    for deletes in [false, true] {
        let fixture = stuck().await;
        fixture.acs.own(&acs_id("8:acs:0"));
        if deletes {
            delete(&fixture).await;
            run_now(&fixture).await;
        } else {
            revoke_again(&fixture).await.unwrap();
        }
        assert_eq!(state(&fixture), InvitationState::Revoked, "deletes: {deletes}");
        assert_eq!(fixture.acs.live_tokens(), 0);
    }
}

#[tokio::test]
async fn of_several_failures_the_request_reports_one_that_a_repeated_request_heals() {
    for foreign in [0, 1] {
        let fixture = interrupted(2);
        fixture.acs.disown(&acs_id(&format!("8:acs:{foreign}")));
        let mut calls = 0;
        fixture.acs.fail(move |_| {
            calls += 1;
            let retry_after = Duration::from_secs(7);
            (calls == 2 - foreign).then(|| Error::Throttled { retry_after, source: "429".into() })
        });
        let failed = revoke_again(&fixture).await;
        assert!(matches!(failed, Err(Error::Throttled { .. })), "{foreign}: {failed:?}");
    }
}

#[tokio::test]
async fn r72_of_a_guest_who_is_cut_off_already_the_resource_is_not_asked() {
    let fixture = interrupted(1);
    let revoking = fixture.records.invitations().remove(0);
    run_now(&fixture).await;
    let guest = revoking.guest(&device(0));
    let seen = fixture.records.find(&guest).await.unwrap().unwrap();
    let gone = Record { resource: resource("gone"), ..seen.clone() };
    assert!(matches!(fixture.store.advance(Some(&seen), &gone).await, Ok(Change::Made(_))));
    // As if the run had died before it recorded that the invitation is revoked.
    fixture.records.put_invitation(&revoking);
    run_now(&fixture).await;
    assert_eq!(state(&fixture), InvitationState::Revoked);
}

/// A resource that is not configured any more cannot be asked to delete the identity.
#[tokio::test]
async fn r35_a_stuck_guest_who_is_due_and_cannot_be_deleted_is_still_counted_as_stuck() {
    let fixture = stuck().await;
    let due_at = fixture.records.invitations()[0].delete_at;
    fixture.clock.advance(due_at.duration_since(fixture.clock.now()).unwrap());
    let guest = fixture.records.invitations()[0].guest(&device(0));
    let seen = fixture.records.find(&guest).await.unwrap().unwrap();
    let gone = Record { resource: resource("gone"), ..seen.clone() };
    assert!(matches!(fixture.store.advance(Some(&seen), &gone).await, Ok(Change::Made(_))));
    for _ in 0..2 {
        assert_eq!(run_now(&fixture).await.stuck, 1);
        fixture.clock.advance(ABANDONED_AFTER + Duration::from_millis(1));
    }
}

/// Back ends repeat a request that failed. The alarm about stuck identities must come all the same.
#[tokio::test]
async fn r35_a_request_that_is_repeated_does_not_forget_how_often_acs_has_refused() {
    let fixture = interrupted(2);
    fixture.acs.disown(&acs_id("8:acs:0"));
    for _ in 0..5 {
        run_now(&fixture).await;
        let refused = revoke_again(&fixture).await;
        assert!(matches!(refused, Err(Error::ForeignIdentity(_))), "{refused:?}");
        fixture.clock.advance(Duration::from_mins(1));
    }
    assert_eq!(run_now(&fixture).await.stuck, 1);
    let receipts = fixture.records.records().into_iter().map(|record| record.receipts.len());
    assert_eq!(receipts.collect::<Vec<_>>(), [1, 1]);
}

/// The deletion is announced, and ends the tokens, too. If ACS refuses it as well, it is tried six
/// times, and not for ever.
#[tokio::test]
async fn r75_a_guest_who_is_stuck_is_deleted_when_due() {
    for is_refused in [false, true] {
        let fixture = stuck().await;
        if !is_refused {
            fixture.acs.own(&acs_id("8:acs:0"));
        }
        let before = fixture.acs.calls().len();
        run_now(&fixture).await;
        assert_eq!(fixture.acs.calls().len(), before, "not due");
        let due_at = fixture.records.invitations()[0].delete_at;
        let wait = due_at.duration_since(fixture.clock.now()).unwrap();
        fixture.clock.advance(wait);
        let plan = CleanupRequest {
            time: fixture.clock.now(),
            guests: CleanupMode::Plan,
            ..request(&fixture, CleanupMode::Apply)
        };
        assert_eq!(run(&fixture, plan).await.stuck, 1);
        assert_eq!(fixture.acs.calls().len(), before, "a plan");
        for _ in 0..8 {
            run_now(&fixture).await;
            fixture.clock.advance(ABANDONED_AFTER + Duration::from_millis(1));
        }
        let guest = fixture.records.invitations()[0].guest(&device(0));
        let left = fixture.records.find(&guest).await.unwrap().unwrap();
        if is_refused {
            let calls = fixture.acs.calls();
            let deletions = calls.iter().filter(|call| **call == ClientCall::Delete).count();
            assert_eq!(deletions, 6 + 1, "the other guest is deleted, too");
            assert!(matches!(left.state, State::Stuck { unfinished: Unfinished::Deletion, .. }));
            assert_eq!(state(&fixture), InvitationState::Revoking);
        } else {
            assert_eq!((left.state, state(&fixture)), (State::Deleted, InvitationState::Revoked));
        }
    }
}

#[tokio::test]
async fn an_invitation_that_is_being_revoked_names_the_guests_who_are_not_cut_off() {
    let fixture = interrupted(2);
    fixture.acs.disown(&acs_id("8:acs:0"));
    let mut seen = vec![shown(&fixture).await];
    for _ in 1..=6 {
        run_now(&fixture).await;
        seen.push(shown(&fixture).await);
        fixture.clock.advance(Duration::from_mins(1));
    }
    let pending = |failures| Some(GuestRevocation::Pending { failures });
    let confirmed = Some(GuestRevocation::Confirmed);
    let mut expected = vec![[pending(0), pending(0)]];
    expected.extend((1..=5).map(|failures| [pending(failures), confirmed]));
    expected.push([Some(GuestRevocation::Stuck { failures: 6 }), confirmed]);
    assert_eq!(seen, expected);
    fixture.acs.own(&acs_id("8:acs:0"));
    revoke_again(&fixture).await.unwrap();
    assert_eq!(shown(&fixture).await, [None, None], "nothing is left to say");
}

/// How far the revocation of each of two guests is.
async fn shown(fixture: &CoreFixture) -> [Option<GuestRevocation>; 2] {
    let id = fixture.records.invitations().remove(0).id;
    let (policy, by) = (guest_policy(), Inviter::operator(user("root")));
    let request = GetInvitationRequest { id, by };
    let details = get_invitation(&fixture.store, Some(&policy), request).await.unwrap();
    [0, 1].map(|number| {
        let guest = details.guests.iter().find(|guest| guest.device == device(number)).unwrap();
        details.revocation(guest)
    })
}

async fn revoke_again(fixture: &CoreFixture) -> Result<Invitation, Error> {
    let request = RevokeInvitationRequest {
        id: fixture.records.invitations().remove(0).id,
        reason: None,
        by: Inviter::operator(user("root")),
        invocation: fixture.invocation("again"),
    };
    let (store, acs, policy) = (&fixture.store, &fixture.acs, guest_policy());
    revoke_invitation(store, acs, &fixture.clock, Some(&policy), request).await
}

/// An operator deletes the identity of the first guest.
async fn delete(fixture: &CoreFixture) {
    let request = DeleteIdentityRequest {
        identity: IdentityRef::Acs(acs_id("8:acs:0")),
        by: By::administrator(&user("root")),
        bearer: None,
        if_foreign: IfForeign::Refuse,
        invocation: fixture.invocation("delete"),
    };
    let (store, acs, clock) = (&fixture.store, &fixture.acs, &fixture.clock);
    delete_identity(store, acs, clock, request).await.unwrap();
}

/// An invitation with two guests, one of whom ACS has refused to revoke six times.
async fn stuck() -> CoreFixture {
    let (fixture, refused) = (interrupted(2), acs_id("8:acs:0"));
    let token = fixture.acs.token_from_before(&refused);
    fixture.acs.disown(&refused);
    for _ in 0..6 {
        run_now(&fixture).await;
        fixture.clock.advance(Duration::from_mins(1));
    }
    assert!(fixture.acs.is_alive(&token));
    fixture
}

#[tokio::test]
async fn r81_a_guest_of_a_resource_that_is_not_configured_is_left_as_they_are() {
    let fixture = interrupted(1);
    fixture.records.meanwhile(|seen| Record { resource: resource("gone"), ..seen.clone() });
    let run = run_now(&fixture).await;
    assert_eq!((run.failed, state(&fixture)), (1, InvitationState::Revoking));
    assert_eq!((blocked(&fixture), fixture.acs.calls()), (0, vec![]));
}
