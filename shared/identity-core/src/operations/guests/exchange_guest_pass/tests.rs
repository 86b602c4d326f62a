use std::time::Duration;

use super::*;
use crate::model::Invitation;
use crate::model::record::{BlockDecision, Decisions, Origin, Record, State};
use crate::testing::invitations::{
    PIN, closed, device, full, guest_policy, invitation, known, locked, revoked, revoking, with_pin,
};
use crate::testing::{ClientCall, CoreFixture, Loss, Metrics, StoreCall, device_id};

mod handles;

/// A fixture with the invitation of the handle `handle`.
fn fixture(change: fn(&mut Invitation)) -> CoreFixture {
    let fixture = CoreFixture::with([]);
    let mut invitation = invitation("handle");
    change(&mut invitation);
    fixture.records.put_invitation(&invitation);
    fixture
}

fn request(fixture: &CoreFixture, letter: char, pin: Option<&str>) -> ExchangeGuestPassRequest {
    ExchangeGuestPassRequest {
        handle: GuestHandle::new("handle"),
        device: device(letter),
        pin: pin.map(|pin| GuestPin::parse(pin).unwrap()),
        pace: None,
        invocation: fixture.invocation(&format!("exchange-{letter}")),
    }
}

async fn exchange_as(
    fixture: &CoreFixture,
    letter: char,
    pin: Option<&str>,
) -> Result<GuestPass, Error> {
    let (policy, request) = (guest_policy(), request(fixture, letter, pin));
    exchange_guest_pass(&fixture.store, &fixture.acs, &fixture.clock, Some(&policy), request).await
}

async fn refusal(fixture: &CoreFixture, letter: char, pin: Option<&str>) -> InvitationRefusal {
    refusal_of(exchange_as(fixture, letter, pin).await.unwrap_err())
}

fn refusal_of(error: Error) -> InvitationRefusal {
    match error {
        Error::InvitationRefused(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

fn stored(fixture: &CoreFixture) -> Invitation {
    fixture.records.invitations().remove(0)
}

#[tokio::test]
async fn a_guest_gets_a_token_the_meeting_and_an_identity_of_their_own() {
    let (fixture, metrics) = (fixture(|_| {}), Metrics::collect());
    let pass = exchange_as(&fixture, 'a', None).await.unwrap();
    assert!(fixture.acs.is_alive(&pass.token) && pass.created && pass.admitted);
    let link = "https://teams.microsoft.com/l/meetup-join/1";
    assert_eq!(pass.meeting, Meeting::Link(Secret::new(link)));
    assert_eq!(pass.display_name, Some(Secret::new("Ada")));
    let [record] = &fixture.records.records()[..] else { panic!() };
    assert_eq!(record.external_id, stored(&fixture).guest(&device_id('a')));
    assert_eq!(record.due_at, Some(stored(&fixture).delete_at));
    assert_eq!(fixture.acs.calls(), [ClientCall::CreateWithToken]);
    assert_eq!(metrics.sum("guests_admitted"), Some(1));
    assert_eq!(metrics.sum("guest_tokens"), Some(1));
}

#[tokio::test]
async fn r71_nothing_is_created_without_an_exchange_that_the_invitation_permits() {
    type Change = fn(&mut Invitation);
    let cases: [(Change, InvitationRefusal); 6] = [
        (closed, InvitationRefusal::Closed),
        (revoking, InvitationRefusal::Revoked),
        (revoked, InvitationRefusal::Revoked),
        (full, InvitationRefusal::UsedUp),
        (locked, InvitationRefusal::Locked),
        (with_pin, InvitationRefusal::PinRequired),
    ];
    for (change, expected) in cases {
        let (fixture, metrics) = (fixture(change), Metrics::collect());
        let before = stored(&fixture);
        assert_eq!(refusal(&fixture, 'a', None).await, expected);
        assert_eq!(fixture.acs.calls(), [], "{expected}");
        assert_eq!((stored(&fixture), fixture.records.records()), (before, vec![]), "{expected}");
        assert_eq!(fixture.store.calls(), [StoreCall::FindInvitation], "{expected}");
        assert_eq!(metrics.sum("guests_refused"), Some(1), "{expected}");
    }
}

/// Attack 17 of the core: no member of the request names a user.
#[tokio::test]
async fn r71_without_the_member_guests_of_the_policy_nothing_is_read() {
    let fixture = fixture(|_| {});
    let request = request(&fixture, 'a', None);
    let refused = exchange_guest_pass(&fixture.store, &fixture.acs, &fixture.clock, None, request);
    assert!(matches!(refused.await, Err(Error::GuestsDisabled)));
    assert_eq!(fixture.store.calls(), []);
}

/// The attempt was counted before the unlock, which has already given it back.
#[test]
fn r74_an_attempt_from_before_an_unlock_is_not_given_back_after_it() {
    let mut made = invitation("handle");
    with_pin(&mut made);
    let device = device_id('a');
    let admit = InvitationStep::Admit { device: &device, at: made.opens_at, gives_pin_back: true };
    let unlock = InvitationStep::Extend {
        closes_at: made.closes_at,
        delete_at: made.delete_at,
        most: made.most,
        unlock: true,
        now: made.opens_at,
    };
    let counted = InvitationStep::CountPin.apply(&made).unwrap();
    let unlocked = unlock.apply(&counted).unwrap();
    assert_eq!(admit.apply(&unlocked), None);
    let again = InvitationStep::CountPin.apply(&unlocked).unwrap();
    assert_eq!(admit.apply(&again).unwrap().pin, made.pin, "all ten are left");
}

/// Attack 8: a replay is the same guest.
#[tokio::test]
async fn r70_the_same_device_is_one_use_and_one_identity_however_often_it_asks() {
    let fixture = fixture(|it| it.most = 1);
    let first = exchange_as(&fixture, 'a', None).await.unwrap();
    for _ in 0..3 {
        let again = exchange_as(&fixture, 'a', None).await.unwrap();
        assert_eq!(again.acs_id, first.acs_id);
        assert!(!again.admitted && !again.created);
    }
    assert_eq!((stored(&fixture).devices.len(), fixture.acs.identities().len()), (1, 1));
    let before = fixture.store.calls().len();
    exchange_as(&fixture, 'a', None).await.unwrap();
    let calls = fixture.store.calls();
    let renewal = [StoreCall::FindInvitation, StoreCall::Find, StoreCall::RecordUse];
    assert_eq!(calls[before..], renewal, "one read more than a user's token");
}

/// Attack 6: a link that is forwarded after it was used.
#[tokio::test]
async fn r70_a_link_that_is_forwarded_lets_in_as_many_devices_as_it_has_places() {
    for order in [['a', 'b'], ['b', 'a']] {
        let fixture = fixture(|it| it.most = 1);
        assert!(exchange_as(&fixture, order[0], None).await.is_ok());
        assert_eq!(refusal(&fixture, order[1], None).await, InvitationRefusal::UsedUp);
        assert!(exchange_as(&fixture, order[0], None).await.is_ok());
        assert_eq!(fixture.acs.identities().len(), 1);
    }
}

/// Attack 10: a crash or a lost response at each request to the store.
#[tokio::test]
async fn r70_after_a_crash_at_any_request_the_same_device_gets_in_with_one_use() {
    for loss in [Loss::Request, Loss::Answer] {
        for at in 0.. {
            let fixture = fixture(|it| {
                with_pin(it);
                it.most = 1;
            });
            let mut number = 0;
            fixture.store.lose(move |_| {
                number += 1;
                (number == at + 1).then_some(loss)
            });
            let first = exchange_as(&fixture, 'a', Some(PIN)).await;
            if fixture.store.calls().len() <= at {
                assert!(at >= 5 && first.is_ok(), "{at}");
                break;
            }
            fixture.store.lose(|_| None);
            fixture.clock.advance(Duration::from_mins(1));
            let again = exchange_as(&fixture, 'a', Some(PIN)).await.unwrap();
            assert!(fixture.acs.is_alive(&again.token), "{loss:?} at {at}");
            assert_eq!(stored(&fixture).devices.len(), 1, "{loss:?} at {at}");
            assert_eq!(refusal(&fixture, 'b', Some(PIN)).await, InvitationRefusal::UsedUp);
        }
    }
}

#[tokio::test]
async fn r74_a_pin_is_compared_ten_times_and_then_the_right_one_is_refused_too() {
    let (fixture, metrics) = (fixture(with_pin), Metrics::collect());
    for number in 0..10 {
        let wrong = format!("{number:06}");
        let why = refusal(&fixture, 'b', Some(&wrong)).await;
        assert_eq!(why, InvitationRefusal::PinWrong, "{number}");
    }
    for pin in [Some("000000"), Some(PIN), None] {
        assert_eq!(refusal(&fixture, 'b', pin).await, InvitationRefusal::Locked);
    }
    assert_eq!(metrics.sum("guest_pins_wrong"), Some(10));
    assert_eq!(metrics.sum("invitations_locked"), Some(1));
    assert_eq!(fixture.acs.calls(), []);
}

#[tokio::test]
async fn r74_a_right_pin_costs_no_attempt_and_a_device_sends_it_once() {
    let fixture = fixture(with_pin);
    assert_eq!(refusal(&fixture, 'a', Some("000000")).await, InvitationRefusal::PinWrong);
    assert!(exchange_as(&fixture, 'a', Some(PIN)).await.is_ok());
    assert_eq!(stored(&fixture).pin.unwrap().left, 9);
    assert!(exchange_as(&fixture, 'a', None).await.is_ok(), "a renewal needs no PIN");
    assert!(exchange_as(&fixture, 'a', Some("000000")).await.is_ok(), "nor compares one");
    assert_eq!(stored(&fixture).pin.unwrap().left, 9);
}

/// Attack 5: a caller locks the invitation on purpose.
#[tokio::test]
async fn r74_a_locked_invitation_still_renews_the_tokens_of_its_devices() {
    let fixture = fixture(|it| {
        with_pin(it);
        locked(it);
        it.devices.insert(device_id('a'), it.opens_at);
    });
    assert!(exchange_as(&fixture, 'a', None).await.is_ok());
    assert_eq!(refusal(&fixture, 'b', Some(PIN)).await, InvitationRefusal::Locked);
}

/// Attack 14: only our clock counts, at both ends to the millisecond.
#[tokio::test]
async fn an_invitation_gives_tokens_from_its_beginning_to_before_its_end() {
    let hour = Duration::from_hours(1);
    let tick = Duration::from_millis(1);
    let fixture = fixture(|it| {
        it.opens_at += Duration::from_hours(1);
        it.closes_at += Duration::from_hours(1);
    });
    let not_open = InvitationRefusal::NotOpen { opens_in: hour };
    assert_eq!(refusal(&fixture, 'a', None).await, not_open);
    fixture.clock.advance(hour.saturating_sub(tick));
    let not_open = InvitationRefusal::NotOpen { opens_in: tick };
    assert_eq!(refusal(&fixture, 'a', None).await, not_open);
    fixture.clock.advance(tick);
    assert!(exchange_as(&fixture, 'a', None).await.is_ok());
    fixture.clock.advance(hour.saturating_sub(tick));
    assert!(exchange_as(&fixture, 'a', None).await.is_ok());
    fixture.clock.advance(tick);
    assert_eq!(refusal(&fixture, 'a', None).await, InvitationRefusal::Closed);
}

#[tokio::test]
async fn r11_the_lifetime_ends_with_the_invitation_as_far_as_acs_permits() {
    use crate::model::identity::Lifetime;
    for (hours, most, expected) in [(1, 1440, 60), (5, 1440, 300), (5, 120, 120), (99, 1440, 1440)]
    {
        let fixture = fixture(|_| {});
        let before = stored(&fixture);
        fixture.records.put_invitation(&Invitation {
            closes_at: before.opens_at + Duration::from_hours(hours),
            max_lifetime: Lifetime::DAY,
            ..before
        });
        let policy: GuestPolicy =
            serde_json::from_str(&format!(r#"{{"maxLifetimeMinutes": {most}}}"#)).unwrap();
        let request = request(&fixture, 'a', None);
        let (store, acs, clock) = (&fixture.store, &fixture.acs, &fixture.clock);
        exchange_guest_pass(store, acs, clock, Some(&policy), request).await.unwrap();
        let [asked] = &fixture.acs.requests()[..] else { panic!() };
        assert_eq!(asked.lifetime.minutes(), expected, "{hours} hours, {most} minutes");
    }
}

#[tokio::test]
async fn r11_a_policy_that_was_narrowed_narrows_the_invitations_that_exist() {
    let metrics = Metrics::collect();
    let narrowed = fixture(|it| it.scopes = Scopes::parse(["voip"]).unwrap());
    assert!(matches!(exchange_as(&narrowed, 'a', None).await, Err(Error::BeyondPolicy)));
    assert_eq!(narrowed.acs.calls(), []);
    assert!(stored(&narrowed).devices.is_empty(), "a place was taken for nothing");
    assert_eq!(metrics.sum("guests_refused"), Some(1));
    let ended = fixture(|it| {
        it.scopes = Scopes::parse(["voip"]).unwrap();
        revoked(it);
    });
    let refused = exchange_as(&ended, 'a', None).await;
    let revoked = matches!(refused, Err(Error::InvitationRefused(InvitationRefusal::Revoked)));
    assert!(revoked, "what holds for the invitation comes first");
}

#[tokio::test]
async fn r59_a_guest_who_is_blocked_gets_no_token_even_after_their_identity_is_gone() {
    let fixture = fixture(known);
    let guest = stored(&fixture).guest(&device_id('a'));
    let now = fixture.clock.now();
    let decisions =
        Decisions::default().with(Origin::ADMINISTRATOR, BlockDecision { at: now, blocks: true });
    for state in [State::Blocked { acs_id: None }, State::Deleted] {
        let unseen = Record::unseen(&guest, now);
        let decisions = decisions.clone();
        let record = Record { state, decisions, due_at: Some(now), epoch: 1, ..unseen };
        let seen = fixture.records.records().pop();
        let step = crate::ports::Step::new(seen.as_ref(), &record);
        fixture.records.commit(step).await.unwrap();
        let refused = exchange_as(&fixture, 'a', None).await;
        assert!(matches!(refused, Err(Error::Blocked)), "{refused:?}");
    }
    assert_eq!(fixture.acs.calls(), []);
}

#[tokio::test]
async fn r84_a_guest_cannot_exceed_their_rate_limit() {
    let fixture = fixture(|_| {});
    let (store, acs, clock) = (&fixture.store, &fixture.acs, &fixture.clock);
    let policy = guest_policy();
    let call = async || {
        let pace = TokenPace::per_minute(6).unwrap();
        let request = ExchangeGuestPassRequest { pace, ..request(&fixture, 'a', None) };
        exchange_guest_pass(store, acs, clock, Some(&policy), request).await
    };
    for _ in 0..TokenPace::AT_ONCE {
        assert!(call().await.is_ok());
    }
    assert!(matches!(call().await, Err(Error::TooManyTokens { .. })));
}
