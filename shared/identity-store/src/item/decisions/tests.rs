use std::time::Duration;

use identity_core::event::{EventKind, EventSource};
use identity_core::record::{Cause, ReceiptId};
use identity_core::testing::acs_id;

use super::*;
use crate::item::{self, receipt, text};

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// An item of the previous version: one decision and one revocation for all origins.
fn old_item(state: &str, by: &By) -> Item {
    let receipt = Receipt {
        id: ReceiptId("r".to_owned()),
        identity: Some(acs_id("8:acs:1")),
        epoch: 2,
        blocked: true,
        cause: Cause::of(by.clone()),
        accepted_at: at(5),
        revoked_at: None,
    };
    Item::from([
        (item::EXTERNAL_ID.to_owned(), text("alice")),
        (item::STATE.to_owned(), text(state)),
        (item::EPOCH.to_owned(), number(2)),
        (item::ACS_ID.to_owned(), text("8:acs:1")),
        ("createdAt".to_owned(), time(at(1))),
        ("lastIssuedAt".to_owned(), time(at(2))),
        ("changedAt".to_owned(), time(at(5))),
        (DECIDED_AT.to_owned(), time(at(5))),
        (REVOKED_THROUGH.to_owned(), time(at(5))),
        ("receipts".to_owned(), receipt::write(&[receipt])),
    ])
}

fn disabled() -> By {
    By::Event { source: None, kind: EventKind::Disabled, id: "e".to_owned() }
}

fn administrator() -> By {
    By::Administrator { id: None }
}

#[test]
fn t08_a_block_of_the_previous_version_can_be_lifted_by_the_same_origins() {
    for (by, lifted_by_the_provider) in [(disabled(), true), (administrator(), false)] {
        let record = item::read(&old_item("blocked", &by)).unwrap();
        assert!(record.state.is_blocked() && record.decisions.is_blocked());
        let provider = record.unblocked(EventSource::Auth0.origin(), at(9), at(9));
        assert_eq!(!provider.state.is_blocked(), lifted_by_the_provider, "{by:?}");
        let root = record.unblocked(Origin::ADMINISTRATOR, at(9), at(9));
        assert!(!root.state.is_blocked(), "{by:?}");
    }
}

#[test]
fn t08_an_unblock_of_the_previous_version_overrides_older_decisions() {
    let record = item::read(&old_item("active", &disabled())).unwrap();
    assert!(!record.decisions.is_blocked());
    let late = BlockDecision { at: at(3), blocks: true };
    assert!(!record.decisions.with(EventSource::Okta.origin(), late).is_blocked());
    let new = BlockDecision { at: at(7), blocks: true };
    assert!(record.decisions.with(EventSource::Okta.origin(), new).is_blocked());
}

#[test]
fn t08_an_item_of_the_previous_version_is_no_guest_and_is_never_due() {
    let record = item::read(&old_item("active", &disabled())).unwrap();
    assert_eq!(record.due_at, None);
    let guest = Record { due_at: Some(at(9)), ..record };
    assert_eq!(item::read(&item::write(&guest)).unwrap().due_at, Some(at(9)));
}

#[test]
fn t08_an_item_of_the_previous_version_is_upgraded_by_its_next_change() {
    let seen = item::read(&old_item("blocked", &disabled())).unwrap();
    assert_eq!(seen.revoked_through.newest(), Some(at(5)));
    assert_eq!(seen.not_before, Some(at(5)), "bearers from before the revocation are refused");
    let next = seen.unblocked(Origin::ADMINISTRATOR, at(9), at(9));
    let written = item::write(&next);
    assert!(written.contains_key(DECISIONS) && written.contains_key(WATERMARKS));
    assert_eq!(item::read(&written), Ok(next));
    // The previous version can still read its attributes after a rollback.
    assert_eq!(written.get(DECIDED_AT), Some(&time(at(9))));
    assert_eq!(written.get(REVOKED_THROUGH), Some(&time(at(5))));
}

#[test]
fn t08_a_decision_of_the_previous_version_that_runs_concurrently_is_not_lost() {
    let record = item::read(&old_item("active", &disabled())).unwrap();
    let known = record.unblocked(EventSource::Okta.origin(), at(6), at(6));
    let mut item = item::write(&known);
    item.insert(item::STATE.to_owned(), text("blocked"));
    item.insert(DECIDED_AT.to_owned(), time(at(8)));
    let record = item::read(&item).unwrap();
    assert!(record.decisions.is_blocked());
    assert_eq!(record.decisions.changes(), known.decisions.changes(), "the stored number is kept");
}

#[test]
fn the_error_for_an_invalid_origin_names_the_attribute() {
    let mut item = item::write(&item::read(&old_item("active", &disabled())).unwrap());
    let map = |value| AttributeValue::M(Item::from([("Not An Origin".to_owned(), value)]));
    item.insert(WATERMARKS.to_owned(), map(time(at(1))));
    assert_eq!(item::read(&item), Err(WATERMARKS));
    item.remove(WATERMARKS);
    item.insert(DECISIONS.to_owned(), map(time(at(1))));
    assert_eq!(item::read(&item), Err(DECISIONS));
}
