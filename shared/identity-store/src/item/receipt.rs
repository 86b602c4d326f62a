//! Converts receipts to and from a list of maps.

use aws_sdk_dynamodb::types::AttributeValue;
use identity_core::event::{EventKind, EventSource};
use identity_core::identity::{AcsId, ExternalId};
use identity_core::record::{By, Cause, Reason, Receipt, ReceiptId};

use super::attribute::{Item, instant, integer, number, string, text, time};

const ID: &str = "id";
const IDENTITY: &str = "identity";
const EPOCH: &str = "epoch";
const BLOCKED: &str = "blocked";
const BY: &str = "by";
const ADMINISTRATOR: &str = "administrator";
const EVENT_ID: &str = "eventId";
const SOURCE: &str = "source";
const REASON: &str = "reason";
const ACCEPTED_AT: &str = "acceptedAt";
const REVOKED_AT: &str = "revokedAt";

/// Converts receipts to an attribute.
pub(crate) fn write(receipts: &[Receipt]) -> AttributeValue {
    AttributeValue::L(
        receipts.iter().map(|receipt| AttributeValue::M(write_one(receipt))).collect(),
    )
}

/// Parses receipts; `None` if they are invalid.
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
    match &receipt.cause.by {
        By::Event { id, source, .. } => {
            put(EVENT_ID, text(id));
            if let Some(source) = source {
                put(SOURCE, text(source.as_str()));
            }
        }
        By::Unknown { id, source, .. } => {
            if let Some(id) = id {
                put(EVENT_ID, text(id));
            }
            if let Some(source) = source {
                put(SOURCE, text(source));
            }
        }
        By::Administrator { id: Some(id) } => {
            put(ADMINISTRATOR, text(id.as_str()));
        }
        By::Administrator { id: None } | By::User => {}
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
        cause: Cause { by: read_by(item)?, reason: string(item, REASON).and_then(Reason::parse) },
        accepted_at: instant(item, ACCEPTED_AT)?,
        revoked_at: instant(item, REVOKED_AT),
    })
}

/// Parses the requester. A source or an administrator that an older version did not store stays
/// unknown. A kind or a source that only a newer version knows is kept as it is: after a rollback, one
/// such receipt would otherwise make the whole record invalid, or the next write would remove it.
fn read_by(item: &Item) -> Option<By> {
    Some(match string(item, BY)? {
        "user" => By::User,
        "administrator" => {
            By::Administrator { id: string(item, ADMINISTRATOR).and_then(ExternalId::parse) }
        }
        name => read_event(name, string(item, SOURCE), string(item, EVENT_ID)),
    })
}

fn read_event(name: &str, source: Option<&str>, id: Option<&str>) -> By {
    let known = source.and_then(EventSource::parse);
    match EventKind::parse(name) {
        Some(kind) if known.is_some() || source.is_none() => {
            By::Event { source: known, kind, id: id.unwrap_or_default().to_owned() }
        }
        _ => By::Unknown {
            name: name.to_owned(),
            source: source.map(str::to_owned),
            id: id.map(str::to_owned),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use identity_core::record::State;
    use identity_core::testing::record;

    use super::*;
    use crate::item;

    #[test]
    fn a_receipt_with_what_only_a_newer_version_knows_is_written_back_unchanged() {
        let at = SystemTime::UNIX_EPOCH;
        let receipt = Receipt {
            id: ReceiptId("r".to_owned()),
            identity: AcsId::parse("8:acs:1"),
            epoch: 2,
            blocked: true,
            cause: Cause { by: By::User, reason: Reason::parse("left") },
            accepted_at: at,
            revoked_at: Some(at),
        };
        for (by, source, id) in [
            ("user.moved", None, None),
            ("user.moved", Some("okta"), Some("e")),
            ("user.moved", Some("new-source"), Some("e")),
            ("user.disabled", Some("new-source"), Some("e")),
            ("user.disabled", Some("new-source"), None),
        ] {
            let mut newer = write_one(&receipt);
            newer.insert(BY.to_owned(), text(by));
            newer.extend(source.map(|source| (SOURCE.to_owned(), text(source))));
            newer.extend(id.map(|id| (EVENT_ID.to_owned(), text(id))));
            let receipts = AttributeValue::L(vec![AttributeValue::M(newer)]);
            let mut stored = item::write(&record("alice", State::active("8:acs:1"), at));
            stored.insert(item::RECEIPTS.to_owned(), receipts);
            let found = item::read(&stored).unwrap();
            let [one] = &found.receipts[..] else { panic!("one receipt") };
            assert_eq!((one.cause.by.as_str(), one.epoch, one.blocked), (by, 2, true));
            assert_eq!(item::write(&found), stored);
        }
    }
}
