//! The clauses about the audit log.

#![expect(clippy::expect_used, reason = "a test may die")]

use std::time::{Duration, SystemTime};

use super::{active, at, find, put};
use crate::model::audit::{AuditFilter, AuditPosition, StoredAuditEntry, day_number, start_of_day};
use crate::model::{
    Active, Actor, AuditAction, AuditEntry, AuditPage, AuditQuery, EventKind, EventSource, Reason,
    Record,
};
use crate::ports::{AuditTrail, Change, IdentityStore, Step, Usage};
use crate::testing::{acs_id, order, user};

const ROOT: &str = "https://idp.example|root";
const AUDITOR: &str = "https://idp.example|auditor";

fn by_root() -> Actor {
    Actor::Administrator(user(ROOT))
}

fn to_user(record: &Record) -> AuditFilter {
    AuditFilter::User(record.external_id.clone())
}

/// Everything that `filter` selects, read in pages of `limit` entries.
async fn entries(
    store: &impl AuditTrail,
    filter: AuditFilter,
    since: Option<SystemTime>,
    limit: u16,
) -> Vec<StoredAuditEntry> {
    let mut query = AuditQuery { filter, since, after: None, limit };
    let mut read = Vec::new();
    loop {
        let page = store.audit_entries(&query).await.expect("a readable store");
        let AuditPage { entries, next } = page;
        assert!(entries.len() <= usize::from(limit), "no more than asked for");
        read.extend(entries);
        assert!(read.len() < 100, "the pages lead to an end");
        query.after = next;
        if query.after.is_none() {
            return read;
        }
    }
}

/// A clause of the contract.
pub async fn an_audited_step_writes_its_entry_with_the_change(
    store: &(impl IdentityStore + AuditTrail),
) {
    let seen = active("audited-step");
    let created = AuditEntry::of(&seen, "r0", by_root(), AuditAction::CreateIdentity, at(0));
    let made = store.commit(Step::new(None, &seen).audited(Some(&created))).await;
    assert_eq!(made.expect("a writable store"), Change::Made(seen.clone()));
    let next = seen.revoked(&order("r1", true, at(1)), at(1));
    let at = at(1) + Duration::from_millis(250);
    let event = Actor::Event { source: EventSource::Okta, id: "event-1".to_owned() };
    let blocked = AuditEntry::of(&next, "r1", event, AuditAction::Event(EventKind::Disabled), at);
    let blocked = AuditEntry { reason: Reason::parse("left the company"), ..blocked };
    let made = store.commit(Step::new(Some(&seen), &next).audited(Some(&blocked))).await;
    assert_eq!(made.expect("a writable store"), Change::Made(next.clone()));
    assert_eq!(find(store, &seen.external_id).await, Some(next));
    let expected = [&blocked, &created].map(StoredAuditEntry::from);
    assert_eq!(entries(store, to_user(&seen), None, 10).await, expected);
}

/// A clause of the contract.
pub async fn a_refused_step_writes_no_entry(store: &(impl IdentityStore + AuditTrail)) {
    let current = Record { epoch: 5, ..active("audited-refused") };
    put(store, &current).await;
    let stale = Record { epoch: 4, ..current.clone() };
    let next = stale.revoked(&order("r1", true, at(1)), at(1));
    let entry = AuditEntry::of(&next, "r1", by_root(), AuditAction::BlockUser, at(1));
    for seen in [Some(&stale), None] {
        let refused = store.commit(Step::new(seen, &next).audited(Some(&entry))).await;
        let refused = refused.expect("a readable store");
        assert_eq!(refused, Change::Refused(Some(current.clone())));
    }
    let gone = active("audited-never-there");
    let next = gone.revoked(&order("r1", true, at(1)), at(1));
    let refused = store.commit(Step::new(Some(&gone), &next).audited(Some(&entry))).await;
    assert_eq!(refused.expect("a readable store"), Change::Refused(None));
    assert_eq!(entries(store, to_user(&current), None, 10).await, []);
}

/// A clause of the contract.
pub async fn an_audited_step_that_was_sent_twice_leaves_one_entry(
    store: &(impl IdentityStore + AuditTrail),
) {
    let seen = active("audited-twice");
    put(store, &seen).await;
    let next = seen.revoked(&order("r1", true, at(1)), at(1));
    let entry = AuditEntry::of(&next, "r1", by_root(), AuditAction::BlockUser, at(1));
    for attempt in ["first", "sent twice"] {
        let made = store.commit(Step::new(Some(&seen), &next).audited(Some(&entry))).await;
        assert_eq!(made.expect("a writable store"), Change::Made(next.clone()), "{attempt}");
    }
    let expected = [StoredAuditEntry::from(&entry)];
    assert_eq!(entries(store, to_user(&seen), None, 10).await, expected);
}

/// A clause of the contract.
pub async fn an_audited_use_writes_its_entry_and_a_refused_one_does_not(
    store: &(impl IdentityStore + AuditTrail),
) {
    let current = active("audited-use");
    put(store, &current).await;
    let entry = AuditEntry::of(&current, "r1", by_root(), AuditAction::IssueToken, at(9));
    let usage = Usage { at: at(9), pace_until: Some(at(10)), audit: Some(&entry) };
    let seen = Active { acs_id: acs_id("8:acs:res_audited-use"), epoch: 1 };
    let record_use = async |name: &str, seen: &Active| {
        store.record_use(&user(name), seen, &usage).await.expect("a writable store")
    };
    let stale = Active { epoch: 2, ..seen.clone() };
    assert_eq!(record_use("audited-use", &stale).await, Change::Refused(Some(current.clone())));
    assert_eq!(record_use("audited-use-of-none", &seen).await, Change::Refused(None));
    assert_eq!(entries(store, to_user(&current), None, 10).await, []);

    let used = Record { last_issued_at: at(9), pace_until: Some(at(10)), ..current.clone() };
    for attempt in ["first", "sent twice"] {
        let made = record_use("audited-use", &seen).await;
        assert_eq!(made, Change::Made(used.clone()), "{attempt}");
    }
    assert_eq!(find(store, &current.external_id).await, Some(used));
    let expected = [StoredAuditEntry::from(&entry)];
    assert_eq!(entries(store, to_user(&current), None, 10).await, expected);
}

/// A clause of the contract.
pub async fn an_entry_is_never_replaced(store: &(impl IdentityStore + AuditTrail)) {
    let current = active("audited-once");
    put(store, &current).await;
    let seen = Active { acs_id: acs_id("8:acs:res_audited-once"), epoch: 1 };
    let issued = AuditEntry::of(&current, "r1", by_root(), AuditAction::IssueToken, at(9));
    let forged = AuditEntry { by: Actor::Administrator(user(AUDITOR)), ..issued.clone() };
    for entry in [&issued, &forged] {
        let usage = Usage { at: at(9), pace_until: None, audit: Some(entry) };
        store.record_use(&current.external_id, &seen, &usage).await.expect("a writable store");
    }
    let expected = [StoredAuditEntry::from(&issued)];
    assert_eq!(entries(store, to_user(&current), None, 10).await, expected);
}

/// A clause of the contract.
pub async fn entries_are_listed_newest_first_by_user_by_actor_and_by_day(
    store: &(impl IdentityStore + AuditTrail),
) {
    // A separate day for this clause, because other clauses may write to the same store.
    let midnight = start_of_day(day_number(at(0)) + 30);
    let written = two_entries_each(store, midnight, [0, 1, 2, 24 * 60 - 1, 24 * 60]).await;
    let alice = user("audit-list-alice");
    let day = start_of_day(day_number(midnight)) + Duration::from_hours(12);
    for limit in [1, 2, 3, 100] {
        for since in [None, Some(midnight + Duration::from_mins(2))] {
            let expected = |is_it: &dyn Fn(&StoredAuditEntry) -> bool| {
                let is_since = |entry: &StoredAuditEntry| since.is_none_or(|it| entry.at >= it);
                let newest_first = written.iter().rev();
                let wanted = newest_first.filter(|entry| is_it(entry) && is_since(entry));
                wanted.cloned().collect::<Vec<_>>()
            };
            let to = entries(store, AuditFilter::User(alice.clone()), since, limit).await;
            assert_eq!(to, expected(&|entry| entry.user == alice), "{limit}, {since:?}");
            let by = entries(store, AuditFilter::Actor(AUDITOR.to_owned()), since, limit).await;
            assert_eq!(by, expected(&|entry| entry.by == AUDITOR), "{limit}, {since:?}");
            let mut of_day = entries(store, AuditFilter::Day(day), since, limit).await;
            assert!(of_day.iter().rev().is_sorted_by_key(|entry| entry.at), "newest first");
            // The order of two entries of the same millisecond is not specified.
            of_day.sort_by_key(|entry| std::cmp::Reverse(AuditPosition::from(entry)));
            let is_it = |entry: &StoredAuditEntry| day_number(entry.at) == day_number(midnight);
            assert_eq!(of_day, expected(&is_it), "{limit}, {since:?}");
        }
    }
    let unknown = AuditFilter::Actor("https://idp.example|none".to_owned());
    assert_eq!(entries(store, unknown, None, 1).await, []);
}

/// Writes two entries for each of these minutes after midnight: one to Alice, and one to Bob by
/// another actor. Returns them oldest first.
async fn two_entries_each(
    store: &impl IdentityStore,
    midnight: SystemTime,
    minutes: [u64; 5],
) -> Vec<StoredAuditEntry> {
    let mut written = Vec::new();
    for (index, minutes) in minutes.into_iter().enumerate() {
        let moment = midnight + Duration::from_mins(minutes);
        for (name, by) in [
            ("audit-list-alice", Actor::Administrator(user(AUDITOR))),
            ("audit-list-bob", Actor::Cleanup { run: "run-1".to_owned() }),
        ] {
            let record = active(&format!("{name}-{index}"));
            let id = format!("request-{index}");
            let entry = AuditEntry::of(&record, &id, by, AuditAction::CreateIdentity, moment);
            // All entries have the same user, so that this user has more than one page of
            // entries.
            let entry = AuditEntry { user: user(name), ..entry };
            let made = store.commit(Step::new(None, &record).audited(Some(&entry))).await;
            assert_eq!(made.expect("a writable store"), Change::Made(record));
            written.push(StoredAuditEntry::from(&entry));
        }
    }
    written
}
