//! Converts a record to and from a `DynamoDB` item.
//!
//! | attribute | type | when |
//! |---|---|---|
//! | `externalId` | S | always; the key |
//! | `state` | S | always |
//! | `epoch` | N | always |
//! | `createdAt`, `lastIssuedAt`, `changedAt` | N, ms since 1970 | always |
//! | `acsId` | S | the user has an identity, or it was deleted: then the same as `lastAcsId`; key of the index `by-acs-id` |
//! | `resource` | S | the identity, or the previous one, belongs to another ACS resource than `main` |
//! | `lastAcsId` | S | the user had a previous identity |
//! | `lease`, `leaseEnds` | S; N, ms | provisioning |
//! | `blocked` | BOOL | deleting or stuck, and the user is blocked |
//! | `unfinished` | S, `revocation` or `deletion` | stuck |
//! | `decisions` | M of origin to M of `at` (N, ms) and `blocks` (BOOL) | the user was ever blocked or unblocked |
//! | `decisionChanges` | N | `decisions` ever changed; the number of changes |
//! | `decidedAt` | N, ms | the newest time in `decisions`, for the previous version |
//! | `watermarks` | M of origin to N, ms | tokens were ever revoked |
//! | `revokedThrough` | N, ms | the newest time in `watermarks`, for the previous version |
//! | `notBefore` | N, ms | the user was ever signed out or blocked |
//! | `accountDeletedAt` | N, ms | the identity provider deleted the account |
//! | `tokensRevoked` | BOOL, true | no token was issued since the last revocation that ACS confirmed |
//! | `paceUntil`, `signOutPaceUntil` | N, ms | a pace limits the user's calls |
//! | `pendingRevocation` | S | ACS has not yet confirmed a revocation |
//! | `attempts` | N | pending work has failed |
//! | `receipts` | L of M | tokens were ever revoked; the latest receipts |
//! | `staleShard` | N, 0 to 15, and 16 to 31 without an identity (32: see `phone`) | always, except for tombstones; key of the index `by-last-issued` |
//! | `dueAt` | N, ms | a guest; when the identity is due for deletion |
//! | `unfinishedShard`, `unfinishedSince` | N, 0 to 15; N, ms | work is pending; keys of the index `by-unfinished` |
//! | the same | N, 32 to 47; N, ms: `dueAt` | a guest without pending work, except for tombstones |
//! | `expiresAt` | N, s since 1970 | tombstones; `DynamoDB` removes them after this time |
//!
//! Attributes are read by name, and unknown ones are left unchanged, because an older version may
//! run beside a newer one. An item of the version that kept one decision for all origins is
//! converted by [`upgrade`], and written in the new form with its next change.

mod attribute;
pub(crate) mod decisions;
mod receipt;

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use identity_core::Error;
use identity_core::admission::LONGEST_BEARER_LIFE;
use identity_core::identity::{AcsId, ExternalId};
use identity_core::ports::SHARDS;
use identity_core::record::{
    Lease, LeaseId, Origin, ReceiptId, Record, State, StateName, Unfinished,
};
use identity_core::resource::ResourceName;

pub(crate) use self::attribute::integer;
use self::attribute::is_true;
pub(crate) use self::attribute::{Item, instant, milliseconds, number, string, text, time};

/// The key.
pub(crate) const EXTERNAL_ID: &str = "externalId";
/// The key of the index by ACS ID.
pub(crate) const ACS_ID: &str = "acsId";
pub(crate) const STATE: &str = "state";
pub(crate) const EPOCH: &str = "epoch";
pub(crate) const LAST_ISSUED_AT: &str = "lastIssuedAt";
pub(crate) const PACE_UNTIL: &str = "paceUntil";
pub(crate) const TOKENS_REVOKED: &str = "tokensRevoked";
pub(crate) const STALE_SHARD: &str = "staleShard";
pub(crate) const UNFINISHED_SHARD: &str = "unfinishedShard";
pub(crate) const UNFINISHED_SINCE: &str = "unfinishedSince";
/// The time-to-live attribute; the template names the same one.
pub(crate) const EXPIRES_AT: &str = "expiresAt";
const LAST_ACS_ID: &str = "lastAcsId";
const RESOURCE: &str = "resource";
const CREATED_AT: &str = "createdAt";
const CHANGED_AT: &str = "changedAt";
const LEASE: &str = "lease";
const LEASE_ENDS: &str = "leaseEnds";
const BLOCKED: &str = "blocked";
const UNFINISHED: &str = "unfinished";
const NOT_BEFORE: &str = "notBefore";
const ACCOUNT_DELETED_AT: &str = "accountDeletedAt";
const SIGN_OUT_PACE_UNTIL: &str = "signOutPaceUntil";
const DUE_AT: &str = "dueAt";
pub(crate) const PENDING_REVOCATION: &str = "pendingRevocation";
pub(crate) const ATTEMPTS: &str = "attempts";
const RECEIPTS: &str = "receipts";

/// The attributes that a record may lack.
pub(crate) const OPTIONAL: [&str; 25] = [
    ACS_ID,
    LAST_ACS_ID,
    RESOURCE,
    LEASE,
    LEASE_ENDS,
    BLOCKED,
    UNFINISHED,
    decisions::DECIDED_AT,
    decisions::DECISIONS,
    decisions::CHANGES,
    decisions::REVOKED_THROUGH,
    decisions::WATERMARKS,
    NOT_BEFORE,
    ACCOUNT_DELETED_AT,
    TOKENS_REVOKED,
    PACE_UNTIL,
    SIGN_OUT_PACE_UNTIL,
    DUE_AT,
    PENDING_REVOCATION,
    ATTEMPTS,
    RECEIPTS,
    STALE_SHARD,
    UNFINISHED_SHARD,
    UNFINISHED_SINCE,
    EXPIRES_AT,
];

/// The first of the shards of guests, whose identities are listed by when they are due. A run of the
/// previous version does not read these shards.
pub(crate) const DUE_SHARDS: u8 = 2 * SHARDS;

/// How long a tombstone is kept: longer than any event can be late, because a queue keeps a
/// message for at most 14 days, and longer than the lifetime of a bearer token that was issued
/// before a block.
const TOMBSTONE_LIFE: Duration = Duration::from_hours(30 * 24);
const _: () = assert!(TOMBSTONE_LIFE.as_secs() >= LONGEST_BEARER_LIFE.as_secs());

/// Converts a record to an item.
pub(crate) fn write(record: &Record) -> Item {
    let mut item = Item::from([
        (EXTERNAL_ID.to_owned(), text(record.external_id.as_str())),
        (STATE.to_owned(), text(record.state.name().as_str())),
        (EPOCH.to_owned(), number(record.epoch)),
        (CREATED_AT.to_owned(), time(record.created_at)),
        (LAST_ISSUED_AT.to_owned(), time(record.last_issued_at)),
        (CHANGED_AT.to_owned(), time(record.changed_at)),
    ]);
    let optional = [
        (ACS_ID, record.acs_id().or(gone(record)).map(|id| text(id.as_str()))),
        (LAST_ACS_ID, record.last_acs_id.as_ref().map(|id| text(id.as_str()))),
        // Absent means `main`, so that a deployment with one resource writes what it always wrote.
        (RESOURCE, (!record.resource.is_main()).then(|| text(record.resource.as_str()))),
        (PENDING_REVOCATION, record.pending_revocation.as_ref().map(|id| text(&id.0))),
        (NOT_BEFORE, record.not_before.map(time)),
        (ACCOUNT_DELETED_AT, record.account_deleted_at.map(time)),
        (PACE_UNTIL, record.pace_until.map(time)),
        (SIGN_OUT_PACE_UNTIL, record.sign_out_pace_until.map(time)),
        (DUE_AT, record.due_at.map(time)),
        (TOKENS_REVOKED, record.tokens_revoked.then_some(AttributeValue::Bool(true))),
        (ATTEMPTS, (record.attempts > 0).then(|| number(record.attempts.into()))),
        (RECEIPTS, (!record.receipts.is_empty()).then(|| receipt::write(&record.receipts))),
    ];
    let present = optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    item.extend(present);
    write_state(&record.state, &mut item);
    write_shards(record, &mut item);
    decisions::write(record, &mut item);
    item
}

/// Adds what a state has besides its name and its identity.
fn write_state(state: &State, item: &mut Item) {
    let mut put = |name: &str, value| item.insert(name.to_owned(), value);
    match state {
        State::Provisioning { lease } => {
            put(LEASE, text(&lease.id.0));
            put(LEASE_ENDS, time(lease.ends));
        }
        State::Deleting { blocked, .. } => {
            put(BLOCKED, AttributeValue::Bool(*blocked));
        }
        State::Stuck { blocked, unfinished, .. } => {
            put(BLOCKED, AttributeValue::Bool(*blocked));
            put(UNFINISHED, text(unfinished_name(*unfinished)));
        }
        State::Active { .. } | State::Blocked { .. } | State::Deleted => {}
    }
}

/// Adds the keys of the indexes by time, or when a tombstone expires.
fn write_shards(record: &Record, item: &mut Item) {
    let mut put = |name: &str, value| item.insert(name.to_owned(), value);
    let shard = shard_of(&record.external_id);
    if record.is_unfinished() {
        put(UNFINISHED_SHARD, number(shard.into()));
        put(UNFINISHED_SINCE, time(record.changed_at));
    } else if let Some(due_at) = record.due_at.filter(|_| record.state != State::Deleted) {
        put(UNFINISHED_SHARD, number((DUE_SHARDS + shard).into()));
        put(UNFINISHED_SINCE, time(due_at));
    }
    match &record.state {
        State::Deleted => {
            put(EXPIRES_AT, number(milliseconds(record.changed_at + TOMBSTONE_LIFE) / 1000))
        }
        State::Blocked { acs_id: None } => put(STALE_SHARD, number((SHARDS + shard).into())),
        _ => put(STALE_SHARD, number(shard.into())),
    };
}

/// The deleted identity of a user without one. Its ID still leads to the user, so that a repeated
/// deletion is recognised as done.
fn gone(record: &Record) -> Option<&AcsId> {
    let is_gone = matches!(record.state, State::Deleted | State::Blocked { acs_id: None });
    record.last_acs_id.as_ref().filter(|_| is_gone)
}

fn unfinished_name(unfinished: Unfinished) -> &'static str {
    match unfinished {
        Unfinished::Revocation => "revocation",
        Unfinished::Deletion => "deletion",
    }
}

/// Parses a record; `Err` names the invalid attribute.
pub(crate) fn read(item: &Item) -> Result<Record, &'static str> {
    let last_acs_id = string(item, LAST_ACS_ID).and_then(AcsId::parse);
    // An ACS ID equal to `lastAcsId` belongs to a deleted identity.
    let acs_id =
        || AcsId::parse(string(item, ACS_ID)?).filter(|id| last_acs_id.as_ref() != Some(id));
    let blocked = || is_true(item, BLOCKED);
    let state = match string(item, STATE).and_then(StateName::parse).ok_or(STATE)? {
        StateName::Provisioning => State::Provisioning {
            lease: Lease {
                id: LeaseId(string(item, LEASE).ok_or(LEASE)?.to_owned()),
                ends: instant(item, LEASE_ENDS).ok_or(LEASE_ENDS)?,
            },
        },
        StateName::Active => State::Active { acs_id: acs_id().ok_or(ACS_ID)? },
        StateName::Blocked => State::Blocked { acs_id: acs_id() },
        StateName::Deleting => {
            State::Deleting { acs_id: acs_id().ok_or(ACS_ID)?, blocked: blocked() }
        }
        StateName::Stuck => State::Stuck {
            acs_id: acs_id().ok_or(ACS_ID)?,
            blocked: blocked(),
            unfinished: match string(item, UNFINISHED) {
                Some("revocation") => Unfinished::Revocation,
                Some("deletion") => Unfinished::Deletion,
                _ => return Err(UNFINISHED),
            },
        },
        StateName::Deleted => State::Deleted,
    };
    let receipts = item.get(RECEIPTS).map_or(Some(Vec::new()), receipt::read).ok_or(RECEIPTS)?;
    let revoked_through = decisions::read_watermarks(item)?;
    // The previous version did not store `notBefore`.
    let earlier = revoked_through.iter().find(|(origin, _)| **origin == Origin::EARLIER);
    Ok(Record {
        external_id: external_id(item).ok_or(EXTERNAL_ID)?,
        decisions: decisions::read(item, &state, &receipts)?,
        not_before: instant(item, NOT_BEFORE).max(earlier.map(|(_, at)| at)),
        revoked_through,
        state,
        epoch: integer(item, EPOCH).ok_or(EPOCH)?,
        last_acs_id,
        resource: read_resource(item).ok_or(RESOURCE)?,
        created_at: instant(item, CREATED_AT).ok_or(CREATED_AT)?,
        last_issued_at: instant(item, LAST_ISSUED_AT).ok_or(LAST_ISSUED_AT)?,
        changed_at: instant(item, CHANGED_AT).ok_or(CHANGED_AT)?,
        pending_revocation: string(item, PENDING_REVOCATION)
            .map(|receipt| ReceiptId(receipt.to_owned())),
        account_deleted_at: instant(item, ACCOUNT_DELETED_AT),
        tokens_revoked: is_true(item, TOKENS_REVOKED),
        attempts: integer(item, ATTEMPTS).and_then(|n| n.try_into().ok()).unwrap_or_default(),
        pace_until: instant(item, PACE_UNTIL),
        sign_out_pace_until: instant(item, SIGN_OUT_PACE_UNTIL),
        due_at: instant(item, DUE_AT),
        receipts,
    })
}

/// The resource of an item; `None` if it is invalid.
fn read_resource(item: &Item) -> Option<ResourceName> {
    match item.get(RESOURCE) {
        None => Some(ResourceName::MAIN),
        Some(_) => ResourceName::parse(string(item, RESOURCE)?),
    }
}

/// Parses a record. The error names the invalid attribute.
pub(crate) fn read_record(item: &Item) -> Result<Record, Error> {
    read(item).map_err(|name| {
        Error::StoreRefused(format!("invalid item in the table: attribute `{name}`").into())
    })
}

/// The user of an item.
pub(crate) fn external_id(item: &Item) -> Option<ExternalId> {
    string(item, EXTERNAL_ID).and_then(ExternalId::parse)
}

/// The shard of a user's record. The result is stored and must never change.
pub(crate) fn shard_of(user: &ExternalId) -> u8 {
    u8::try_from(user.hash() % u64::from(SHARDS)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use identity_core::testing::user;

    use super::*;

    #[test]
    fn the_error_for_an_invalid_item_names_the_attribute() {
        let record = identity_core::testing::record(
            "alice",
            State::active("8:acs:1"),
            SystemTime::UNIX_EPOCH,
        );
        assert!(!write(&record).contains_key(RESOURCE), "`main` is not written");
        let mut item = write(&record);
        item.insert(RESOURCE.to_owned(), text("Not a name"));
        assert_eq!(read(&item), Err(RESOURCE));
        for name in [EXTERNAL_ID, STATE, EPOCH, CREATED_AT, CHANGED_AT, LAST_ISSUED_AT, ACS_ID] {
            let mut item = write(&record);
            item.remove(name);
            assert_eq!(read(&item), Err(name));
            item.insert(name.to_owned(), AttributeValue::Bool(true));
            assert_eq!(read(&item), Err(name));
        }
    }

    #[test]
    fn a_tombstone_expires_after_thirty_days_and_is_not_listed() {
        let day = 24 * 3600;
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(day);
        let tombstone = identity_core::testing::record("alice", State::Deleted, at);
        let tombstone = Record { last_acs_id: AcsId::parse("8:acs:1"), ..tombstone };
        let item = write(&tombstone);
        assert_eq!(read(&item), Ok(tombstone));
        assert_eq!(item.get(EXPIRES_AT), Some(&number(31 * day)));
        assert_eq!((item.get(ACS_ID), item.get(STALE_SHARD)), (Some(&text("8:acs:1")), None));
    }

    #[test]
    fn users_are_distributed_over_the_shards_and_keep_their_shard() {
        let mut counts = [0_u32; SHARDS as usize];
        for index in 0..16_000 {
            counts[usize::from(shard_of(&user(&format!("https://idp.example|{index}"))))] += 1;
        }
        assert!(counts.iter().all(|count| (800..1200).contains(count)), "{counts:?}");
        assert_eq!(shard_of(&user("alice")), 7, "shards are stored, so they must not change");
    }
}
