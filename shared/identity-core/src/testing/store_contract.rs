//! Contract tests for every identity store. Each clause uses its own names, so that one store can
//! serve all of them.
//!
//! An adapter's contract test is one line: `store_contract!(a_store().await)`.

#![expect(
    clippy::missing_panics_doc,
    reason = "a clause is a test: it panics when it does not hold"
)]

mod audit;

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

pub use self::audit::*;
use super::{acs_id, order, record, user};
use crate::{
    model::{
        cleanup_run::{CleanupMode, CleanupRun},
        event::{EventKind, EventSource},
        identity::ExternalId,
        record::{
            Active, BlockDecision, By, Cause, Decisions, Lease, LeaseId, Origin, Reason, Receipt,
            ReceiptId, Record, State, StateName, Unfinished, Watermarks,
        },
    },
    ports::{
        Change, IdentityStore, Index, ListQuery, Orphan, OrphanStore, RunLog, SHARDS, Step, Usage,
    },
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
    assert_eq!(find(store, &user("nobody")).await, None);
    let found = store.find_by_acs_id(&acs_id("8:acs:res_nobody")).await;
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
pub async fn a_write_that_was_sent_twice_is_made_not_refused(store: &impl IdentityStore) {
    let first = active("twice");
    put(store, &first).await;
    put(store, &first).await;
    let next = first.revoked(&order("r1", true, at(1)), at(1));
    for _ in 0..2 {
        assert_eq!(advance(store, Some(&first), &next).await, Change::Made(next.clone()));
    }
    let other = first.revoked(&order("r2", true, at(1)), at(1));
    assert_eq!(advance(store, Some(&first), &other).await, Change::Refused(Some(next)));
}

/// A clause of the contract.
pub async fn a_step_needs_the_state_and_the_epoch_it_saw(store: &impl IdentityStore) {
    let current = Record { epoch: 5, ..active("seen") };
    put(store, &current).await;
    let stale = Record { epoch: 4, ..current.clone() };
    let next = stale.released(at(1));
    let refused = Change::Refused(Some(current.clone()));
    assert_eq!(advance(store, Some(&stale), &next).await, refused);
    let elsewhere = Record { state: State::Deleted, ..current.clone() };
    let next = elsewhere.revoked(&order("r", true, at(1)), at(1));
    assert_eq!(advance(store, Some(&elsewhere), &next).await, refused);
    assert_eq!(find(store, &current.external_id).await, Some(current));
}

/// A clause of the contract.
pub async fn a_step_keeps_a_use_it_has_not_seen(store: &impl IdentityStore) {
    let seen = active("used-meanwhile");
    put(store, &seen).await;
    let identity = Active { acs_id: acs_id("8:acs:res_used-meanwhile"), epoch: 1 };
    let used = store.record_use(&seen.external_id, &identity, &Usage::at(at(60))).await;
    assert!(matches!(used, Ok(Change::Made(_))));
    let next = seen.revoked(&order("r", false, at(61)), at(61));
    let expected = Record { last_issued_at: at(60), ..next.clone() };
    for attempt in ["first", "sent twice"] {
        let made = Change::Made(expected.clone());
        assert_eq!(advance(store, Some(&seen), &next).await, made, "{attempt}");
    }
}

/// A clause of the contract.
pub async fn a_use_is_recorded_only_for_the_identity_and_the_epoch_seen(
    store: &impl IdentityStore,
) {
    let current = Record { epoch: 3, ..active("use") };
    let blocked =
        record("use-blocked", State::Blocked { acs_id: current.acs_id().cloned() }, at(0));
    put(store, &current).await;
    put(store, &blocked).await;
    let id = acs_id("8:acs:res_use");
    let right = Active { acs_id: id.clone(), epoch: 3 };
    for (name, seen) in [
        ("use", Active { acs_id: id.clone(), epoch: 2 }),
        ("use", Active { acs_id: acs_id("8:acs:res_other"), epoch: 3 }),
        ("use-blocked", Active { acs_id: id, epoch: 1 }),
        ("use-nobody", right.clone()),
    ] {
        let before = find(store, &user(name)).await;
        let refused = store.record_use(&user(name), &seen, &Usage::at(at(9))).await;
        assert!(matches!(refused, Ok(Change::Refused(found)) if found == before), "{name}");
        assert_eq!(find(store, &user(name)).await, before, "{name}");
    }
    let used = Record { last_issued_at: at(9), ..current.clone() };
    let made = store.record_use(&current.external_id, &right, &Usage::at(at(9))).await;
    assert!(matches!(made, Ok(Change::Made(record)) if record == used));
    assert_eq!(find(store, &current.external_id).await, Some(used));
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

/// A clause of the contract.
pub async fn a_step_that_saw_no_token_since_the_revocation_is_refused_by_one(
    store: &impl IdentityStore,
) {
    let seen = Record { tokens_revoked: true, ..active("calm") };
    put(store, &seen).await;
    let next = seen.revoked(&order("r", false, at(61)), at(61));
    assert_eq!(next.pending_revocation, None, "there is nothing to revoke");
    let identity = Active { acs_id: acs_id("8:acs:res_calm"), epoch: 1 };
    let used = store.record_use(&seen.external_id, &identity, &Usage::at(at(60))).await;
    let expected = Record { tokens_revoked: false, last_issued_at: at(60), ..seen.clone() };
    assert!(matches!(used, Ok(Change::Made(record)) if record == expected));
    let refused = Change::Refused(Some(expected));
    assert_eq!(advance(store, Some(&seen), &next).await, refused);
}

/// A clause of the contract: the SDK sends a write again if the response was late.
pub async fn a_confirmation_that_is_sent_twice_does_not_hide_a_token(store: &impl IdentityStore) {
    let carol = active("confirmed-twice");
    put(store, &carol).await;
    let revoked = carol.revoked(&order("receipt", false, at(1)), at(1));
    assert_eq!(advance(store, Some(&carol), &revoked).await, Change::Made(revoked.clone()));
    let confirmed = revoked.revocation_confirmed(at(2));
    assert_eq!(advance(store, Some(&revoked), &confirmed).await, Change::Made(confirmed.clone()));

    let seen = Active { acs_id: acs_id("8:acs:res_confirmed-twice"), epoch: confirmed.epoch };
    let used = store.record_use(&carol.external_id, &seen, &Usage::at(at(3))).await;
    assert!(matches!(used, Ok(Change::Made(_))), "{used:?}");
    assert!(matches!(advance(store, Some(&revoked), &confirmed).await, Change::Refused(Some(_))));
    let found = find(store, &carol.external_id).await;
    assert!(found.is_some_and(|found| !found.tokens_revoked), "a token was issued since");
}

/// A clause of the contract.
pub async fn a_failed_attempt_that_is_sent_twice_counts_once(store: &impl IdentityStore) {
    let carol = active("failed-twice");
    put(store, &carol).await;
    let revoked = carol.revoked(&order("receipt", false, at(1)), at(1));
    assert_eq!(advance(store, Some(&carol), &revoked).await, Change::Made(revoked.clone()));
    let failed = revoked.attempt_failed(at(2));
    let failed_again = failed.attempt_failed(at(3));
    assert_eq!(advance(store, Some(&revoked), &failed).await, Change::Made(failed.clone()));
    assert_eq!(
        advance(store, Some(&failed), &failed_again).await,
        Change::Made(failed_again.clone())
    );
    assert_eq!(advance(store, Some(&revoked), &failed).await, Change::Refused(Some(failed_again)));
}

/// A clause of the contract.
pub async fn a_step_that_has_not_seen_a_decision_is_refused(store: &impl IdentityStore) {
    let seen = active("decided");
    let seen = seen.unblocked(Origin::ADMINISTRATOR, at(9), at(9));
    put(store, &seen).await;
    // Older than the newest decision, so that only the count of changes differs.
    let noted = seen.unblocked(EventSource::Cognito.origin(), at(5), at(10));
    assert_eq!(advance(store, Some(&seen), &noted).await, Change::Made(noted.clone()));
    let blind = seen.unblocked(EventSource::Okta.origin(), at(7), at(11));
    assert_eq!(advance(store, Some(&seen), &blind).await, Change::Refused(Some(noted)));
}

/// A clause of the contract.
pub async fn a_use_keeps_the_pace_and_a_step_keeps_it_too(store: &impl IdentityStore) {
    let seen = active("paced");
    put(store, &seen).await;
    let identity = Active { acs_id: acs_id("8:acs:res_paced"), epoch: 1 };
    for (usage, pace_until) in [
        (Usage { pace_until: Some(at(70)), ..Usage::at(at(60)) }, Some(at(70))),
        (Usage::at(at(60)), Some(at(70))),
    ] {
        let used = store.record_use(&seen.external_id, &identity, &usage).await;
        let expected = Record { last_issued_at: at(60), pace_until, ..seen.clone() };
        assert!(matches!(used, Ok(Change::Made(record)) if record == expected));
    }
    let next = seen.revoked(&order("r", false, at(61)), at(61));
    let expected = Record { last_issued_at: at(60), pace_until: Some(at(70)), ..next.clone() };
    assert_eq!(advance(store, Some(&seen), &next).await, Change::Made(expected));
}

/// Every record of the store whose name begins with `prefix`, shard by shard.
#[expect(clippy::expect_used, reason = "a test may die")]
async fn walk(
    store: &impl IdentityStore,
    prefix: &str,
    limit: u16,
    state: Option<StateName>,
    unused_since: Option<SystemTime>,
) -> Vec<Record> {
    let mut records = Vec::new();
    for shard in 0..2 * SHARDS {
        let index = Index::LastIssued;
        let mut query = ListQuery { index, shard, state, unused_since, after: None, limit };
        let mut previous = None;
        loop {
            let page = store.list(&query).await.expect("a readable store");
            assert!(page.records.len() <= usize::from(limit), "no more than asked for");
            for record in page.records {
                assert!(previous <= Some(record.last_issued_at), "longest unused first");
                previous = Some(record.last_issued_at);
                records.push(record);
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
    }
    records.retain(|record| record.external_id.as_str().starts_with(prefix));
    records
}

async fn forty(store: &impl IdentityStore, prefix: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for index in 0..40_u64 {
        let name = format!("{prefix}-{index}");
        let fresh = active(&name);
        let state = if index % 4 == 0 {
            State::Blocked { acs_id: fresh.acs_id().cloned() }
        } else {
            fresh.state.clone()
        };
        put(store, &Record { state, last_issued_at: at(1000 - index), ..fresh }).await;
        names.insert(name);
    }
    put(store, &record(&format!("{prefix}-tombstone"), State::Deleted, at(0))).await;
    names
}

fn names(records: &[Record]) -> BTreeSet<String> {
    records.iter().map(|record| record.external_id.as_str().to_owned()).collect()
}

/// A clause of the contract.
pub async fn every_record_but_tombstones_is_listed_longest_unused_first(
    store: &impl IdentityStore,
) {
    let expected = forty(store, "list").await;
    let listed = walk(store, "list-", 100, None, None).await;
    assert_eq!(listed.len(), 40, "each once");
    assert_eq!(names(&listed), expected);
}

/// A clause of the contract.
pub async fn a_list_can_be_read_one_record_at_a_time(store: &impl IdentityStore) {
    let expected = forty(store, "pages").await;
    let listed = walk(store, "pages-", 1, None, None).await;
    assert_eq!(listed.len(), 40, "each once");
    assert_eq!(names(&listed), expected);
}

/// A clause of the contract.
pub async fn a_list_is_narrowed_by_state_and_by_last_use(store: &impl IdentityStore) {
    forty(store, "narrow").await;
    let blocked = walk(store, "narrow-", 3, Some(StateName::Blocked), None).await;
    assert_eq!(blocked.len(), 10);
    let old = walk(store, "narrow-", 100, None, Some(at(990))).await;
    assert_eq!(old.len(), 29, "those of index 11 and more; exactly at the time is not before it");
    let both = walk(store, "narrow-", 100, Some(StateName::Blocked), Some(at(990))).await;
    assert_eq!(both.len(), 7);
}

/// The unfinished records whose name begins with `prefix`.
#[expect(clippy::expect_used, reason = "a test may die")]
async fn unfinished(
    store: &impl IdentityStore,
    prefix: &str,
    state: Option<StateName>,
) -> BTreeSet<String> {
    let mut records = Vec::new();
    for shard in 0..SHARDS {
        let index = Index::Unfinished;
        let mut query =
            ListQuery { index, shard, state, unused_since: None, after: None, limit: 1 };
        loop {
            let page = store.list(&query).await.expect("a readable store");
            records.extend(page.records);
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
    }
    records.retain(|record| record.external_id.as_str().starts_with(prefix));
    names(&records)
}

/// A clause of the contract.
pub async fn what_is_unfinished_is_listed_until_it_is_finished(store: &impl IdentityStore) {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let id = acs_id("8:acs:res_unfinished");
    let lease = Lease { id: LeaseId("request#0".to_owned()), ends: at(15) };
    let stuck =
        State::Stuck { acs_id: id.clone(), blocked: false, unfinished: Unfinished::Deletion };
    for (name, state) in [
        ("open-provisioning", State::Provisioning { lease }),
        ("open-active", State::Active { acs_id: id.clone() }),
        ("open-blocked", State::Blocked { acs_id: None }),
        ("open-deleting", State::Deleting { acs_id: id.clone(), blocked: false }),
        ("open-stuck", stuck),
        ("open-deleted", State::Deleted),
    ] {
        put(store, &record(name, state, at(0))).await;
    }
    let revoking = record("open-revoking", State::Active { acs_id: id }, at(0));
    let revoking = Record { pending_revocation: Some(ReceiptId("r".to_owned())), ..revoking };
    put(store, &revoking).await;
    let all = ["open-deleting", "open-provisioning", "open-revoking", "open-stuck"];
    assert_eq!(unfinished(store, "open-", None).await, set(&all));
    let stuck = unfinished(store, "open-", Some(StateName::Stuck)).await;
    assert_eq!(stuck, set(&["open-stuck"]));
    advance(store, Some(&revoking), &revoking.revocation_confirmed(at(1))).await;
    assert_eq!(unfinished(store, "open-revoking", None).await, set(&[]));
}

/// A clause of the contract.
#[expect(clippy::expect_used, reason = "a test may die")]
pub async fn users_without_an_identity_are_listed_apart(store: &impl IdentityStore) {
    put(store, &record("apart-without", State::Blocked { acs_id: None }, at(0))).await;
    let mut found = Vec::new();
    for shard in 0..2 * SHARDS {
        let query = ListQuery {
            index: Index::LastIssued,
            shard,
            state: None,
            unused_since: None,
            after: None,
            limit: 1000,
        };
        let page = store.list(&query).await.expect("a readable store");
        let here = page.records.iter().any(|r| r.external_id == user("apart-without"));
        found.extend(here.then_some(shard));
    }
    assert!(matches!(found[..], [shard] if shard >= SHARDS), "{found:?}");
}

/// A clause of the contract.
#[expect(clippy::expect_used, reason = "a test may die")]
pub async fn a_count_and_a_list_look_at_the_same_records(store: &impl IdentityStore) {
    forty(store, "count").await;
    for unused_since in [None, Some(at(990))] {
        for shard in 0..SHARDS {
            let index = Index::LastIssued;
            let limit = 1000;
            let query = ListQuery { index, shard, state: None, unused_since, after: None, limit };
            let count = store.count(&query).await.expect("a readable store");
            let page = store.list(&query).await.expect("a readable store");
            assert_eq!((count.records, count.next), (page.records.len() as u64, page.next));
            let first = store.count(&ListQuery { limit: 1, ..query }).await;
            let first = first.expect("a readable store").records;
            assert_eq!(first, count.records.min(1), "and no more than asked for");
        }
    }
    assert!(store.total().await.is_ok());
}

/// A clause of the contract.
#[expect(clippy::expect_used, reason = "a test may die")]
pub async fn a_step_that_forbids_use_is_refused_by_a_use(store: &impl IdentityStore) {
    let seen = active("unless-used");
    put(store, &seen).await;
    let next = seen
        .marked_for_deletion(&ReceiptId("d".to_owned()), at(90))
        .expect("an identity to delete");
    let identity = Active { acs_id: acs_id("8:acs:res_unless-used"), epoch: 1 };
    let used = store.record_use(&seen.external_id, &identity, &Usage::at(at(60))).await;
    assert!(matches!(used, Ok(Change::Made(_))));
    let used = Record { last_issued_at: at(60), ..seen.clone() };
    let refused = store.commit(Step::new(Some(&seen), &next).unless_used()).await;
    assert_eq!(refused.expect("a writable store"), Change::Refused(Some(used.clone())));
    let next = used
        .marked_for_deletion(&ReceiptId("d".to_owned()), at(90))
        .expect("an identity to delete");
    for attempt in ["first", "sent twice"] {
        let made = store.commit(Step::new(Some(&used), &next).unless_used()).await;
        assert_eq!(made.expect("a writable store"), Change::Made(next.clone()), "{attempt}");
    }
}

/// A clause of the contract.
#[expect(clippy::expect_used, reason = "a test may die")]
pub async fn an_orphan_is_noted_until_it_is_forgotten(store: &(impl IdentityStore + OrphanStore)) {
    let orphan = Orphan {
        acs_id: acs_id("8:acs:res_orphan"),
        user: user("https://idp.example|orphan"),
        noted_at: at(1),
    };
    for _ in 0..2 {
        store.note_orphan(&orphan).await.expect("a writable store");
    }
    assert_eq!(store.orphans().await.expect("a readable store"), std::slice::from_ref(&orphan));
    assert_eq!(find(store, &orphan.user).await, None, "it is nobody's record");
    for _ in 0..2 {
        store.forget_orphan(&orphan.acs_id).await.expect("a writable store");
    }
    assert_eq!(store.orphans().await.expect("a readable store"), []);
}

/// A clause of the contract.
#[expect(clippy::expect_used, reason = "a test may die")]
pub async fn the_newest_run_is_the_one_saved_last(store: &impl RunLog) {
    assert_eq!(store.latest_run().await.expect("a readable store"), None);
    let run = |id: &str, deleted| CleanupRun {
        id: id.to_owned(),
        mode: CleanupMode::Apply,
        deleted,
        ..CleanupRun::default()
    };
    for saved in [run("r1", 0), run("r1", 7), run("r2", 1)] {
        store.save_run(&saved).await.expect("a writable store");
        assert_eq!(store.latest_run().await.expect("a readable store"), Some(saved));
    }
    assert_eq!(store.find_run("r1").await.expect("a readable store"), Some(run("r1", 7)));
    assert_eq!(store.find_run("r3").await.expect("a readable store"), None);
}
