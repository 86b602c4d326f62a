use std::time::SystemTime;

use crate::model::{ExternalId, Record, StateName};

/// The number of shards of the identities. Sharding avoids a hot index partition.
///
/// [`Index::LastIssued`] has the same number of additional shards for blocked users without an
/// identity, so that the scheduled job does not have to read them.
pub const SHARDS: u8 = 16;

/// The order in which records are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Index {
    /// All records, longest unused first.
    #[default]
    LastIssued,
    /// The [unfinished](Record::is_unfinished) records, longest unchanged first.
    Unfinished,
}

/// Selects the records to list.
#[derive(Clone, Debug)]
pub struct ListQuery {
    /// The index, which sets the order.
    pub index: Index,
    /// The number of the shard, from 0. See [`SHARDS`].
    pub shard: u8,
    /// Return only records in this state.
    pub state: Option<StateName>,
    /// Return only records that were last used before this time.
    pub unused_since: Option<SystemTime>,
    /// Return only records after this position.
    pub after: Option<Position>,
    /// The maximum number of records to read. With `state`, or with `unused_since` on
    /// [`Index::Unfinished`], fewer records may be returned.
    pub limit: u16,
}

impl ListQuery {
    /// The first `limit` records of a shard.
    #[must_use]
    pub fn first(index: Index, shard: u8, limit: u16) -> Self {
        Self { index, shard, state: None, unused_since: None, after: None, limit }
    }
}

/// A position in a shard, which is sorted by time, then by user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The time by which the index sorts the record.
    pub at: SystemTime,
    /// The user of the record.
    pub external_id: ExternalId,
}

impl Position {
    /// The position of `record` in `index`.
    #[must_use]
    pub fn of(record: &Record, index: Index) -> Self {
        let at = match index {
            Index::LastIssued => record.last_issued_at,
            Index::Unfinished => record.changed_at,
        };
        Self { at, external_id: record.external_id.clone() }
    }
}

/// Some records of a shard.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The records.
    pub records: Vec<Record>,
    /// The position to continue from; `None` at the end of the shard.
    pub next: Option<Position>,
}

/// The number of records up to a position.
#[derive(Clone, Debug, Default)]
pub struct Count {
    /// The number of records.
    pub records: u64,
    /// The position to continue from; `None` at the end of the shard.
    pub next: Option<Position>,
}
