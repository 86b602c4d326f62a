//! R92: an assignment to Teams Phone, in every order with the event that its user's account was
//! disabled. An event that finds an unfinished change is delivered again, which the sweep tests.

use std::{cell::Cell, rc::Rc, time::Duration};

use faults::{Part, Task, Without, Yielding};
use identity_core::{
    Error,
    apply_event::apply_event,
    end_phone_access::end_phone_access,
    event::EventKind,
    identity::Invocation,
    phone::PhoneSettings,
    ports::Clock,
    record::State,
    teams_phone::{AssignPhoneRequest, Assignee, assign_phone},
    testing::{
        CoreFixture, ManualClock, administrator, event, invocation,
        phone::{MemoryPhone, assignment},
        user,
    },
};

use super::{alice, assert_none, assert_some, bad_of_all_orders};

/// An invocation that does not wait for others.
fn impatient(name: &str, clock: &ManualClock) -> Invocation {
    Invocation { patience: Duration::ZERO, ..invocation(name, clock) }
}

fn assigning(without: Part, by: &Assignee, fixture: &CoreFixture, acs: &MemoryPhone) -> Task {
    let store = Yielding(Without::new(without, fixture.records.clone()));
    let (acs, by) = (Yielding(acs.clone()), by.clone());
    Box::pin(async move {
        let clock = ManualClock::default();
        let request = AssignPhoneRequest {
            assignment: assignment(5),
            user: Some(user("alice")),
            by,
            invocation: impatient("assign", &clock),
        };
        let settings = PhoneSettings::of_operator(&request.assignment);
        match assign_phone(&store, &acs, &clock, &settings, &request).await {
            Ok(_) | Err(Error::Blocked | Error::Busy { .. }) => {}
            Err(error) => unreachable!("{error}"),
        }
    })
}

/// Notes in `is_done` whether the event need not be delivered again.
fn disabling(fixture: &CoreFixture, phone: &MemoryPhone, is_done: &Rc<Cell<bool>>) -> Task {
    let (store, acs) = (Yielding(fixture.records.clone()), Yielding(fixture.acs.clone()));
    let (phone, is_done) = (Yielding(phone.clone()), is_done.clone());
    Box::pin(async move {
        let clock = ManualClock::default();
        let event = event(EventKind::Disabled, clock.now() + Duration::from_secs(1));
        let invocation = impatient("event", &clock);
        apply_event(&store, &acs, &clock, &event, &invocation).await.unwrap();
        match end_phone_access(&store, &phone, &clock, &event, &invocation).await {
            Ok(_) => is_done.set(true),
            Err(Error::Busy { .. }) => {}
            Err(error) => unreachable!("{error}"),
        }
    })
}

/// The orders after which a user whose event was applied has an assignment.
fn an_assignment_and_an_event(without: Part, by: &Assignee) -> (usize, usize) {
    bad_of_all_orders(|| {
        let (fixture, phone, is_done) = (alice(), MemoryPhone::default(), Rc::default());
        let tasks =
            vec![assigning(without, by, &fixture, &phone), disabling(&fixture, &phone, &is_done)];
        let is_good = move || {
            let alice = fixture.alice();
            let is_blocked =
                matches!(alice, Some(alice) if matches!(alice.state, State::Blocked { .. }));
            is_blocked && (!is_done.get() || phone.assignments().is_empty())
        };
        (tasks, Box::new(is_good))
    })
}

#[test]
fn r92_a_disabled_user_has_no_assignment_in_any_order() {
    for by in [Assignee::Administrator(administrator()), Assignee::User] {
        assert_none(an_assignment_and_an_event(Part::Nothing, &by));
    }
}

#[test]
fn r92_without_the_second_look_a_disabled_user_keeps_an_assignment() {
    for by in [Assignee::Administrator(administrator()), Assignee::User] {
        assert_some(an_assignment_and_an_event(Part::SecondLook, &by));
    }
}
