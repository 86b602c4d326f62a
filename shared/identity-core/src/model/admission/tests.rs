use super::*;
use crate::model::record::Unfinished;
use crate::ports::Clock;
use crate::testing::{ManualClock, acs_id, record};

fn now() -> SystemTime {
    ManualClock::default().now()
}

fn at(seconds: i64) -> SystemTime {
    let by = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { now() - by } else { now() + by }
}

fn active() -> Record {
    record("alice", State::active("8:acs:1"), now())
}

fn caller(issued_at: Option<SystemTime>) -> Requester {
    Requester::User { bearer: Bearer { issued_at, authenticated_at: None }, pace: None }
}

/// The result of the admission check, without the admission.
fn gate(record: &Record, requester: &Requester, now: SystemTime) -> Result<(), Error> {
    admit(Some(record), requester, now).map(drop)
}

#[test]
fn r59_no_state_that_cuts_a_user_off_is_admitted_for_any_caller() {
    let stuck = |blocked| State::Stuck {
        acs_id: acs_id("8:acs:1"),
        blocked,
        unfinished: Unfinished::Revocation,
    };
    let root = Requester::Administrator { id: crate::testing::user("root") };
    for requester in [caller(Some(at(60))), root] {
        for (state, refused) in [
            (State::blocked("8:acs:1"), "the user is blocked"),
            (State::Blocked { acs_id: None }, "the user is blocked"),
            (State::Deleting { acs_id: acs_id("8:acs:1"), blocked: true }, "the user is blocked"),
            (stuck(true), "the user is blocked"),
            (stuck(false), "the identity is stuck: manual action required"),
            (State::deleting("8:acs:1"), "the identity is being changed by another request"),
        ] {
            let record = record("alice", state, now());
            assert_eq!(gate(&record, &requester, now()).unwrap_err().to_string(), refused);
        }
        assert!(gate(&active(), &requester, now()).is_ok());
        assert!(admit(None, &requester, now()).is_ok());
    }
}

#[test]
fn r58_a_bearer_must_be_from_a_later_second_than_the_cut_off() {
    let cut = at(10) + Duration::from_millis(400);
    let record = Record { not_before: Some(cut), ..active() };
    for (issued_at, admitted) in [(at(9), false), (at(10), false), (at(11), true), (at(12), true)] {
        let answer = gate(&record, &caller(Some(issued_at)), at(20));
        assert_eq!(answer.is_ok(), admitted, "{issued_at:?}");
        assert!(admitted || matches!(answer, Err(Error::SignInRequired)));
    }
}

#[test]
fn r58_a_bearer_without_its_time_is_refused_while_it_can_be_from_before_a_cut_off() {
    let record = Record { not_before: Some(at(0)), ..active() };
    let life = i64::try_from(LONGEST_BEARER_LIFE.as_secs()).unwrap();
    let (last, first) = (at(life - 1), at(life));
    for (now, admitted) in [(at(-30), false), (at(1), false), (last, false), (first, true)] {
        assert_eq!(gate(&record, &caller(None), now).is_ok(), admitted, "{now:?}");
    }
    assert!(gate(&active(), &caller(None), now()).is_ok(), "without a cut-off it is welcome");
}

#[test]
fn r58_whose_account_was_deleted_must_have_signed_in_since() {
    let record = Record { not_before: Some(at(10)), account_deleted_at: Some(at(10)), ..active() };
    for (signed_in, admitted) in [(None, true), (Some(at(10)), false), (Some(at(11)), true)] {
        let bearer = Bearer { issued_at: Some(at(60)), authenticated_at: signed_in };
        let requester = Requester::User { bearer, pace: None };
        assert_eq!(gate(&record, &requester, at(61)).is_ok(), admitted, "{signed_in:?}");
    }
    let signed_out = Record { account_deleted_at: None, ..record };
    let refreshed = Bearer { issued_at: Some(at(60)), authenticated_at: Some(at(1)) };
    let requester = Requester::User { bearer: refreshed, pace: None };
    assert!(gate(&signed_out, &requester, at(61)).is_ok(), "a refresh is enough after a sign-out");
}

#[test]
fn an_administrators_token_for_a_user_does_not_depend_on_the_users_bearers() {
    let record = Record { not_before: Some(at(10)), pace_until: Some(at(3600)), ..active() };
    let root = Requester::Administrator { id: crate::testing::user("root") };
    let admission = admit(Some(&record), &root, at(0)).unwrap();
    assert_eq!(admission.pace_until(), Some(at(3600)), "and leaves their pace as it is");
}

#[test]
fn r59_an_administrator_who_was_cut_off_acts_no_longer() {
    let bearer = Bearer { issued_at: Some(at(5)), authenticated_at: None };
    let blocked = record("root", State::Blocked { acs_id: None }, now());
    assert!(matches!(admit_acting(Some(&blocked), bearer, at(6)), Err(Error::Blocked)));
    let signed_out = Record { not_before: Some(at(5)), ..active() };
    let refused = admit_acting(Some(&signed_out), bearer, at(6));
    assert!(matches!(refused, Err(Error::SignInRequired)));
    assert!(admit_acting(Some(&active()), bearer, at(6)).is_ok());
    assert!(admit_acting(None, bearer, at(6)).is_ok());
}

fn pace() -> TokenPace {
    TokenPace::per_minute(10).unwrap().unwrap()
}

/// How many of `calls` immediately consecutive calls are admitted, starting with `until`.
fn admitted(calls: usize, mut until: Option<SystemTime>, now: SystemTime) -> usize {
    (0..calls)
        .filter(|_| match pace().take(until, now) {
            Ok(end) => {
                until = Some(end);
                true
            }
            Err(_) => false,
        })
        .count()
}

#[test]
fn r84_six_calls_at_once_and_then_ten_a_minute() {
    assert_eq!(admitted(100, None, now()), 6);
    let full = Some(at(36));
    assert_eq!(pace().take(full, now()), Err(Duration::from_secs(6)));
    assert_eq!(pace().take(full, at(6)), Ok(at(42)));
    assert_eq!(admitted(100, full, at(60)), 6, "after a pause it is as at the beginning");
    let mut until = None;
    let in_ten_minutes = (0..600)
        .filter(|second| match pace().take(until, at(*second)) {
            Ok(end) => {
                until = Some(end);
                true
            }
            Err(_) => false,
        })
        .count();
    assert_eq!(in_ten_minutes, 105, "six, and one every six seconds");
}

#[test]
fn r84_a_clock_that_is_set_back_refuses_no_user_and_admits_at_most_six_calls() {
    let far_ahead = Some(at(3600));
    let through = admitted(100, far_ahead, now());
    assert!((1..=6).contains(&through), "{through}");
}

#[test]
fn a_pace_of_nothing_is_none_and_too_fast_a_one_is_refused() {
    assert_eq!(TokenPace::per_minute(0), Ok(None));
    assert!(TokenPace::per_minute(600).unwrap().is_some());
    assert!(TokenPace::per_minute(601).is_err());
}

#[test]
fn r84_pace_is_spent_only_by_those_who_may_have_a_token() {
    let full = Record { pace_until: Some(at(36)), ..active() };
    let bearer = Bearer { issued_at: Some(at(60)), authenticated_at: None };
    let requester = Requester::User { bearer, pace: Some(pace()) };
    let paced = gate(&full, &requester, now());
    assert!(
        matches!(paced, Err(Error::TooManyTokens { retry_after }) if retry_after.as_secs() == 6)
    );
    let blocked = Record { state: State::blocked("8:acs:1"), ..full.clone() };
    assert!(matches!(gate(&blocked, &requester, now()), Err(Error::Blocked)));
    let signed_out = Record { not_before: Some(at(99)), ..full };
    assert!(matches!(gate(&signed_out, &requester, now()), Err(Error::SignInRequired)));
}
