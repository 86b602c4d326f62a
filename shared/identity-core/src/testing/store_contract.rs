//! Contract tests for every identity store. Each clause uses its own names, so that one store can
//! serve all of them.
//!
//! An adapter's contract test is one line: `store_contract!(a_store().await)`.

#![expect(
    clippy::missing_panics_doc,
    reason = "a clause is a test: it panics when it does not hold"
)]

mod audit;
mod cleanup;
mod guests;
mod invitations;
mod lists;
mod steps;

use std::time::{Duration, SystemTime};

pub use self::{audit::*, cleanup::*, guests::*, invitations::*, lists::*, steps::*};
use super::{acs_id, record, user};
use crate::{
    model::{
        event::{EventKind, EventSource},
        identity::ExternalId,
        record::{
            BlockDecision, By, Cause, Decisions, Lease, LeaseId, Origin, Reason, Receipt,
            ReceiptId, Record, State, Unfinished, Watermarks,
        },
    },
    ports::{Change, IdentityStore},
};

/// Creates one test for each clause, run against the store that the expression returns.
#[macro_export]
macro_rules! store_contract {
    ($store:expr) => {
        $crate::store_contract! { $store =>
            nothing_is_found_where_nothing_was_written
            a_record_reads_back_as_it_was_written_in_every_state
            the_first_record_is_written_once
            a_write_that_was_sent_twice_is_made_not_refused
            a_step_needs_the_state_and_the_epoch_it_saw
            a_step_keeps_a_use_it_has_not_seen
            a_use_is_recorded_only_for_the_identity_and_the_epoch_seen
            an_identity_is_found_by_its_acs_id_and_so_is_its_tombstone
            the_first_miss_of_an_acs_id_is_remembered
            a_step_that_saw_no_token_since_the_revocation_is_refused_by_one
            a_confirmation_that_is_sent_twice_does_not_hide_a_token
            a_failed_attempt_that_is_sent_twice_counts_once
            a_step_that_has_not_seen_a_decision_is_refused
            a_use_keeps_the_pace_and_a_step_keeps_it_too
            every_record_but_tombstones_is_listed_longest_unused_first
            a_list_can_be_read_one_record_at_a_time
            a_list_is_narrowed_by_state_and_by_last_use
            a_list_and_a_count_begin_at_any_position
            what_is_unfinished_is_listed_until_it_is_finished
            users_without_an_identity_are_listed_apart
            a_count_and_a_list_look_at_the_same_records
            a_step_that_forbids_use_is_refused_by_a_use
            an_orphan_is_noted_until_it_is_forgotten
            the_newest_run_is_the_one_saved_last
            an_audited_step_writes_its_entry_with_the_change
            a_refused_step_writes_no_entry
            an_audited_step_that_was_sent_twice_leaves_one_entry
            an_audited_use_writes_its_entry_and_a_refused_one_does_not
            an_entry_is_never_replaced
            entries_are_listed_newest_first_by_user_by_actor_and_by_day
            an_invitation_reads_back_as_it_was_written
            an_invitation_is_added_once
            each_step_of_an_invitation_does_what_the_rules_say
            steps_at_once_admit_no_more_devices_than_an_invitation_allows
            invitations_are_listed_by_their_end_and_by_their_creator
            a_list_of_invitations_begins_at_any_position
            guests_are_listed_when_they_are_due
            guests_and_invitations_are_in_no_other_list
        }
    };
    ($store:expr => $($clause:ident)*) => {
        $(
            #[tokio::test]
            async fn $clause() {
                $crate::testing::store_contract::$clause(&$store).await;
            }
        )*
    };
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_hours(500_000) + Duration::from_secs(seconds)
}

fn active(name: &str) -> Record {
    record(name, State::Active { acs_id: acs_id(&format!("8:acs:res_{name}")) }, at(0))
}

#[expect(clippy::expect_used, reason = "a test may die")]
async fn find(store: &impl IdentityStore, user: &ExternalId) -> Option<Record> {
    store.find(user).await.expect("a readable store")
}

#[expect(clippy::expect_used, reason = "a test may die")]
async fn advance(store: &impl IdentityStore, seen: Option<&Record>, next: &Record) -> Change {
    store.advance(seen, next).await.expect("a writable store")
}

async fn put(store: &impl IdentityStore, record: &Record) {
    assert_eq!(advance(store, None, record).await, Change::Made(record.clone()));
}

/// A clause of the contract.
pub async fn nothing_is_found_where_nothing_was_written(store: &impl IdentityStore) {
    assert_eq!(find(store, &user("unknown")).await, None);
    let found = store.find_by_acs_id(&acs_id("8:acs:res_unknown")).await;
    assert!(matches!(found, Ok(None)));
}

/// A clause of the contract.
pub async fn a_record_reads_back_as_it_was_written_in_every_state(store: &impl IdentityStore) {
    let lease = Lease { id: LeaseId("request#0".to_owned()), ends: at(15) };
    let id = acs_id("8:acs:res_every-state");
    let receipt = |by, reason, revoked_at| Receipt {
        id: ReceiptId("receipt".to_owned()),
        identity: Some(id.clone()),
        epoch: 6,
        blocked: true,
        cause: Cause { by, reason },
        accepted_at: at(4),
        revoked_at,
    };
    let event = |source| By::Event { source, kind: EventKind::Disabled, id: "event-1".to_owned() };
    let by = By::administrator(&user("https://idp.example|root"));
    let receipts = vec![
        receipt(By::User, None, Some(at(5))),
        receipt(by, Reason::parse("left the company"), None),
        receipt(By::Administrator { id: None }, None, None),
        receipt(event(None), None, None),
        Receipt { identity: None, ..receipt(event(Some(EventSource::Okta)), None, None) },
    ];
    let states = [
        State::Provisioning { lease },
        State::Active { acs_id: id.clone() },
        State::Blocked { acs_id: Some(id.clone()) },
        State::Blocked { acs_id: None },
        State::Deleting { acs_id: id.clone(), blocked: false },
        State::Deleting { acs_id: id.clone(), blocked: true },
        State::Stuck { acs_id: id.clone(), blocked: false, unfinished: Unfinished::Deletion },
        State::Stuck { acs_id: id.clone(), blocked: true, unfinished: Unfinished::Revocation },
        State::Deleted,
    ];
    for (index, state) in states.into_iter().enumerate() {
        let record = Record {
            epoch: 7,
            resource: crate::testing::resource(if index % 2 == 0 { "main" } else { "eu2" }),
            created_at: at(1),
            last_issued_at: at(2),
            changed_at: at(3) + Duration::from_millis(250),
            decisions: Decisions::default()
                .with(Origin::ADMINISTRATOR, BlockDecision { at: at(3), blocks: true })
                .with(EventSource::Okta.origin(), BlockDecision { at: at(2), blocks: false }),
            revoked_through: Watermarks::default()
                .with(Origin::USER, at(4) + Duration::from_millis(1))
                .with(EventSource::Cognito.origin(), at(3)),
            not_before: Some(at(5)),
            account_deleted_at: Some(at(6)),
            tokens_revoked: index % 2 == 0,
            pace_until: Some(at(7)),
            sign_out_pace_until: Some(at(8)),
            due_at: (index % 2 == 0).then(|| at(9)),
            pending_revocation: Some(ReceiptId("receipt".to_owned())),
            attempts: 5,
            receipts: receipts.clone(),
            ..record(&format!("every-state-{index}"), state, at(0))
        };
        put(store, &record).await;
        assert_eq!(find(store, &record.external_id).await, Some(record));
    }
}

/// A clause of the contract.
pub async fn the_first_record_is_written_once(store: &impl IdentityStore) {
    let first = active("once");
    put(store, &first).await;
    let second = Record { epoch: 2, ..first.clone() };
    assert_eq!(advance(store, None, &second).await, Change::Refused(Some(first)));
    let gone = active("never-there");
    let next = gone.released(at(1));
    assert_eq!(advance(store, Some(&gone), &next).await, Change::Refused(None));
}

/// A clause of the contract.
pub async fn an_identity_is_found_by_its_acs_id_and_so_is_its_tombstone(
    store: &impl IdentityStore,
) {
    for (name, state) in [("found", None), ("found-blocked", Some(State::Blocked { acs_id: None }))]
    {
        let record = active(name);
        put(store, &record).await;
        let id = acs_id(&format!("8:acs:res_{name}"));
        let found = store.find_by_acs_id(&id).await;
        assert!(matches!(found, Ok(Some(found)) if found == record.external_id), "{name}");
        let gone = Record { last_acs_id: Some(id.clone()), ..record.released(at(1)) };
        let gone = Record { state: state.unwrap_or(State::Deleted), ..gone };
        assert_eq!(advance(store, Some(&record), &gone).await, Change::Made(gone.clone()));
        assert_eq!(find(store, &record.external_id).await, Some(gone), "{name}");
        let found = store.find_by_acs_id(&id).await;
        assert!(matches!(found, Ok(Some(found)) if found == record.external_id), "{name}");
    }
    let released = active("released");
    put(store, &released).await;
    let id = acs_id("8:acs:res_released");
    assert!(matches!(
        advance(store, Some(&released), &released.released(at(1))).await,
        Change::Made(_)
    ));
    assert!(matches!(store.find_by_acs_id(&id).await, Ok(None)));
}

/// A clause of the contract.
#[expect(clippy::expect_used, reason = "a test may die")]
pub async fn the_first_miss_of_an_acs_id_is_remembered(store: &impl IdentityStore) {
    for asked in [at(1), at(9), at(3)] {
        let first = store.first_missed_at(&acs_id("8:acs:res_missed"), asked).await;
        assert_eq!(first.expect("a writable store"), at(1));
    }
    let other = store.first_missed_at(&acs_id("8:acs:res_missed-too"), at(5)).await;
    assert_eq!(other.expect("a writable store"), at(5));
}
