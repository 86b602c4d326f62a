//! What the inventory says after each operation.

use super::*;
use crate::model::phone::TeamsExtensionAssignment;

impl PhoneFixture {
    async fn entry(&self) -> PhoneEntry {
        self.store.find_entry(&principal(5)).await.unwrap().unwrap()
    }
}

#[test]
fn what_acs_confirms_is_kept() {
    let now = ManualClock::default().now();
    let entry = PhoneEntry::unseen(assignment(5), now);
    let found = TeamsExtensionAssignment { client_ids: vec![guid(7)], ..assignment(5) };
    let confirmed = entry.confirmed(Some(found.clone()), now);
    assert_eq!((confirmed.assignment, confirmed.state), (found, PhoneState::Assigned));
    assert_eq!(confirmed.verified_at, Some(now));
    let gone = entry.confirmed(None, now);
    assert_eq!((gone.state, gone.verified_at), (PhoneState::Removed, None));
}

#[tokio::test]
async fn a_second_assignment_has_the_apps_of_the_second() {
    let client = format!(r#", "clients": ["{}", "{}"]"#, guid(8), guid(9));
    let fixture = PhoneFixture::new("");
    let text = format!(r#"{{"tenants": ["{}"]{client}}}"#, guid(1));
    let fixture = PhoneFixture { settings: PhoneSettings::parse(&text).unwrap(), ..fixture };
    fixture.assign("first").await.unwrap();
    let mut request = fixture.assign_request("second");
    request.assignment.client_ids = vec![guid(8)];
    let PhoneFixture { store, acs, clock, settings } = &fixture;
    assign_phone(store, acs, clock, settings, &request).await.unwrap();
    assert_eq!(fixture.entry().await.assignment.client_ids, [guid(8)]);
    assert_eq!(acs.assignments().len(), 1);
}

#[tokio::test]
async fn the_end_of_an_unknown_assignment_names_its_user() {
    let fixture = PhoneFixture::new("");
    let request = UnassignPhoneRequest {
        principal: principal(5),
        user: Some(user("alice")),
        by: crate::model::Actor::Administrator(user("root")),
        requested_until: None,
        invocation: invocation("unassign", &fixture.clock),
    };
    let PhoneFixture { store, acs, clock, .. } = &fixture;
    assert!(unassign_phone(store, acs, clock, &request).await.unwrap());
    assert_eq!(fixture.entry().await.user, Some(user("alice")));
}

#[tokio::test]
async fn a_verification_is_not_a_change() {
    let fixture = PhoneFixture::new("");
    let assigned = fixture.assign("assign").await.unwrap();
    fixture.clock.advance(Duration::from_mins(1));
    let PhoneFixture { store, acs, clock, .. } = &fixture;
    let invocation = invocation("verify", clock);
    verify_phone_assignment(store, acs, clock, &principal(5), &invocation).await.unwrap();
    let verified = fixture.entry().await;
    assert_eq!(verified.changed_at, assigned.changed_at);
    assert!(verified.verified_at > assigned.verified_at);
}

#[test]
fn each_difference_has_a_name() {
    let all = [
        PhoneDrift::MissingAtAcs,
        PhoneDrift::NotInInventory,
        PhoneDrift::Different,
        PhoneDrift::Unfinished,
    ];
    let names = all.map(PhoneDrift::as_str);
    assert_eq!(names, ["missing-at-acs", "not-in-inventory", "different", "unfinished"]);
}

#[tokio::test]
async fn a_first_exchange_that_meets_a_removal_assigns_nothing() {
    let fixture = PhoneFixture::new(r#", "assignOnFirstExchange": true"#);
    fixture.assign("one").await.unwrap();
    fixture.unassign("two").await.unwrap();
    // The exchange has found no entry before.
    let first = AssignPhoneRequest { by: Assignee::User, ..fixture.assign_request("three") };
    let PhoneFixture { store, acs, clock, settings } = &fixture;
    let entry = assign_phone(store, acs, clock, settings, &first).await.unwrap();
    assert_eq!(entry.state, PhoneState::Removed);
    assert!(!fixture.is_at_acs());
}

#[tokio::test]
async fn a_first_exchange_assigns_although_an_earlier_assignment_was_refused() {
    let refused = || Error::AcsRefused("no role".into());
    let throttled = || Error::Throttled { retry_after: Duration::ZERO, source: "429".into() };
    for error in [refused as fn() -> Error, throttled] {
        for is_administrator in [false, true] {
            let fixture = PhoneFixture::new(r#", "assignOnFirstExchange": true"#);
            for _ in 0..2 {
                fixture.acs.fail([error()]);
                if is_administrator {
                    assert!(fixture.assign("refused").await.is_err());
                } else {
                    assert!(fixture.exchange(|_| {}).await.is_err());
                }
                assert_eq!(fixture.state().await, Some(PhoneState::Removed));
            }
            fixture.exchange(|_| {}).await.unwrap();
            assert!(fixture.is_at_acs());
            assert_eq!(fixture.entry().await.by, "alice");
        }
    }
}

#[tokio::test]
async fn a_first_exchange_assigns_after_one_whose_outcome_is_unknown() {
    for is_settled in [true, false] {
        let fixture = PhoneFixture::new(r#", "assignOnFirstExchange": true"#);
        fixture.acs.fail([unavailable()]);
        assert!(fixture.exchange(|_| {}).await.is_err());
        fixture.clock.advance(Duration::from_secs(16));
        if is_settled {
            assert_eq!(fixture.finish().await.settled, 1);
            assert_eq!(fixture.state().await, Some(PhoneState::Removed));
        }
        fixture.exchange(|_| {}).await.unwrap();
        assert_eq!(fixture.state().await, Some(PhoneState::Assigned), "{is_settled}");
    }
}

#[tokio::test]
async fn a_refused_assignment_leaves_the_end_of_the_one_before_a_decision() {
    let fixture = PhoneFixture::new(r#", "assignOnFirstExchange": true"#);
    fixture.assign("one").await.unwrap();
    let later = fixture.clock.now() + Duration::from_secs(1);
    assert_eq!(fixture.event(EventKind::Disabled, later).await.unwrap(), 1);
    fixture.acs.fail([Error::AcsRefused("no".into())]);
    assert!(fixture.assign("two").await.is_err());
    fixture.exchange(|_| {}).await.unwrap();
    assert!(!fixture.is_at_acs());
}

#[tokio::test]
async fn a_user_who_is_blocked_during_a_first_exchange_is_not_assigned_by_the_next_one() {
    let fixture = PhoneFixture::new(r#", "assignOnFirstExchange": true"#)
        .with(alice(State::active("8:acs:1")));
    let meanwhile = fixture.store.clone();
    fixture.acs.while_answering(move || meanwhile.meanwhile(|_| alice(State::blocked("8:acs:1"))));
    assert!(matches!(fixture.exchange(|_| {}).await, Err(Error::Blocked)));
    fixture.store.meanwhile(|_| alice(State::active("8:acs:1")));
    fixture.exchange(|_| {}).await.unwrap();
    assert!(!fixture.is_at_acs(), "the assignment was ended");
}

#[tokio::test]
async fn a_first_exchange_does_not_replace_what_an_administrator_assigned_meanwhile() {
    let fixture = PhoneFixture::new(r#", "assignOnFirstExchange": true"#);
    fixture.assign("one").await.unwrap();
    // The exchange has found no entry before.
    let first = AssignPhoneRequest { by: Assignee::User, ..fixture.assign_request("two") };
    let PhoneFixture { store, acs, clock, settings } = &fixture;
    let entry = assign_phone(store, acs, clock, settings, &first).await.unwrap();
    assert_eq!((entry.state, entry.by.as_str()), (PhoneState::Assigned, "root"));
}

#[tokio::test]
async fn unfinished_work_that_fails_comes_last_in_the_next_run() {
    for state in [PhoneState::Assigning, PhoneState::Removing] {
        let fixture = PhoneFixture::new("");
        for number in [20, 21] {
            fixture.clock.advance(Duration::from_secs(1));
            let now = fixture.clock.now();
            let entry = PhoneEntry::unseen(assignment(number), now).changed(state, now);
            assert!(fixture.store.write_entry(None, &entry, None).await.unwrap());
        }
        fixture.clock.advance(Duration::from_secs(16));
        let throttled = Error::Throttled { retry_after: Duration::ZERO, source: "429".into() };
        fixture.acs.fail([throttled]);
        assert_eq!(fixture.finish().await.failed, 1);
        let unfinished = fixture.store.unfinished_principals().await.unwrap();
        assert_eq!(unfinished, [21, 20].map(principal), "{state:?}");
        fixture.clock.advance(Duration::from_secs(16));
        let finished = fixture.finish().await;
        assert_eq!(finished.removed + finished.settled, 2, "{state:?}");
    }
}

#[tokio::test]
async fn unfinished_work_stops_if_acs_throttles_or_does_not_answer() {
    let throttled = || Error::Throttled { retry_after: Duration::ZERO, source: "429".into() };
    for (error, calls) in [(throttled as fn() -> Error, 1), (unavailable, 3)] {
        let fixture = PhoneFixture::new("");
        for number in 20..30 {
            let now = fixture.clock.now();
            let entry =
                PhoneEntry::unseen(assignment(number), now).changed(PhoneState::Removing, now);
            assert!(fixture.store.write_entry(None, &entry, None).await.unwrap());
        }
        fixture.clock.advance(Duration::from_secs(16));
        fixture.acs.fail((0..10).map(|_| error()));
        assert_eq!(fixture.finish().await.failed, calls);
        assert_eq!(fixture.acs.calls().len() as u64, calls);
    }
}
