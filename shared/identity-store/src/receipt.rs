//! Receipts as a list of maps, both ways.

use aws_sdk_dynamodb::types::AttributeValue;
use identity_core::{
    identity::AcsId,
    record::{By, Cause, Reason, Receipt, ReceiptId},
};

use crate::item::{Item, instant, integer, number, string, text, time};

const ID: &str = "id";
const IDENTITY: &str = "identity";
const EPOCH: &str = "epoch";
const BLOCKED: &str = "blocked";
const BY: &str = "by";
const EVENT_ID: &str = "eventId";
const REASON: &str = "reason";
const ACCEPTED_AT: &str = "acceptedAt";
const REVOKED_AT: &str = "revokedAt";

/// Writes receipts down.
pub(crate) fn write(receipts: &[Receipt]) -> AttributeValue {
    AttributeValue::L(
        receipts.iter().map(|receipt| AttributeValue::M(write_one(receipt))).collect(),
    )
}

/// Reads receipts; `None` if they make no sense.
pub(crate) fn read(value: &AttributeValue) -> Option<Vec<Receipt>> {
    value.as_l().ok()?.iter().map(|receipt| read_one(receipt.as_m().ok()?)).collect()
}

fn write_one(receipt: &Receipt) -> Item {
    let mut item = Item::from([
        (ID.to_owned(), text(&receipt.id.0)),
        (EPOCH.to_owned(), number(receipt.epoch)),
        (BLOCKED.to_owned(), AttributeValue::Bool(receipt.blocked)),
        (BY.to_owned(), text(receipt.cause.by.as_str())),
        (ACCEPTED_AT.to_owned(), time(receipt.accepted_at)),
    ]);
    let mut put = |name: &str, value| item.insert(name.to_owned(), value);
    if let Some(identity) = &receipt.identity {
        put(IDENTITY, text(identity.as_str()));
    }
    if let By::Event { id, .. } = &receipt.cause.by {
        put(EVENT_ID, text(id));
    }
    if let Some(reason) = &receipt.cause.reason {
        put(REASON, text(reason.as_str()));
    }
    if let Some(at) = receipt.revoked_at {
        put(REVOKED_AT, time(at));
    }
    item
}

fn read_one(item: &Item) -> Option<Receipt> {
    Some(Receipt {
        id: ReceiptId(string(item, ID)?.to_owned()),
        identity: match string(item, IDENTITY) {
            Some(raw) => Some(AcsId::parse(raw)?),
            None => None,
        },
        epoch: integer(item, EPOCH)?,
        blocked: matches!(item.get(BLOCKED), Some(AttributeValue::Bool(true))),
        cause: Cause {
            by: By::parse(string(item, BY)?, string(item, EVENT_ID))?,
            reason: string(item, REASON).and_then(Reason::parse),
        },
        accepted_at: instant(item, ACCEPTED_AT)?,
        revoked_at: instant(item, REVOKED_AT),
    })
}
