//! R82: token calls for an idle identity of a draining resource, in every order with each other,
//! with a block and with an administrator's call.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, time::Duration};

use faults::{Part, Task, Without, Yielding, dying_after};
use futures_util::FutureExt as _;
use identity_core::{
    Error,
    identity::{AcsId, IdentityRef},
    issue_access_token::{IssueAccessTokenRequest, IssuedToken, TokenSubject, issue_access_token},
    ports::{Clock, ResourceClients},
    record::{Record, State},
    revoke_access_tokens::{IfMissing, RevokeAccessTokensRequest, revoke_access_tokens},
    testing::{
        CoreFixture, ManualClock, MemoryIdentityClient, acs_id, administrator, an_hour, caller,
        invocation, record, resource, user,
    },
};

use super::{By, Cause, assert_none, assert_none_after_a_death, assert_some, bad_of_all_orders};

const ALICES: &str = "8:acs:old_1";

/// Alice got her last token 25 hours ago, from the resource `old`, which is being drained.
struct DrainFixture {
    core: CoreFixture,
    old: MemoryIdentityClient,
    new: MemoryIdentityClient,
}

type IssuedTokens = Rc<RefCell<Vec<Result<IssuedToken, Error>>>>;
type Clients = ResourceClients<Yielding<MemoryIdentityClient>>;

impl DrainFixture {
    fn new() -> Self {
        let long_ago = ManualClock::default().now() - Duration::from_hours(25);
        let alice = record("alice", State::active(ALICES), long_ago);
        let alice = Record { resource: resource("old"), ..alice };
        let [old, new] = ["old", "new"].map(MemoryIdentityClient::of_resource);
        old.know(&acs_id(ALICES));
        Self { core: CoreFixture::with([alice]), old, new }
    }

    fn clients(&self) -> Clients {
        let clients = BTreeMap::from([
            (resource("old"), Yielding(self.old.clone())),
            (resource("new"), Yielding(self.new.clone())),
        ]);
        let placement = r#"{"new": {}, "old": {"state": "draining"}}"#;
        ResourceClients::new(clients, serde_json::from_str(placement).unwrap()).ok().unwrap()
    }

    fn token_call(
        &self,
        name: &'static str,
        subject: TokenSubject,
        without: Part,
        answers: &IssuedTokens,
    ) -> Task {
        self.token_call_at(Duration::ZERO, name, subject, without, answers)
    }

    /// The same, so much later.
    fn token_call_at(
        &self,
        later: Duration,
        name: &'static str,
        subject: TokenSubject,
        without: Part,
        answers: &IssuedTokens,
    ) -> Task {
        let store = Yielding(Without::new(without, self.core.records.clone()));
        let (clients, answers) = (self.clients(), answers.clone());
        Box::pin(async move {
            let clock = ManualClock::default();
            clock.advance(later);
            let invocation = invocation(name, &clock);
            let request = IssueAccessTokenRequest { subject, token: an_hour(), invocation };
            let answer = issue_access_token(&store, &clients, &clock, request).await;
            answers.borrow_mut().push(answer);
        })
    }

    fn block(&self) -> Task {
        let (store, clients) = (Yielding(self.core.records.clone()), self.clients());
        Box::pin(async move {
            let clock = ManualClock::default();
            let request = RevokeAccessTokensRequest {
                bearer: None,
                identity: IdentityRef::External(user("alice")),
                block: true,
                if_missing: IfMissing::Create,
                pace: None,
                cause: Cause::of(By::administrator(&user("root"))),
                invocation: invocation("block", &clock),
            };
            revoke_access_tokens(&store, &clients, &clock, request).await.unwrap();
        })
    }

    /// Each identity in ACS is the one in the record, in the resource that the record names.
    fn nothing_is_left_behind(&self) -> bool {
        let alice = self.core.alice().unwrap();
        let of = |name: &str| {
            alice.acs_id().filter(|_| alice.resource == resource(name)).cloned().into_iter()
        };
        self.old.identities().into_iter().eq(of("old"))
            && self.new.identities().into_iter().eq(of("new"))
    }

    fn is_alive(&self, issued: &IssuedToken) -> bool {
        self.old.is_alive(&issued.token) || self.new.is_alive(&issued.token)
    }
}

type Others = fn(&DrainFixture, &IssuedTokens) -> Vec<Task>;

/// Two calls of Alice and the other tasks, in every order.
fn calls_and(
    calls: &[&'static str],
    others: Others,
    without: Part,
    is_good: fn(&DrainFixture, &[Result<IssuedToken, Error>]) -> bool,
) -> (usize, usize) {
    bad_of_all_orders(|| {
        let (fixture, answers) = (DrainFixture::new(), IssuedTokens::default());
        let call =
            |name: &&'static str| fixture.token_call(name, caller("alice"), without, &answers);
        let mut tasks: Vec<Task> = calls.iter().map(call).collect();
        tasks.extend(others(&fixture, &answers));
        (tasks, Box::new(move || is_good(&fixture, &answers.borrow())))
    })
}

fn is_replaced_once(fixture: &DrainFixture, answers: &[Result<IssuedToken, Error>]) -> bool {
    let live_or_busy = answers.iter().all(|answer| match answer {
        Ok(issued) => fixture.new.is_alive(&issued.token),
        Err(error) => matches!(error, Error::Busy { .. }),
    });
    let one = fixture.new.identities().len() == 1 && answers.iter().any(Result::is_ok);
    live_or_busy && one && fixture.nothing_is_left_behind()
}

fn two_calls(without: Part) -> (usize, usize) {
    calls_and(&["one", "two"], |_, _| vec![], without, is_replaced_once)
}

#[test]
fn r82_two_calls_replace_an_idle_identity_once() {
    assert_none(two_calls(Part::Nothing));
}

#[test]
fn r82_without_conditions_two_calls_leave_identities_behind() {
    assert_some(two_calls(Part::Conditions));
}

/// A call dies after so many turns, beside another one; a minute later Alice asks again.
fn a_death_and_a_later_call(turns: usize) -> (usize, usize) {
    bad_of_all_orders(|| {
        let (fixture, answers) = (DrainFixture::new(), IssuedTokens::default());
        let lost = IssuedTokens::default();
        let call =
            |name, answers| fixture.token_call(name, caller("alice"), Part::Nothing, answers);
        let tasks = vec![dying_after(turns, call("one", &lost)), call("two", &answers)];
        let check = move || {
            let (later, at_last) = (Duration::from_mins(1), IssuedTokens::default());
            let mut third =
                fixture.token_call_at(later, "three", caller("alice"), Part::Nothing, &at_last);
            while (&mut third).now_or_never().is_none() {}
            let is_live = |one: &IssuedToken| fixture.new.is_alive(&one.token);
            let gets_one = at_last.borrow().iter().all(|one| one.as_ref().is_ok_and(is_live));
            let alice = fixture.core.alice().unwrap();
            let of_alice = |one: &AcsId| alice.acs_id() == Some(one);
            // What the dead process created is not used: at most one identity.
            let new = fixture.new.identities();
            let is_hers = new.iter().any(of_alice) && new.len() <= 2;
            gets_one && is_hers && fixture.old.identities().is_empty()
        };
        (tasks, Box::new(check))
    })
}

#[test]
fn r82_a_replacement_that_died_at_any_call_is_finished_by_a_later_one() {
    assert_none_after_a_death(12, 100, a_death_and_a_later_call);
}

fn a_call_and_a_block(without: Part) -> (usize, usize) {
    let block: Others = |fixture, _| vec![fixture.block()];
    calls_and(&["one"], block, without, |fixture, _| {
        let alice = fixture.core.alice().unwrap();
        let no_token = fixture.old.live_tokens() + fixture.new.live_tokens() == 0;
        alice.state.is_blocked() && no_token && fixture.nothing_is_left_behind()
    })
}

#[test]
fn r82_a_block_during_a_replacement_leaves_no_token() {
    assert_none(a_call_and_a_block(Part::Nothing));
}

#[test]
fn r82_without_conditions_a_replacement_lifts_a_block() {
    assert_some(a_call_and_a_block(Part::Conditions));
}

/// An administrator's call replaces nothing, so it may get a token of the old identity.
fn calls_of_alice_and_of_an_administrator(without: Part) -> (usize, usize) {
    bad_of_all_orders(|| {
        let (fixture, answers) = (DrainFixture::new(), IssuedTokens::default());
        let identity = IdentityRef::External(user("alice"));
        let named = TokenSubject::Identity { identity, by: administrator() };
        let tasks = vec![
            fixture.token_call("one", caller("alice"), without, &answers),
            fixture.token_call("two", caller("alice"), without, &answers),
            fixture.token_call("administrator", named, Part::Nothing, &answers),
        ];
        let check = move || answers.borrow().iter().flatten().all(|one| fixture.is_alive(one));
        (tasks, Box::new(check))
    })
}

#[test]
fn r82_an_identity_that_gets_a_token_meanwhile_is_not_replaced() {
    assert_none(calls_of_alice_and_of_an_administrator(Part::Nothing));
}

#[test]
fn r82_without_the_guard_an_identity_with_a_valid_token_is_replaced() {
    assert_some(calls_of_alice_and_of_an_administrator(Part::Guard));
}
