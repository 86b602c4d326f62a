use std::time::Duration;

use super::*;
use crate::model::InvitationStatus;
use crate::model::identity::Scopes;
use crate::testing::invitations::{
    closed, guest_policy, invitation, locked, revoked, revoking, with_pin,
};
use crate::testing::{CoreFixture, user};

struct Extension {
    hours: Option<u64>,
    devices: Option<u64>,
    unlock: bool,
    by: Inviter,
}

const NOTHING: fn() -> Extension =
    || Extension { hours: None, devices: None, unlock: false, by: Inviter::operator(user("root")) };

/// Extends an invitation; the hours count from its opening.
async fn extend(
    change: fn(&mut Invitation),
    extension: Extension,
) -> (CoreFixture, Result<Invitation, Error>) {
    let fixture = CoreFixture::with([]);
    let mut invitation = invitation("handle");
    change(&mut invitation);
    fixture.records.put_invitation(&invitation);
    let closes_at = |hours| invitation.opens_at + Duration::from_hours(hours);
    let request = ExtendInvitationRequest {
        id: invitation.id.clone(),
        closes_at: extension.hours.map(closes_at),
        devices: extension.devices,
        unlock: extension.unlock,
        by: extension.by,
    };
    let policy = guest_policy();
    let extended = extend_invitation(&fixture.store, &fixture.clock, Some(&policy), request).await;
    (fixture, extended)
}

#[tokio::test]
async fn an_extension_moves_the_end_and_the_deletion_and_adds_devices() {
    let extension = Extension { hours: Some(5), devices: Some(9), ..NOTHING() };
    let (fixture, extended) = extend(|_| {}, extension).await;
    let extended = extended.unwrap();
    assert_eq!(fixture.records.invitations(), std::slice::from_ref(&extended));
    let after_opening = |at: SystemTime| at.duration_since(extended.opens_at).unwrap();
    assert_eq!(after_opening(extended.closes_at), Duration::from_hours(5));
    assert_eq!(after_opening(extended.delete_at), Duration::from_hours(7));
    assert_eq!(extended.most, 9);
}

#[tokio::test]
async fn an_invitation_with_a_chat_scope_is_not_extended_beyond_the_end_of_acs_chat() {
    let chat_ends = SystemTime::UNIX_EPOCH + Duration::from_hours(24 * 21_458);
    let scopes = r#"["voip.join", "chat.join.limited"]"#;
    let policy = format!(r#"{{"maxDays": 60, "scopes": {scopes}}}"#);
    let policy: GuestPolicy = serde_json::from_str(&policy).unwrap();
    for (scopes, seconds_later, is_extended) in [
        (vec!["voip.join", "chat.join.limited"], 0, true),
        (vec!["voip.join", "chat.join.limited"], 1, false),
        (vec!["voip.join"], 1, true),
    ] {
        let fixture = CoreFixture::with([]);
        let month_before = chat_ends - Duration::from_hours(24 * 30);
        fixture.clock.advance(month_before.duration_since(fixture.clock.now()).unwrap());
        let opens_at = fixture.clock.now();
        let closes_at = opens_at + Duration::from_hours(1);
        let scopes = Scopes::parse(scopes).unwrap();
        let invitation = Invitation {
            opens_at,
            closes_at,
            delete_at: closes_at,
            scopes,
            ..invitation("handle")
        };
        fixture.records.put_invitation(&invitation);
        let request = ExtendInvitationRequest {
            id: invitation.id.clone(),
            closes_at: Some(chat_ends + Duration::from_secs(seconds_later)),
            devices: None,
            unlock: false,
            by: Inviter::operator(user("root")),
        };
        let extended =
            extend_invitation(&fixture.store, &fixture.clock, Some(&policy), request).await;
        match extended {
            Err(Error::InvalidInvitation(invalid)) => {
                assert!(!is_extended && invalid.member == "closesAt", "{invalid:?}");
            }
            extended => assert!(is_extended && extended.is_ok(), "{extended:?}"),
        }
    }
}

#[tokio::test]
async fn an_invitation_that_was_locked_is_unlocked_with_ten_more_attempts() {
    let locked_with_pin: fn(&mut Invitation) = |it| {
        with_pin(it);
        locked(it);
        it.pin.iter_mut().for_each(|pin| pin.left = 0);
    };
    let now = crate::testing::CoreFixture::with([]).clock;
    let now = crate::ports::Clock::now(&now);
    let (_, extended) = extend(locked_with_pin, Extension { devices: Some(3), ..NOTHING() }).await;
    assert_eq!(extended.unwrap().status(now), InvitationStatus::Locked);
    let (_, unlocked) = extend(locked_with_pin, Extension { unlock: true, ..NOTHING() }).await;
    let unlocked = unlocked.unwrap();
    assert_eq!((unlocked.status(now), unlocked.pin.unwrap().left), (InvitationStatus::Open, 10));
}

#[tokio::test]
async fn a_closed_invitation_opens_again_until_its_guests_are_due() {
    let extension = || Extension { hours: Some(2), ..NOTHING() };
    let (fixture, extended) = extend(closed, extension()).await;
    assert_eq!(extended.unwrap().status(fixture.clock.now()), InvitationStatus::Open);
    let due: fn(&mut Invitation) = |it| {
        closed(it);
        it.delete_at = it.closes_at;
    };
    let (_, refused) = extend(due, extension()).await;
    let why = InvitationRefusal::Closed;
    assert!(matches!(refused, Err(Error::InvitationRefused(refusal)) if refusal == why));
}

#[tokio::test]
async fn nothing_gets_less_and_nothing_exceeds_the_policy() {
    for (extension, member) in [
        (Extension { hours: Some(0), ..NOTHING() }, "closesAt"),
        (Extension { hours: Some(30 * 24 + 1), ..NOTHING() }, "closesAt"),
        (Extension { devices: Some(1), ..NOTHING() }, "devices"),
        (Extension { devices: Some(11), ..NOTHING() }, "devices"),
    ] {
        let (fixture, refused) = extend(|_| {}, extension).await;
        let Err(Error::InvalidInvitation(invalid)) = refused else { panic!("{refused:?}") };
        assert_eq!(invalid.member, member);
        assert_eq!(fixture.records.invitations(), [invitation("handle")]);
    }
}

#[tokio::test]
async fn a_revoked_invitation_stays_revoked() {
    for change in [revoking as fn(&mut Invitation), revoked] {
        let extension = Extension { hours: Some(5), unlock: true, ..NOTHING() };
        let (_, refused) = extend(change, extension).await;
        let why = InvitationRefusal::Revoked;
        assert!(matches!(refused, Err(Error::InvitationRefused(refusal)) if refusal == why));
    }
}

/// Attack 19: the token of another back end.
#[tokio::test]
async fn the_invitation_of_another_caller_does_not_exist() {
    let now = crate::ports::Clock::now(&CoreFixture::with([]).clock);
    let caller = async |name: &str| {
        let (store, bearer) = (CoreFixture::with([]).store, crate::model::Bearer::default());
        Inviter::admitted(&store, user(name), bearer, false, now).await.unwrap()
    };
    let by = caller("another").await;
    let (_, refused) = extend(|_| {}, Extension { hours: Some(5), by, ..NOTHING() }).await;
    assert!(matches!(refused, Err(Error::NotFound)));
    let by = caller("inviter").await;
    let (_, extended) = extend(|_| {}, Extension { hours: Some(5), by, ..NOTHING() }).await;
    assert!(extended.is_ok());
}
