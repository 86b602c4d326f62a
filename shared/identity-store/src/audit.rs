//! Stores entries of the audit log as items of a separate table.
//!
//! | attribute | type | meaning |
//! |---|---|---|
//! | `user` | S | the user whose identity was affected; the partition key |
//! | `at` | S, `<ms since 1970, 13 digits>#<id>` | the time and the ID; the sort key |
//! | `by` | S | the actor: an external ID, an event source, or `cleanup`; index `by-actor` |
//! | `day` | S, `2026-11-26` | the day, in UTC; index `by-day` |
//! | `actor` | S: `administrator`, `event` or `cleanup` | the kind of actor |
//! | `reference` | S | an event's ID, or a run's ID |
//! | `action`, `state` | S | the action, and the state of the record after it |
//! | `identity`, `reason` | S | the identity and the reason; optional |
//! | `expiresAt` | N, s since 1970 | `DynamoDB` removes the entry after this time |
//!
//! When an entry is read, `actor`, `action` and `state` stay text, because a newer version may
//! have written values that this version does not know.

use std::str::FromStr;
use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Put};
use identity_core::Error;
use identity_core::audit::{AuditEntry, AuditFilter, AuditPosition, AuditQuery, StoredAuditEntry};
use identity_core::identity::{AcsId, ExternalId};
use time::OffsetDateTime;

use crate::item::{self, Item, milliseconds, number, string, text};

/// The table of the audit log, and the retention of its entries.
#[derive(Clone, Debug)]
pub struct AuditTable {
    /// The name of the table.
    pub name: String,
    /// How long an entry is kept.
    pub retention: AuditRetention,
}

/// How long an entry of the audit log is kept; 400 days by default, so that a yearly review
/// covers a whole year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditRetention(Duration);

impl Default for AuditRetention {
    fn default() -> Self {
        Self(Duration::from_hours(400 * 24))
    }
}

impl FromStr for AuditRetention {
    type Err = &'static str;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let days = raw.parse().ok().filter(|days| (1..=36_500).contains(days));
        let days: u64 = days.ok_or("must be a whole number of days from 1 to 36500")?;
        Ok(Self(Duration::from_hours(days * 24)))
    }
}

const USER: &str = "user";
const AT: &str = "at";
const BY: &str = "by";
const DAY: &str = "day";
const ACTOR: &str = "actor";
const REFERENCE: &str = "reference";
const ACTION: &str = "action";
const STATE: &str = "state";
const IDENTITY: &str = "identity";
const REASON: &str = "reason";

impl AuditTable {
    /// Builds the write of an entry. It never replaces an existing entry.
    pub(crate) fn put(&self, entry: &AuditEntry) -> Result<Put, Error> {
        let put = Put::builder()
            .table_name(&self.name)
            .set_item(Some(self.write(entry)))
            .condition_expression("attribute_not_exists(#at)")
            .expression_attribute_names("#at", AT)
            .build();
        put.map_err(|_| Error::Internal("incomplete write of an audit entry"))
    }

    fn write(&self, entry: &AuditEntry) -> Item {
        let expires_at = milliseconds(entry.at + self.retention.0) / 1000;
        let mut item = Item::from([
            (USER.to_owned(), text(entry.user.as_str())),
            (AT.to_owned(), text(&sort_key(entry.at, &entry.id))),
            (BY.to_owned(), text(entry.by.name())),
            (DAY.to_owned(), text(&day(entry.at))),
            (ACTOR.to_owned(), text(entry.by.kind())),
            (ACTION.to_owned(), text(entry.action.as_str())),
            (STATE.to_owned(), text(entry.state.as_str())),
            (item::EXPIRES_AT.to_owned(), number(expires_at)),
        ]);
        let mut put = |name: &str, value: AttributeValue| item.insert(name.to_owned(), value);
        if let Some(reference) = entry.by.reference() {
            put(REFERENCE, text(reference));
        }
        if let Some(identity) = &entry.identity {
            put(IDENTITY, text(identity.as_str()));
        }
        if let Some(reason) = &entry.reason {
            put(REASON, text(reason.as_str()));
        }
        item
    }
}

/// Sets every parameter except the table.
pub(crate) fn request(builder: QueryFluentBuilder, query: &AuditQuery) -> QueryFluentBuilder {
    let (index, partition, value) = match &query.filter {
        AuditFilter::User(user) => (None, USER, user.as_str().to_owned()),
        AuditFilter::Actor(name) => (Some(BY_ACTOR), BY, name.clone()),
        AuditFilter::Day(moment) => (Some(BY_DAY), DAY, day(*moment)),
    };
    let start = query.after.as_ref().map(|after| {
        Item::from([
            (USER.to_owned(), text(after.user.as_str())),
            (AT.to_owned(), text(&sort_key(after.at, &after.id))),
            (partition.to_owned(), text(&value)),
        ])
    });
    let condition = match query.since {
        Some(_) => "#partition = :partition AND #at >= :since",
        None => "#partition = :partition",
    };
    let mut request = builder
        .set_index_name(index.map(str::to_owned))
        .key_condition_expression(condition)
        .expression_attribute_names("#partition", partition)
        .expression_attribute_values(":partition", text(&value))
        .scan_index_forward(false)
        .set_exclusive_start_key(start)
        .limit(i32::from(query.limit));
    if let Some(since) = query.since {
        request = request
            .expression_attribute_names("#at", AT)
            .expression_attribute_values(":since", text(&sort_key(since, "")));
    }
    request
}

/// Parses an entry; `Err` names the invalid attribute.
pub(crate) fn read(item: &Item) -> Result<StoredAuditEntry, &'static str> {
    let mandatory = |name| string(item, name).map(str::to_owned).ok_or(name);
    let optional = |name| string(item, name).map(str::to_owned);
    let AuditPosition { at, id, user } = position(item)?;
    let identity = string(item, IDENTITY).map(|raw| AcsId::parse(raw).ok_or(IDENTITY));
    Ok(StoredAuditEntry {
        id,
        at,
        user,
        by: mandatory(BY)?,
        actor: mandatory(ACTOR)?,
        reference: optional(REFERENCE),
        action: mandatory(ACTION)?,
        identity: identity.transpose()?,
        state: mandatory(STATE)?,
        reason: optional(REASON),
    })
}

/// Parses the table's key, which the keys of the indexes contain as well.
pub(crate) fn position(key: &Item) -> Result<AuditPosition, &'static str> {
    let user = string(key, USER).and_then(ExternalId::parse).ok_or(USER)?;
    let (at, id) = string(key, AT).and_then(|at| at.split_once('#')).ok_or(AT)?;
    let at = at.parse().ok().and_then(|milliseconds| {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(milliseconds))
    });
    Ok(AuditPosition { at: at.ok_or(AT)?, id: id.to_owned(), user })
}

/// Sorts by time, and distinguishes entries of the same millisecond.
fn sort_key(at: SystemTime, id: &str) -> String {
    format!("{:013}#{id}", milliseconds(at))
}

/// The UTC day of a time.
fn day(at: SystemTime) -> String {
    OffsetDateTime::from(at).date().to_string()
}

/// The index from an actor to their entries, by time.
const BY_ACTOR: &str = "by-actor";

/// The index from a day to its entries, by time.
const BY_DAY: &str = "by-day";

#[cfg(test)]
mod tests {
    use identity_core::audit::{Actor, AuditAction};
    use identity_core::event::{EventKind, EventSource};
    use identity_core::record::{Reason, State};
    use identity_core::testing::record;

    use super::*;

    fn entry() -> AuditEntry {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_000_000_123);
        let next = record("alice", State::blocked("8:acs:1"), at);
        let by = Actor::Event { source: EventSource::Okta, id: "event-1".to_owned() };
        let action = AuditAction::Event(EventKind::Disabled);
        let entry = AuditEntry::of(&next, "request-1#2", by, action, at);
        AuditEntry { reason: Reason::parse("left the company"), ..entry }
    }

    fn item() -> Item {
        let retention = AuditRetention::default();
        AuditTable { name: "AuditLog".to_owned(), retention }.write(&entry())
    }

    #[test]
    fn an_entry_reads_back_as_it_was_written() {
        assert_eq!(read(&item()), Ok(StoredAuditEntry::from(&entry())));
        let mut item = item();
        for name in [IDENTITY, REFERENCE, REASON] {
            item.remove(name);
        }
        let stored = StoredAuditEntry::from(&entry());
        let without = StoredAuditEntry { identity: None, reference: None, reason: None, ..stored };
        assert_eq!(read(&item), Ok(without));
    }

    #[test]
    fn an_entry_expires_when_its_retention_ends() {
        let days = AuditRetention::default().0.as_secs() / (24 * 60 * 60);
        assert_eq!(days, 400);
        let expires_at = 1_795_000_000 + 400 * 24 * 60 * 60;
        assert_eq!(item().get(item::EXPIRES_AT), Some(&number(expires_at)));
    }

    #[test]
    fn values_of_a_newer_version_are_returned_unchanged() {
        let mut item = item();
        for name in [ACTOR, ACTION, STATE] {
            item.insert(name.to_owned(), text("of-a-newer-version"));
        }
        item.insert("unknown".to_owned(), number(1));
        let read = read(&item).unwrap();
        assert_eq!(read.action, "of-a-newer-version");
        assert_eq!((read.actor, read.state), (read.action.clone(), read.action));
    }

    #[test]
    fn the_error_for_an_invalid_entry_names_the_attribute() {
        for name in [USER, AT, BY, ACTOR, ACTION, STATE] {
            let mut item = item();
            item.remove(name);
            assert_eq!(read(&item), Err(name));
            item.insert(name.to_owned(), AttributeValue::Bool(true));
            assert_eq!(read(&item), Err(name));
        }
        for (name, invalid) in [(AT, "1795000000123"), (AT, "soon#1"), (IDENTITY, "alice")] {
            let mut item = item();
            item.insert(name.to_owned(), text(invalid));
            assert_eq!(read(&item), Err(name), "{invalid}");
        }
    }
}
