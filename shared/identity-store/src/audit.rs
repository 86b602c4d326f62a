//! Entries of the audit log, as items of a table of their own.
//!
//! | attribute | type | what |
//! |---|---|---|
//! | `user` | S | to whose identity it was done; the partition |
//! | `at` | S, `<ms since 1970, 13 digits>#<id>` | when, and its name; the sort key |
//! | `by` | S | who did it: an external id, an event source, or `cleanup`; index `by-actor` |
//! | `day` | S, `2026-11-26` | the day, in UTC; index `by-day` |
//! | `actor` | S: `administrator`, `event` or `cleanup` | what kind of actor that is |
//! | `reference` | S | an event's id, or a run's name |
//! | `action`, `state` | S | what was done, and the state of the record after it |
//! | `identity`, `reason` | S | if there is one |
//! | `expiresAt` | N, s since 1970 | `DynamoDB` removes it after it |

use std::{
    str::FromStr,
    time::{Duration, SystemTime},
};

use aws_sdk_dynamodb::types::{AttributeValue, Put};
use identity_core::{Error, audit::AuditEntry};
use time::OffsetDateTime;

use crate::item::{self, Item, milliseconds, number, text};

/// Where the audit log is, and how long an entry is kept.
#[derive(Clone, Debug)]
pub struct AuditTable {
    /// The name of the table.
    pub name: String,
    /// How long an entry is kept.
    pub retention: AuditRetention,
}

/// How long an entry of the audit log is kept; 400 days unless something else is said, so that
/// a yearly review sees a whole year.
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
        let days: u64 = days.ok_or("it is a whole number of days from 1 to 36500")?;
        Ok(Self(Duration::from_hours(days * 24)))
    }
}

pub(crate) const USER: &str = "user";
pub(crate) const AT: &str = "at";
pub(crate) const BY: &str = "by";
pub(crate) const DAY: &str = "day";
pub(crate) const ACTOR: &str = "actor";
pub(crate) const REFERENCE: &str = "reference";
pub(crate) const ACTION: &str = "action";
pub(crate) const STATE: &str = "state";
pub(crate) const IDENTITY: &str = "identity";
pub(crate) const REASON: &str = "reason";

impl AuditTable {
    /// The write of an entry.
    pub(crate) fn put(&self, entry: &AuditEntry) -> Result<Put, Error> {
        let put = Put::builder().table_name(&self.name).set_item(Some(self.write(entry))).build();
        put.map_err(|_| Error::Internal("an audit entry that lacks a part"))
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

/// Sorts by time, and keeps apart what happened in the same millisecond.
pub(crate) fn sort_key(at: SystemTime, id: &str) -> String {
    format!("{:013}#{id}", milliseconds(at))
}

/// The day of a time, in UTC.
pub(crate) fn day(at: SystemTime) -> String {
    OffsetDateTime::from(at).date().to_string()
}
