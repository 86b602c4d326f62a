use std::time::{Duration, SystemTime};

use super::*;
use crate::model::identity::Scopes;
use crate::model::{Meeting, Secret};
use crate::operations::guests::exchange_guest_pass::{
    ExchangeGuestPassRequest, exchange_guest_pass,
};
use crate::protocol::inviter::Inviter;
use crate::testing::invitations::{device, guest_policy};
use crate::testing::{CoreFixture, CountingRandom, Metrics, user};

const LINK: &str = "https://teams.microsoft.com/l/meetup-join/CANARY";

fn request(fixture: &CoreFixture) -> CreateInvitationRequest {
    CreateInvitationRequest {
        meeting: Meeting::Link(Secret::new(LINK)),
        opens_at: None,
        closes_at: fixture.clock.now() + Duration::from_hours(2),
        display_name: Some(Secret::new("Ada CANARY")),
        scopes: None,
        devices: None,
        pin: Some(true),
        delete_after_hours: None,
        reference: Some(Secret::new("order CANARY")),
        by: Inviter::operator(user("inviter")),
    }
}

async fn create(
    fixture: &CoreFixture,
    policy: &str,
    change: impl FnOnce(&mut CreateInvitationRequest),
) -> Result<CreatedInvitation, Error> {
    let mut request = request(fixture);
    change(&mut request);
    let policy: GuestPolicy = serde_json::from_str(policy).unwrap();
    let random = CountingRandom::default();
    create_invitation(&fixture.store, &fixture.clock, &random, Some(&policy), request).await
}

#[tokio::test]
async fn an_invitation_that_was_created_lets_its_guest_in() {
    let (fixture, metrics) = (CoreFixture::with([]), Metrics::collect());
    let created = create(&fixture, "{}", |_| {}).await.unwrap();
    assert_eq!(metrics.sum("invitations_created"), Some(1));
    let invitation = &created.invitation;
    assert_eq!(fixture.records.invitations(), std::slice::from_ref(invitation));
    assert_eq!(created.handle.invitation_id(), invitation.id);
    let closes_at = fixture.clock.now() + Duration::from_hours(2);
    assert_eq!((invitation.opens_at, invitation.closes_at), (fixture.clock.now(), closes_at));
    assert_eq!(invitation.delete_at, closes_at + Duration::from_hours(2));
    assert_eq!((invitation.most, invitation.created_by.clone()), (1, user("inviter")));
    let request = ExchangeGuestPassRequest {
        handle: created.handle,
        device: device('a'),
        pin: created.pin,
        pace: None,
        invocation: fixture.invocation("exchange"),
    };
    let (store, acs, clock) = (&fixture.store, &fixture.acs, &fixture.clock);
    let pass = exchange_guest_pass(store, acs, clock, Some(&guest_policy()), request).await;
    let pass = pass.unwrap();
    assert_eq!(pass.meeting, Meeting::Link(Secret::new(LINK)));
    assert_eq!(pass.display_name, Some(Secret::new("Ada CANARY")));
}

/// R73 and R51: what is stored, and what is printed.
#[tokio::test]
async fn r73_neither_the_record_nor_debug_output_says_who_is_invited_to_what() {
    let fixture = CoreFixture::with([]);
    let created = create(&fixture, "{}", |_| {}).await.unwrap();
    let (handle, pin) = (created.handle.expose(), created.pin.as_ref().unwrap().expose());
    let request = request(&fixture);
    let printed = format!("{created:?} {:#?} {request:?}", created.invitation);
    for secret in [handle, pin, "CANARY", "Ada"] {
        assert!(!printed.contains(secret), "{printed}");
    }
    let sealed = &created.invitation.sealed;
    assert!(!sealed.windows(6).any(|part| part == b"CANARY"));
}

#[tokio::test]
async fn without_the_member_guests_of_the_policy_none_is_created() {
    let fixture = CoreFixture::with([]);
    let (random, request) = (CountingRandom::default(), request(&fixture));
    let refused = create_invitation(&fixture.store, &fixture.clock, &random, None, request).await;
    assert!(matches!(refused, Err(Error::GuestsDisabled)));
    assert_eq!(fixture.store.calls(), []);
}

#[tokio::test]
async fn a_policy_that_requires_a_pin_gives_each_invitation_one() {
    for (policy, pin, has_pin) in [
        (r#"{"pin": "optional"}"#, None, false),
        (r#"{"pin": "optional"}"#, Some(true), true),
        (r#"{"pin": "required"}"#, None, true),
        (r#"{"pin": "required"}"#, Some(true), true),
    ] {
        let created = create(&CoreFixture::with([]), policy, |it| it.pin = pin).await.unwrap();
        assert_eq!((created.pin.is_some(), created.invitation.wants_pin()), (has_pin, has_pin));
    }
}

#[tokio::test]
async fn a_member_out_of_bounds_is_refused_by_its_name_and_nothing_is_stored() {
    fn link(raw: &'static str) -> impl FnOnce(&mut CreateInvitationRequest) {
        move |it| it.meeting = Meeting::Link(Secret::new(raw))
    }
    fn id(id: &'static str, code: &'static str) -> impl FnOnce(&mut CreateInvitationRequest) {
        let (meeting_id, passcode) = (Secret::new(id), Some(Secret::new(code)));
        move |it| it.meeting = Meeting::Id { meeting_id, passcode }
    }
    type Change = Box<dyn FnOnce(&mut CreateInvitationRequest)>;
    let text = |length| Some(Secret::new("é".repeat(length)));
    let day = Duration::from_hours(24);
    let cases: Vec<(&str, Change)> = vec![
        ("meeting", Box::new(link("http://teams.microsoft.com/l/1"))),
        ("meeting", Box::new(link("https://evil.example/l/1"))),
        ("meeting", Box::new(link("https://teams.microsoft.com@evil.example/l/1"))),
        ("meeting", Box::new(link("https://teams.microsoft.com\\@evil.example/l/1"))),
        ("meeting", Box::new(link("https://teams.microsoft.com:8443/l/1"))),
        ("meeting", Box::new(link("https://teams.microsoft.com.evil.example/l/1"))),
        ("meeting", Box::new(link("https://teams.microsoft.com/l/ 1"))),
        ("meeting", Box::new(link("javascript:alert(1)"))),
        ("meeting", Box::new(id("12345678", "a"))),
        ("meeting", Box::new(id("123456789a", "a"))),
        ("meeting", Box::new(id("123456789", ""))),
        ("meeting", Box::new(id("123456789", "a b"))),
        ("displayName", Box::new(move |it| it.display_name = text(65))),
        ("displayName", Box::new(|it| it.display_name = Some(Secret::new("")))),
        ("displayName", Box::new(|it| it.display_name = Some(Secret::new(" ")))),
        ("displayName", Box::new(|it| it.display_name = Some(Secret::new("A\nB")))),
        ("reference", Box::new(move |it| it.reference = text(129))),
        ("closesAt", Box::new(|it| it.closes_at -= Duration::from_hours(2))),
        ("closesAt", Box::new(move |it| it.closes_at += 30 * day)),
        ("closesAt", Box::new(|it| it.opens_at = Some(it.closes_at))),
        ("scopes", Box::new(|it| it.scopes = Scopes::parse(["voip"]))),
        ("devices", Box::new(|it| it.devices = Some(0))),
        ("devices", Box::new(|it| it.devices = Some(11))),
        ("devices", Box::new(|it| it.devices = Some(u64::MAX))),
        ("deleteAfterHours", Box::new(|it| it.delete_after_hours = Some(169))),
    ];
    for (number, (member, change)) in cases.into_iter().enumerate() {
        let fixture = CoreFixture::with([]);
        match create(&fixture, "{}", change).await {
            Err(Error::InvalidInvitation(invalid)) => {
                assert_eq!(invalid.member, member, "{number}: {invalid}");
            }
            other => panic!("{number}: {other:?}"),
        }
        assert_eq!(fixture.records.invitations(), []);
    }
    let fixture = CoreFixture::with([]);
    let refused = create(&fixture, r#"{"pin": "required"}"#, |it| it.pin = Some(false)).await;
    let Err(Error::InvalidInvitation(invalid)) = refused else { panic!() };
    assert_eq!(invalid.member, "pin");
}

#[tokio::test]
async fn what_is_within_the_bounds_is_accepted_to_the_last() {
    let id = |id: &str, code: Option<&str>| Meeting::Id {
        meeting_id: Secret::new(id),
        passcode: code.map(Secret::new),
    };
    for meeting in [
        Meeting::Link(Secret::new("https://teams.live.com/meet/1?p=2")),
        Meeting::Link(Secret::new("https://TEAMS.microsoft.com")),
        Meeting::Link(Secret::new("https://gov.teams.example/l")),
        id("123 456 789 012 3", Some("AbC123")),
        id("123456789", None),
    ] {
        let policy = r#"{"meetingHosts": ["gov.teams.example"]}"#;
        let fixture = CoreFixture::with([]);
        let created = create(&fixture, policy, |it| {
            it.meeting = meeting;
            it.display_name = Some(Secret::new("é".repeat(64)));
            it.reference = Some(Secret::new("é".repeat(128)));
            it.closes_at += Duration::from_hours(30 * 24 - 2);
            (it.devices, it.delete_after_hours) = (Some(10), Some(168));
        });
        let invitation = created.await.unwrap().invitation;
        let kept = invitation.delete_at.duration_since(invitation.closes_at).unwrap();
        assert_eq!((invitation.most, kept), (10, Duration::from_hours(168)));
    }
}

#[tokio::test]
async fn a_chat_scope_ends_with_acs_chat() {
    let policy = r#"{"scopes": ["voip.join", "chat.join.limited"], "maxDays": 366}"#;
    let fixture = CoreFixture::with([]);
    let october_2028 = SystemTime::UNIX_EPOCH + Duration::from_hours(24 * 21_458);
    let ahead = october_2028.duration_since(fixture.clock.now()).unwrap();
    fixture.clock.advance(ahead.saturating_sub(Duration::from_hours(1)));
    let create = async |closes_at| create(&fixture, policy, |it| it.closes_at = closes_at).await;
    assert!(create(october_2028).await.is_ok());
    let Err(Error::InvalidInvitation(invalid)) =
        create(october_2028 + Duration::from_millis(1)).await
    else {
        panic!()
    };
    assert_eq!(invalid.member, "scopes");
}
