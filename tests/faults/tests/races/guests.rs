//! R70, R72 and R74: exchanges of guest passes in every order with each other, with a revocation of
//! the invitation, and with the death of a process at any of its calls.

use std::{cell::RefCell, rc::Rc, time::Duration};

use faults::{Part, Task, Without, Yielding, dying_after};
use identity_core::{
    Error,
    delete_stale_identities::{
        CleanupLimits, CleanupMode, CleanupRequest, Retention, delete_stale_identities,
    },
    exchange_guest_pass::{ExchangeGuestPassRequest, GuestPass, exchange_guest_pass},
    guest::{GuestHandle, GuestPin, Invitation, InvitationRefusal, InvitationState},
    inviter::Inviter,
    ports::Clock,
    revoke_invitation::{RevokeInvitationRequest, revoke_invitation},
    testing::{
        CoreFixture, ManualClock, invitation,
        invitations::{PIN, device, guest_policy, known, with_pin},
        invocation, user,
    },
};

use super::{assert_none, assert_none_after_a_death, assert_some, bad_of_all_orders};

/// The answers to the exchanges, each with the letter of its device.
type Exchanged = Rc<RefCell<Vec<(char, Result<GuestPass, Error>)>>>;
/// The answers to the revocations.
type Revoked = Rc<RefCell<Vec<Result<Invitation, Error>>>>;

/// A fixture with the invitation of the handle `handle`.
fn fixture(most: u8, change: fn(&mut Invitation)) -> CoreFixture {
    let fixture = CoreFixture::with([]);
    let mut invitation = Invitation { most, ..invitation("handle") };
    change(&mut invitation);
    fixture.records.put_invitation(&invitation);
    fixture
}

fn exchange(
    letter: char,
    pin: Option<&'static str>,
    without: Part,
    fixture: &CoreFixture,
    answers: &Exchanged,
) -> Task {
    let store = Yielding(Without::new(without, fixture.records.clone()));
    let (acs, answers) = (Yielding(fixture.acs.clone()), answers.clone());
    // Each call of a device is another invocation, and holds a reference to the answers.
    let name = format!("exchange-{letter}-{}", Rc::strong_count(&answers));
    Box::pin(async move {
        let (clock, policy) = (ManualClock::default(), guest_policy());
        let request = ExchangeGuestPassRequest {
            handle: GuestHandle::new("handle"),
            device: device(letter),
            pin: pin.and_then(GuestPin::parse),
            pace: None,
            invocation: invocation(&name, &clock),
        };
        let answer = exchange_guest_pass(&store, &acs, &clock, Some(&policy), request).await;
        answers.borrow_mut().push((letter, answer));
    })
}

fn revocation(name: &'static str, without: Part, fixture: &CoreFixture, answers: &Revoked) -> Task {
    let store = Yielding(Without::new(without, fixture.records.clone()));
    let (acs, answers) = (Yielding(fixture.acs.clone()), answers.clone());
    Box::pin(async move {
        let (clock, policy) = (ManualClock::default(), guest_policy());
        let request = RevokeInvitationRequest {
            id: invitation("handle").id,
            reason: None,
            by: Inviter::operator(user("root")),
            invocation: invocation(name, &clock),
        };
        let answer = revoke_invitation(&store, &acs, &clock, Some(&policy), request).await;
        answers.borrow_mut().push(answer);
    })
}

fn is_refused(answer: &Result<GuestPass, Error>, why: InvitationRefusal) -> bool {
    matches!(answer, Err(Error::InvitationRefused(refusal)) if *refusal == why)
}

/// Each identity in ACS is in the record of a guest.
fn nothing_is_left_behind(fixture: &CoreFixture) -> bool {
    let records = fixture.records.records();
    let known: Vec<_> = records.iter().filter_map(|record| record.acs_id()).collect();
    fixture.acs.identities().iter().all(|identity| known.contains(&identity))
}

/// One place: one device gets in, with one identity, and every other one is refused.
fn one_device_got_in(fixture: &CoreFixture, answers: &Exchanged) -> bool {
    let answers = answers.borrow();
    let entered: Vec<char> =
        answers.iter().filter(|(_, answer)| answer.is_ok()).map(|(letter, _)| *letter).collect();
    let one = entered.first().is_some_and(|first| entered.iter().all(|letter| letter == first));
    let others = answers.iter().all(|(letter, answer)| match answer {
        Ok(pass) => fixture.acs.is_alive(&pass.token),
        // The same device at the same time can be told to come again, and is not refused.
        Err(Error::Busy { .. }) => entered.contains(letter),
        other => is_refused(other, InvitationRefusal::UsedUp) && !entered.contains(letter),
    });
    one && others && fixture.acs.identities().len() == 1 && nothing_is_left_behind(fixture)
}

fn devices(letters: &'static [char], without: Part) -> (usize, usize) {
    bad_of_all_orders(|| {
        let (fixture, answers) = (fixture(1, |_| {}), Exchanged::default());
        let call = |letter: &char| exchange(*letter, None, without, &fixture, &answers);
        let tasks = letters.iter().map(call).collect();
        (tasks, Box::new(move || one_device_got_in(&fixture, &answers)))
    })
}

#[test]
fn r70_three_devices_at_once_get_one_place_in_every_order() {
    assert_none(devices(&['a', 'b', 'c'], Part::Nothing));
}

#[test]
fn r70_one_device_that_asks_twice_at_once_is_one_use_and_is_not_refused() {
    assert_none(devices(&['a', 'a'], Part::Nothing));
}

#[test]
fn r70_without_the_condition_more_devices_get_in_than_there_are_places() {
    assert_some(devices(&['a', 'b'], Part::Room));
}

/// A process dies at one of its calls, while another device asks.
fn a_death_and_another_device(turns: usize) -> (usize, usize) {
    bad_of_all_orders(|| {
        let (fixture, answers) = (fixture(1, |_| {}), Exchanged::default());
        let lost = Exchanged::default();
        let dying = dying_after(turns, exchange('a', None, Part::Nothing, &fixture, &lost));
        let other = exchange('b', None, Part::Nothing, &fixture, &answers);
        let check = move || {
            let invitation = fixture.records.invitations().remove(0);
            let tokens = answers.borrow().iter().filter(|(_, answer)| answer.is_ok()).count();
            let admitted = invitation.devices.len();
            admitted <= 1 && tokens <= admitted && fixture.acs.identities().len() <= 1
        };
        (vec![dying, other], Box::new(check))
    })
}

#[test]
fn r70_a_death_at_any_call_makes_no_second_use() {
    assert_none_after_a_death(7, 100, a_death_and_another_device);
}

/// After "revoked", no token lives, whether or not its guest has it.
fn all_are_cut_off(fixture: &CoreFixture, revoked: &Revoked) -> bool {
    let is_revoked = revoked.borrow().iter().all(Result::is_ok);
    let invitation = fixture.records.invitations().remove(0);
    let is_final = invitation.state == InvitationState::Revoked;
    is_revoked && is_final && fixture.acs.live_tokens() == 0 && nothing_is_left_behind(fixture)
}

fn exchanges_and_a_revocation(
    most: u8,
    change: fn(&mut Invitation),
    letters: &'static [char],
    without: Part,
) -> (usize, usize) {
    bad_of_all_orders(|| {
        let (fixture, answers) = (fixture(most, change), Exchanged::default());
        let revoked = Revoked::default();
        let call = |letter: &char| exchange(*letter, None, Part::Nothing, &fixture, &answers);
        let mut tasks: Vec<Task> = letters.iter().map(call).collect();
        tasks.push(revocation("one", without, &fixture, &revoked));
        (tasks, Box::new(move || all_are_cut_off(&fixture, &revoked)))
    })
}

#[test]
fn r72_a_guest_who_joins_during_a_revocation_holds_no_live_token() {
    assert_none(exchanges_and_a_revocation(2, |_| {}, &['a'], Part::Nothing));
    assert_none(exchanges_and_a_revocation(2, known, &['a'], Part::Nothing));
}

/// One device is known and has no identity yet, and the other one wants its place. With two new
/// devices, the orders would take ten minutes.
#[test]
fn r72_two_guests_who_join_during_a_revocation_hold_no_live_token() {
    assert_none(exchanges_and_a_revocation(1, known, &['a', 'b'], Part::Nothing));
}

#[test]
fn r72_two_revocations_at_once_confirm_one_and_the_same() {
    assert_none(bad_of_all_orders(|| {
        let (fixture, revoked) = (fixture(2, known), Revoked::default());
        let tasks = ["one", "two"].map(|name| revocation(name, Part::Nothing, &fixture, &revoked));
        let check = move || {
            let receipts = revoked.borrow();
            let receipt = |answer: &Result<Invitation, Error>| {
                answer.as_ref().ok()?.revocation.as_ref().map(|one| one.receipt.0.clone())
            };
            let is_same =
                receipt(&receipts[0]).is_some() && receipt(&receipts[0]) == receipt(&receipts[1]);
            is_same && fixture.records.invitations()[0].state == InvitationState::Revoked
        };
        (tasks.into(), Box::new(check))
    }));
}

#[test]
fn r72_without_the_devices_that_have_no_record_a_token_outlives_the_revocation() {
    assert_some(exchanges_and_a_revocation(2, |_| {}, &['a'], Part::UnseenGuests));
}

/// The revocation dies at one of its calls, and the scheduled job finishes it.
fn an_exchange_and_a_dying_revocation(turns: usize) -> (usize, usize) {
    bad_of_all_orders(|| {
        let (fixture, answers) = (fixture(2, |_| {}), Exchanged::default());
        let revoked = Revoked::default();
        let dying = dying_after(turns, revocation("one", Part::Nothing, &fixture, &revoked));
        let tasks = vec![exchange('a', None, Part::Nothing, &fixture, &answers), dying];
        let check = move || {
            let before = fixture.records.invitations().remove(0);
            run_the_job(&fixture);
            let after = fixture.records.invitations().remove(0);
            match before.state {
                InvitationState::Revoking | InvitationState::Revoked => {
                    after.state == InvitationState::Revoked && fixture.acs.live_tokens() == 0
                }
                // It died before its first write.
                _ => {
                    after == before
                        && answers.borrow().first().is_some_and(|(_, answer)| answer.is_ok())
                }
            }
        };
        (tasks, Box::new(check))
    })
}

/// Runs the scheduled job a minute later.
fn run_the_job(fixture: &CoreFixture) {
    let clock = ManualClock::default();
    clock.advance(Duration::from_mins(1));
    let request = CleanupRequest {
        time: clock.now(),
        retention: Retention::from_days(90).unwrap(),
        mode: CleanupMode::Apply,
        guests: CleanupMode::Apply,
        is_preview: false,
        limits: CleanupLimits { per_second: CleanupLimits::HALF_OF_ACS, most: 100 },
        allow: None,
        invocation: identity_core::identity::Invocation {
            deadline: clock.now() + Duration::from_mins(10),
            ..invocation("job", &clock)
        },
    };
    let run = delete_stale_identities(&fixture.records, &fixture.acs, &clock, request);
    futures_util::FutureExt::now_or_never(run).unwrap().unwrap();
}

#[test]
fn r72_a_revocation_that_died_at_any_call_is_finished_by_the_scheduled_job() {
    assert_none_after_a_death(9, 500, an_exchange_and_a_dying_revocation);
}

/// Two guesses where one may be compared, and a guest with the right PIN.
fn guesses(without: Part) -> (usize, usize) {
    bad_of_all_orders(|| {
        let one_left: fn(&mut Invitation) = |it| {
            with_pin(it);
            it.pin.iter_mut().for_each(|pin| pin.left = 1);
        };
        let (fixture, answers) = (fixture(9, one_left), Exchanged::default());
        let guess = |letter| exchange(letter, Some("000000"), without, &fixture, &answers);
        let mut tasks: Vec<Task> = ['x', 'y'].map(guess).into();
        tasks.push(exchange('a', Some(PIN), Part::Nothing, &fixture, &answers));
        let check = move || {
            let answers = answers.borrow();
            let compared =
                answers.iter().filter(|(_, one)| is_refused(one, InvitationRefusal::PinWrong));
            let is_known = answers.iter().all(|(letter, answer)| match answer {
                Ok(_) => *letter == 'a',
                Err(Error::InvitationRefused(InvitationRefusal::PinWrong)) => *letter != 'a',
                other => is_refused(other, InvitationRefusal::Locked),
            });
            compared.count() <= 1 && is_known
        };
        (tasks, Box::new(check))
    })
}

#[test]
fn r74_guesses_at_once_are_compared_as_often_as_the_invitation_allows() {
    assert_none(guesses(Part::Nothing));
}

#[test]
fn r74_without_the_count_more_pins_are_compared() {
    assert_some(guesses(Part::PinCount));
}
