//! The indexes of the table, and the positions of pages in them.

use identity_core::Error;
use identity_core::ports::{Index, ListQuery, Position};

use crate::item::{self, Item, instant, milliseconds, number, text, time};

/// The index from an ACS id to its user.
pub(crate) const BY_ACS_ID: &str = "by-acs-id";

/// The index from a shard to its records, longest unused first.
pub(crate) const BY_LAST_ISSUED: &str = "by-last-issued";

/// The index from a shard to its unfinished records, longest unchanged first.
pub(crate) const BY_UNFINISHED: &str = "by-unfinished";

pub(crate) fn start_key(query: &ListQuery, after: &Position) -> Item {
    let (shard, at) = keys(query.index);
    Item::from([
        (item::EXTERNAL_ID.to_owned(), text(after.external_id.as_str())),
        (shard.to_owned(), number(u64::from(query.shard))),
        (at.to_owned(), time(after.at)),
    ])
}

/// Whether a list begins after its last time. `DynamoDB` refuses a start key that does not fit the
/// condition of the query.
pub(crate) fn is_past_the_end(query: &ListQuery) -> bool {
    let ends = query.unused_since.filter(|_| query.index == Index::LastIssued);
    let after = query.after.as_ref().map(|after| after.at);
    after.zip(ends).is_some_and(|(after, ends)| milliseconds(after) >= milliseconds(ends))
}

pub(crate) fn position(key: &Item, index: Index) -> Result<Position, Error> {
    let external_id = item::external_id(key);
    let at = instant(key, keys(index).1);
    external_id
        .zip(at)
        .map(|(external_id, at)| Position { at, external_id })
        .ok_or(Error::Internal("invalid last key of a page"))
}

fn keys(index: Index) -> (&'static str, &'static str) {
    match index {
        Index::LastIssued => (item::STALE_SHARD, item::LAST_ISSUED_AT),
        Index::Unfinished => (item::UNFINISHED_SHARD, item::UNFINISHED_SINCE),
    }
}
