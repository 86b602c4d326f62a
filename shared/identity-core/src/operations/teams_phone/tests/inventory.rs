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
