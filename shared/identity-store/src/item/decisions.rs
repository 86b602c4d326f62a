//! Converts the decisions and watermarks of all origins to and from attributes of an item.

use std::collections::BTreeMap;
use std::time::SystemTime;

use aws_sdk_dynamodb::types::AttributeValue;
use identity_core::record::{
    BlockDecision, By, Decisions, Origin, Receipt, Record, State, Watermarks,
};

use super::attribute::{Item, instant, integer, is_true, number, time};

pub(crate) const DECISIONS: &str = "decisions";
pub(crate) const CHANGES: &str = "decisionChanges";
/// The newest decision of any origin. The previous version stored only this one.
pub(crate) const DECIDED_AT: &str = "decidedAt";
pub(crate) const WATERMARKS: &str = "watermarks";
/// The newest revocation of any origin. The previous version stored only this one.
pub(crate) const REVOKED_THROUGH: &str = "revokedThrough";
const AT: &str = "at";
const BLOCKS: &str = "blocks";

/// Writes the decisions and the watermarks.
pub(crate) fn write(record: &Record, item: &mut Item) {
    let decisions = &record.decisions;
    if let Some(newest) = decisions.newest() {
        let all = decisions.iter().map(|(origin, decision)| {
            let one = Item::from([
                (AT.to_owned(), time(decision.at)),
                (BLOCKS.to_owned(), AttributeValue::Bool(decision.blocks)),
            ]);
            (origin.as_str().to_owned(), AttributeValue::M(one))
        });
        item.insert(DECISIONS.to_owned(), AttributeValue::M(all.collect()));
        if decisions.changes() > 0 {
            item.insert(CHANGES.to_owned(), number(decisions.changes()));
        }
        item.insert(DECIDED_AT.to_owned(), time(newest));
    }
    if let Some(newest) = record.revoked_through.newest() {
        let all = record.revoked_through.iter();
        let all = all.map(|(origin, at)| (origin.as_str().to_owned(), time(at))).collect();
        item.insert(WATERMARKS.to_owned(), AttributeValue::M(all));
        item.insert(REVOKED_THROUGH.to_owned(), time(newest));
    }
}

/// Parses the decisions; `Err` names the invalid attribute.
pub(crate) fn read(
    item: &Item,
    state: &State,
    receipts: &[Receipt],
) -> Result<Decisions, &'static str> {
    let stored = match item.get(DECISIONS) {
        None => BTreeMap::new(),
        Some(value) => read_map(value, |value| {
            let one = value.as_m().ok()?;
            Some(BlockDecision { at: instant(one, AT)?, blocks: is_true(one, BLOCKS) })
        })
        .ok_or(DECISIONS)?,
    };
    let known = Decisions::stored(stored, integer(item, CHANGES).unwrap_or_default());
    Ok(match instant(item, DECIDED_AT) {
        Some(at) if known.newest().is_none_or(|newest| newest < at) => {
            upgrade(&known, at, state, receipts)
        }
        _ => known,
    })
}

/// Adds a decision of the previous version, which kept only the newest decision of all origins.
/// That version may have been the only one, or may have run beside this one.
///
/// In that version, every unblock lifted every older block, as an administrator's unblock does
/// here. A block is attributed to the administrator if the receipt says so. The provider's next
/// decision could lift any other block in that version, and still can.
fn upgrade(known: &Decisions, at: SystemTime, state: &State, receipts: &[Receipt]) -> Decisions {
    let newest_block = receipts.iter().rfind(|receipt| receipt.blocked);
    let is_administrators =
        newest_block.is_some_and(|receipt| matches!(receipt.cause.by, By::Administrator { .. }));
    let blocks = state.is_blocked();
    let origin = if blocks && !is_administrators { Origin::EARLIER } else { Origin::ADMINISTRATOR };
    let mut all: BTreeMap<Origin, BlockDecision> =
        known.iter().map(|(origin, decision)| (origin.clone(), decision)).collect();
    all.insert(origin, BlockDecision { at, blocks });
    // Keep the number of changes: nothing has been written yet, so the stored item is unchanged.
    Decisions::stored(all, known.changes())
}

/// Parses the watermarks. A watermark without an origin does not hide an event, because one more
/// revocation is harmless.
pub(crate) fn read_watermarks(item: &Item) -> Result<Watermarks, &'static str> {
    let stored = match item.get(WATERMARKS) {
        None => BTreeMap::new(),
        Some(value) => read_map(value, read_time).ok_or(WATERMARKS)?,
    };
    let known = Watermarks::stored(stored);
    Ok(match instant(item, REVOKED_THROUGH) {
        Some(at) if known.newest().is_none_or(|newest| newest < at) => {
            known.with(Origin::EARLIER, at)
        }
        _ => known,
    })
}

fn read_map<T>(
    value: &AttributeValue,
    read: impl Fn(&AttributeValue) -> Option<T>,
) -> Option<BTreeMap<Origin, T>> {
    let map = value.as_m().ok()?;
    map.iter().map(|(origin, value)| Some((Origin::parse(origin)?, read(value)?))).collect()
}

fn read_time(value: &AttributeValue) -> Option<SystemTime> {
    let item = Item::from([(AT.to_owned(), value.clone())]);
    instant(&item, AT)
}

#[cfg(test)]
mod tests;
