//! Tests of the function that lets a guest in, killed while it checks a PIN.
//!
//! It counts an attempt before it compares the PIN. So a death can cost an attempt, and never gives
//! one.

use std::time::Duration;

use crate::{
    fixture::{SweepAcs, SweepFixture, SweepRun},
    gate::{StrikeTime, SweepStrike},
    guests::{exchange_with, invite},
    http::response,
    sweep,
};
use identity_core::{
    guest::{Invitation, InvitationState, PIN_ATTEMPTS},
    ports::{IdentityStore as _, InvitationStore as _},
    testing::invitations::{PIN, with_pin},
};

/// A request with a PIN, for an invitation that has so many attempts left.
#[derive(Clone, Copy, Debug)]
struct PinRequest {
    pin: &'static str,
    left: u8,
}

impl PinRequest {
    /// The invitation of the request, which admits one device.
    async fn invite(self, fixture: &SweepFixture<'_>) -> Invitation {
        let change = |made: &mut Invitation| {
            with_pin(made);
            made.pin.iter_mut().for_each(|pin| pin.left = self.left);
        };
        invite(fixture, change).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r74_after_a_kill_at_any_call_a_wrong_pin_is_counted_if_it_may_have_been_compared() {
    // The count, with two deaths, and the reads before it, with one each.
    assert!(deaths(PinRequest { pin: WRONG, left: PIN_ATTEMPTS }, "pin-wrong").await > 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r74_after_a_kill_at_any_call_of_the_tenth_wrong_pin_no_other_is_compared() {
    // The lock, too.
    assert!(deaths(PinRequest { pin: WRONG, left: 1 }, "pin-wrong").await > 2 * 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r74_after_a_kill_at_any_call_the_right_pin_admits_one_device_and_costs_one_attempt_at_most()
 {
    // The count, the place, the reservation and its activation.
    assert!(deaths(PinRequest { pin: PIN, left: PIN_ATTEMPTS }, "").await > 2 * 4);
    assert!(deaths(PinRequest { pin: PIN, left: 1 }, "").await > 2 * 4);
}

/// Kills the process at every call of the request, and returns the number of deaths. Without a
/// death, the response has the problem `expected`.
async fn deaths(request: PinRequest, expected: &str) -> usize {
    let acs = SweepAcs::start().await;
    let fixture = SweepFixture::new(&acs, FUNCTION).await;
    request.invite(&fixture).await;
    let (run, calls) = fixture.run(&exchange_with('a', Some(request.pin)), None).await;
    assert_eq!(problem(&run, "no kill"), expected);
    drop(fixture);
    sweep(&calls, async |acs, strike| die(acs, strike, request).await).await
}

async fn die(acs: &SweepAcs, strike: SweepStrike, request: PinRequest) {
    let fixture = SweepFixture::new(acs, FUNCTION).await;
    let made = request.invite(&fixture).await;
    let (dead, calls) = fixture.run(&exchange_with('a', Some(request.pin)), Some(strike)).await;
    let context = format!("{request:?} killed {strike:?}: {:?}", calls.last());
    assert!(matches!(dead, SweepRun::Killed), "{context}");
    let (left, is_in) = {
        let stored = stored(&fixture, &made).await;
        (attempts_left(&stored), stored.devices.len() == 1)
    };
    let is_counted = writes(&calls, strike) > 0 && !is_in;
    assert_eq!(left, request.left - u8::from(is_counted), "{context}");

    // The reservation of the dead process has expired.
    fixture.advance(Duration::from_mins(2));
    let mut rest = left;
    for pin in [request.pin, PIN] {
        let (next, _) = fixture.run(&exchange_with('a', Some(pin)), None).await;
        let expected = match (pin, rest) {
            _ if is_in => "",
            (_, 0) => "invitation-locked",
            (PIN, _) => "",
            _ => "pin-wrong",
        };
        assert_eq!(problem(&next, &context), expected, "{context}");
        rest -= u8::from(expected == "pin-wrong");
    }
    let stored = stored(&fixture, &made).await;
    assert_eq!(attempts_left(&stored), rest, "{context}");
    let (other, _) = fixture.run(&exchange_with('b', Some(PIN)), None).await;
    let has_guest = !stored.devices.is_empty();
    let refusal = if has_guest { "invitation-used-up" } else { "invitation-locked" };
    assert_eq!(problem(&other, &context), refusal, "{context}");
    assert_identities(&fixture, &stored, &context).await;
}

/// Who is not in the map of devices has no record and no identity.
async fn assert_identities(fixture: &SweepFixture<'_>, stored: &Invitation, context: &str) {
    let living: Vec<_> = fixture.living().await.into_iter().map(|(id, _)| id).collect();
    let Some(device) = stored.devices.keys().next() else {
        assert_eq!(living, [""; 0], "{context}");
        return;
    };
    assert_eq!(stored.devices.len(), 1, "{context}");
    let record = fixture.store.find(&stored.guest(device)).await.unwrap().unwrap();
    let of_the_guest = record.acs_id().unwrap().as_str();
    assert!(living.iter().any(|id| id == of_the_guest), "{context}: {living:?}");
    assert!(living.len() <= 2, "at most one orphan; {context}: {living:?}");
}

/// Each process dies when it has counted its attempt: it may have compared the PIN.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r74_ten_processes_that_die_after_the_count_leave_no_attempt_for_an_eleventh() {
    let acs = SweepAcs::start().await;
    let fixture = SweepFixture::new(&acs, FUNCTION).await;
    let made = PinRequest { pin: WRONG, left: PIN_ATTEMPTS }.invite(&fixture).await;
    let (_, calls) = fixture.run(&exchange_with('a', Some(WRONG)), None).await;
    let count = calls.iter().position(|call| is_write(call)).unwrap();
    let strike = SweepStrike { call: count, at: StrikeTime::After };
    for number in 1..PIN_ATTEMPTS {
        let (dead, _) = fixture.run(&exchange_with('a', Some(PIN)), Some(strike)).await;
        assert!(matches!(dead, SweepRun::Killed), "{number}");
        assert_eq!(attempts_left(&stored(&fixture, &made).await), PIN_ATTEMPTS - 1 - number);
    }
    for pin in [PIN, WRONG] {
        let (refused, _) = fixture.run(&exchange_with('a', Some(pin)), None).await;
        assert_eq!(problem(&refused, pin), "invitation-locked");
    }
    let stored = stored(&fixture, &made).await;
    assert_eq!((stored.state, stored.devices.len()), (InvitationState::Open, 0));
    assert_eq!(fixture.living().await, []);
}

/// The type of the problem in a response; empty for a token.
fn problem(run: &SweepRun, context: &str) -> String {
    let (status, body) = response(run, context);
    assert_eq!(status == 200, body["token"].is_string(), "{context}: {body}");
    let kind = body["type"].as_str().unwrap_or_default();
    kind.trim_start_matches("/problems/").to_owned()
}

async fn stored(fixture: &SweepFixture<'_>, made: &Invitation) -> Invitation {
    fixture.store.find_invitation(&made.id).await.unwrap().unwrap()
}

fn attempts_left(stored: &Invitation) -> u8 {
    stored.pin.unwrap().left
}

/// The writes that were executed before the death.
fn writes(calls: &[String], strike: SweepStrike) -> usize {
    let arrived = strike.call + usize::from(strike.at == StrikeTime::After);
    calls.iter().take(arrived).filter(|call| is_write(call)).count()
}

fn is_write(call: &str) -> bool {
    call.ends_with(".UpdateItem")
}

const FUNCTION: &str = "exchange-guest-pass";
const WRONG: &str = "000000";
