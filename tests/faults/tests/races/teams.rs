//! R59: the exchange of a Teams user's token, in every order with a block and a sign-out. ACS
//! cannot revoke such a token, so the function does not return it if the cut-off was recorded
//! before the second read of the record.

use std::{
    cell::RefCell,
    rc::Rc,
    time::{Duration, SystemTime},
};

use faults::{Part, Task, Without, Yielding};
use identity_core::{
    Error,
    admission::Bearer,
    exchange_teams_token::{
        EntraUser, Exchange, ExchangeTeamsTokenRequest, UnverifiedClaims, exchange_teams_token,
    },
    identity::Invocation,
    ports::Clock,
    record::{By, Record},
    secret::Secret,
    testing::{CoreFixture, ManualClock, MemoryTeamsTokenExchange, invocation, user},
};

use super::{alice, assert_none, assert_some, bad_of_all_orders, revocation_by};

/// For each exchange, whether a token was returned, and whether the user was cut off by then.
type Exchanges = Rc<RefCell<Vec<(bool, bool)>>>;

fn request(invocation: Invocation, now: SystemTime) -> ExchangeTeamsTokenRequest {
    let ends = now + Duration::from_hours(1);
    let exp = ends.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let (oid, tid) = ("o-1".to_owned(), "t-1".to_owned());
    let claims = UnverifiedClaims {
        oid: Some(oid.clone()),
        tid: Some(tid.clone()),
        exp: Some(exp),
        ..UnverifiedClaims::default()
    };
    let exchange = Exchange {
        token: Secret::new("entra-token"),
        claims,
        app_id: "app".to_owned(),
        caller: EntraUser { oid, tid },
        invocation,
    };
    let bearer = Bearer { issued_at: Some(now), authenticated_at: None };
    ExchangeTeamsTokenRequest { exchange, user: user("alice"), bearer }
}

fn is_cut_off(record: &Record) -> bool {
    record.state.is_blocked() || record.not_before.is_some()
}

fn exchange(
    name: &'static str,
    without: Part,
    fixture: &CoreFixture,
    exchanges: &Exchanges,
) -> Task {
    let (records, exchanges) = (fixture.records.clone(), exchanges.clone());
    let store = Yielding(Without::new(without, records.clone()));
    Box::pin(async move {
        let clock = ManualClock::default();
        let acs = Yielding(MemoryTeamsTokenExchange::default());
        let request = request(invocation(name, &clock), clock.now());
        let answered = match exchange_teams_token(&store, &acs, &clock, request).await {
            Ok(_) => true,
            Err(Error::Blocked | Error::SignInRequired) => false,
            Err(error) => unreachable!("{error}"),
        };
        // This is still the turn of the second read, so it sees the same record.
        let was_cut_off = records.records().iter().any(is_cut_off);
        exchanges.borrow_mut().push((answered, was_cut_off));
    })
}

/// Two exchanges and a cut-off in every order, for a user with a record and for one without.
fn two_exchanges_and(by: &By, block: bool, without: Part) -> (usize, usize) {
    let starts: [fn() -> CoreFixture; 2] = [alice, || CoreFixture::with([])];
    let counts = starts.map(|start| {
        bad_of_all_orders(|| {
            let (fixture, exchanges) = (start(), Exchanges::default());
            let tasks = vec![
                exchange("one", without, &fixture, &exchanges),
                exchange("two", without, &fixture, &exchanges),
                revocation_by(by.clone(), block, Part::Nothing, &fixture),
            ];
            let is_good = move || exchanges.borrow().iter().all(|&(answered, cut)| answered != cut);
            (tasks, Box::new(is_good))
        })
    });
    counts.into_iter().fold((0, 0), |(bad, runs), more| (bad + more.0, runs + more.1))
}

fn administrator() -> By {
    By::administrator(&user("root"))
}

#[test]
fn r59_no_teams_token_is_returned_after_a_block() {
    assert_none(two_exchanges_and(&administrator(), true, Part::Nothing));
}

#[test]
fn r59_without_the_second_read_a_teams_token_is_returned_after_a_block() {
    assert_some(two_exchanges_and(&administrator(), true, Part::SecondLook));
}

#[test]
fn r59_no_teams_token_is_returned_after_a_sign_out() {
    assert_none(two_exchanges_and(&By::User, false, Part::Nothing));
}

#[test]
fn r59_without_the_second_read_a_teams_token_is_returned_after_a_sign_out() {
    assert_some(two_exchanges_and(&By::User, false, Part::SecondLook));
}
