use std::time::Duration;

use super::*;
use crate::model::record::State;
use crate::model::{AccessToken, InvitationRefusal};
use crate::operations::guests::exchange_guest_pass::{
    ExchangeGuestPassRequest, GuestPass, exchange_guest_pass,
};
use crate::operations::guests::get_invitation::{GetInvitationRequest, get_invitation};
use crate::testing::invitations::{device, guest_policy, invitation, known};
use crate::testing::{ClientCall, CoreFixture, Loss, StoreCall, device_id, user};

/// A fixture with an invitation for three devices.
fn fixture(change: fn(&mut Invitation)) -> CoreFixture {
    let fixture = CoreFixture::with([]);
    let mut invitation = Invitation { most: 3, ..invitation("handle") };
    change(&mut invitation);
    fixture.records.put_invitation(&invitation);
    fixture
}

async fn exchange(fixture: &CoreFixture, letter: char) -> Result<GuestPass, Error> {
    let request = ExchangeGuestPassRequest {
        handle: crate::model::GuestHandle::new("handle"),
        device: device(letter),
        pin: None,
        pace: None,
        invocation: fixture.invocation(&format!("exchange-{letter}")),
    };
    let policy = guest_policy();
    exchange_guest_pass(&fixture.store, &fixture.acs, &fixture.clock, Some(&policy), request).await
}

async fn revoke_as(fixture: &CoreFixture, id: &str) -> Result<Invitation, Error> {
    let request = RevokeInvitationRequest {
        id: invitation("handle").id,
        reason: Reason::parse("meeting moved"),
        by: Inviter::operator(user("root")),
        invocation: fixture.invocation(id),
    };
    let policy = guest_policy();
    revoke_invitation(&fixture.store, &fixture.acs, &fixture.clock, Some(&policy), request).await
}

fn is_revoked(result: &Result<GuestPass, Error>) -> bool {
    matches!(result, Err(Error::InvitationRefused(InvitationRefusal::Revoked)))
}

#[tokio::test]
async fn r72_after_revoked_no_token_of_a_guest_lives_and_none_is_issued() {
    let fixture = fixture(|_| {});
    let mut tokens: Vec<AccessToken> = Vec::new();
    for letter in ['a', 'b'] {
        tokens.push(exchange(&fixture, letter).await.unwrap().token);
    }
    let revoked = revoke_as(&fixture, "one").await.unwrap();
    let revocation = revoked.revocation.as_ref().unwrap();
    let now = fixture.clock.now();
    assert_eq!((&revocation.receipt.0[..], &revocation.by), ("one", &user("root")));
    assert_eq!(revocation.revoked_at, Some(now));
    assert_eq!(revocation.effective_by(), Some(now + Duration::from_mins(15)));
    assert!(tokens.iter().all(|token| !fixture.acs.is_alive(token)));
    for letter in ['a', 'b', 'c'] {
        assert!(is_revoked(&exchange(&fixture, letter).await));
    }
    for record in fixture.records.records() {
        assert!(record.state.is_blocked());
        assert_eq!(record.receipts[0].id.0, "one");
    }
    let audit = fixture.records.audit_log();
    let blocks = audit.iter().filter(|entry| entry.action == AuditAction::BlockUser);
    let reasons: Vec<_> = blocks.map(|entry| entry.reason.clone()).collect();
    assert_eq!(reasons, [Reason::parse("meeting moved"), Reason::parse("meeting moved")]);
    // A repeated request answers with the same receipt, and asks ACS for nothing.
    let calls = fixture.acs.calls().len();
    assert_eq!(revoke_as(&fixture, "two").await.unwrap(), revoked);
    assert_eq!(fixture.acs.calls().len(), calls);
}

/// Attack 11: the request that admitted the device has not reserved the identity yet.
#[tokio::test]
async fn r72_a_device_that_has_no_record_yet_is_blocked_too() {
    let fixture = fixture(known);
    revoke_as(&fixture, "one").await.unwrap();
    let [record] = &fixture.records.records()[..] else { panic!() };
    assert_eq!(record.external_id, invitation("handle").guest(&device_id('a')));
    assert_eq!(record.state, State::Blocked { acs_id: None });
    assert_eq!(record.due_at, Some(invitation("handle").delete_at));
    assert_eq!(fixture.acs.calls(), []);
}

#[tokio::test]
async fn r72_if_acs_or_the_store_fails_it_is_not_revoked_and_the_next_request_finishes() {
    for loss in [Loss::Request, Loss::Answer] {
        for at in 0.. {
            let fixture = fixture(|_| {});
            let token = exchange(&fixture, 'a').await.unwrap().token;
            let before = fixture.store.calls().len();
            let mut number = 0;
            fixture.store.lose(move |_| {
                number += 1;
                (number == at + 1).then_some(loss)
            });
            let first = revoke_as(&fixture, "one").await;
            if fixture.store.calls().len() - before <= at {
                assert!(at >= 6 && first.is_ok(), "{at}");
                break;
            }
            assert!(first.is_err(), "{loss:?} at {at}");
            fixture.store.lose(|_| None);
            fixture.clock.advance(Duration::from_mins(1));
            let second = revoke_as(&fixture, "two").await.unwrap();
            assert_eq!(second.state, InvitationState::Revoked, "{loss:?} at {at}");
            assert!(!fixture.acs.is_alive(&token), "{loss:?} at {at}");
        }
    }
    let fixture = fixture(|_| {});
    exchange(&fixture, 'a').await.unwrap();
    fixture.acs.fail(|call| {
        let cause = || Error::AcsUnavailable { maybe_applied: true, source: "no answer".into() };
        (call == ClientCall::Revoke).then(cause)
    });
    assert!(matches!(revoke_as(&fixture, "one").await, Err(Error::AcsUnavailable { .. })));
    assert_eq!(fixture.records.invitations()[0].state, InvitationState::Revoking);
    assert!(is_revoked(&exchange(&fixture, 'a').await));
}

/// The scheduled job comes within an hour. Until then, only the guest whom ACS refuses has a token.
#[tokio::test]
async fn if_acs_refuses_one_guest_all_others_are_cut_off_by_the_same_request() {
    let fixture = fixture(|it| it.most = 40);
    let letters = ('a'..='z').chain('A'..='E');
    let mut refused = None;
    for letter in letters {
        let pass = exchange(&fixture, letter).await.unwrap();
        refused.get_or_insert(pass.acs_id);
    }
    fixture.acs.disown(&refused.unwrap());
    assert!(matches!(revoke_as(&fixture, "one").await, Err(Error::ForeignIdentity(_))));
    assert_eq!(fixture.acs.live_tokens(), 1);
    let records = fixture.records.records();
    assert!(records.iter().all(|record| record.state.is_blocked()));
    let stored = fixture.records.invitations().remove(0);
    assert_eq!(stored.state, InvitationState::Revoking, "not before ACS has confirmed every guest");
}

#[tokio::test]
async fn an_invitation_is_shown_with_its_guests_and_their_receipts() {
    let fixture = fixture(known);
    exchange(&fixture, 'b').await.unwrap();
    revoke_as(&fixture, "one").await.unwrap();
    let request =
        GetInvitationRequest { id: invitation("handle").id, by: Inviter::operator(user("root")) };
    let policy = guest_policy();
    let details = get_invitation(&fixture.store, Some(&policy), request).await.unwrap();
    let mut devices: Vec<_> = details.guests.iter().map(|guest| guest.device.clone()).collect();
    devices.sort();
    let mut expected = ['a', 'b'].map(device_id);
    expected.sort();
    assert_eq!(devices, expected);
    let records: Vec<&Record> = details.guests.iter().filter_map(|g| g.record.as_ref()).collect();
    assert!(records.iter().all(|record| record.receipts[0].id.0 == "one") && records.len() == 2);
}

#[tokio::test]
async fn without_the_member_guests_of_the_policy_nothing_is_shown_or_revoked() {
    let fixture = fixture(|_| {});
    let by = Inviter::operator(user("root"));
    let request = GetInvitationRequest { id: invitation("handle").id, by: by.clone() };
    let shown = get_invitation(&fixture.store, None, request).await;
    assert!(matches!(shown, Err(Error::GuestsDisabled)));
    let request = RevokeInvitationRequest {
        id: invitation("handle").id,
        reason: None,
        by,
        invocation: fixture.invocation("revoke"),
    };
    let (store, acs, clock) = (&fixture.store, &fixture.acs, &fixture.clock);
    let revoked = revoke_invitation(store, acs, clock, None, request).await;
    assert!(matches!(revoked, Err(Error::GuestsDisabled)));
    assert_eq!(fixture.store.calls(), Vec::<StoreCall>::new());
}
