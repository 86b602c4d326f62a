//! Converts an invitation to and from an item.
//!
//! The key is ` invitation <id>`; an external ID cannot begin with a space. The table has nothing
//! from which the handle, the PIN or the meeting could be found.
//!
//! | attribute | type | when |
//! |---|---|---|
//! | `invitation` | S, `open`, `locked`, `revoking` or `revoked` | always |
//! | `most` | N | always; the number of devices to admit |
//! | `devices` | M of device to N, ms | always; when each was admitted |
//! | `opensAt`, `closesAt`, `deleteAt`, `createdAt` | N, ms | always |
//! | `scopes` | L of S | always |
//! | `lifetimeMinutes` | N | always; the longest lifetime of a token |
//! | `pinTag`, `pinLeft` | B, 16 bytes; N | a new device must send a PIN |
//! | `sealed` | B | always; the meeting and the guest's name |
//! | `reference` | S | the creator gave one |
//! | `user` | S | always; who created it. The index `by-unfinished` has this attribute, so that the invitations of one caller are listed without reading those of others |
//! | `receipt`, `revokedBy`, `revokingSince` | S; S; N, ms | revoking or revoked |
//! | `reason` | S | the revocation has a reason |
//! | `revokedAt` | N, ms | revoked |
//! | `unfinishedShard`, `unfinishedSince` | N, 48 to 63; N, ms: `closesAt` | always, unless revoking |
//! | the same | N, 64 to 79; N, ms: `revokingSince` | revoking |
//! | `expiresAt` | N, s | always; 30 days after `deleteAt` |

use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use identity_core::Error;
use identity_core::guest::{
    DeviceId, Invitation, InvitationId, InvitationRevocation, InvitationState, PinCheck, PinTag,
};
use identity_core::identity::{ExternalId, Lifetime, Scopes};
use identity_core::ports::{InvitationIndex, SHARDS};
use identity_core::record::{Reason, ReceiptId};
use identity_core::secret::Secret;

use crate::item::{
    EXPIRES_AT, EXTERNAL_ID, Item, UNFINISHED_SHARD, UNFINISHED_SINCE, instant, integer,
    milliseconds, number, string, text, time,
};

pub(super) const INVITATION: &str = "invitation";
pub(super) const MOST: &str = "most";
pub(super) const DEVICES: &str = "devices";
pub(super) const CLOSES_AT: &str = "closesAt";
pub(super) const DELETE_AT: &str = "deleteAt";
pub(super) const PIN_LEFT: &str = "pinLeft";
pub(super) const CREATED_BY: &str = "user";
pub(super) const RECEIPT: &str = "receipt";
pub(super) const REVOKED_BY: &str = "revokedBy";
pub(super) const REVOKING_SINCE: &str = "revokingSince";
pub(super) const REASON: &str = "reason";
pub(super) const REVOKED_AT: &str = "revokedAt";
const OPENS_AT: &str = "opensAt";
const CREATED_AT: &str = "createdAt";
const SCOPES: &str = "scopes";
const LIFETIME_MINUTES: &str = "lifetimeMinutes";
const PIN_TAG: &str = "pinTag";
const SEALED: &str = "sealed";
const REFERENCE: &str = "reference";

const KEY: &str = " invitation ";

/// How long an invitation is kept after its guests were deleted.
const KEPT_FOR: Duration = Duration::from_hours(30 * 24);

/// The key of an invitation.
pub(super) fn key(id: &InvitationId) -> String {
    format!("{KEY}{id}")
}

/// The invitation of an item.
pub(super) fn id(item: &Item) -> Option<InvitationId> {
    string(item, EXTERNAL_ID)?.strip_prefix(KEY).and_then(InvitationId::parse)
}

/// The shard of an invitation in a list, as it is stored. An ID is a hash, so that its sum is evenly
/// distributed. The result must never change.
pub(super) fn shard(id: &InvitationId, index: InvitationIndex) -> u8 {
    shard_of_list(id.as_str().bytes().fold(0, u8::wrapping_add) % SHARDS, index)
}

/// The stored number of a shard of a list. The shards below are those of records, orphans and
/// guests.
pub(super) fn shard_of_list(shard: u8, index: InvitationIndex) -> u8 {
    match index {
        InvitationIndex::ClosesAt => 3 * SHARDS + shard,
        InvitationIndex::Revoking => 4 * SHARDS + shard,
    }
}

/// When the item expires, in seconds.
pub(super) fn expires_at(delete_at: SystemTime) -> AttributeValue {
    number(milliseconds(delete_at + KEPT_FOR) / 1000)
}

/// Converts an invitation to an item, without its key.
pub(super) fn write(invitation: &Invitation) -> Item {
    let scopes = invitation.scopes.as_slice().iter().map(|scope| text(scope.as_str()));
    let devices = invitation.devices.iter();
    let devices = devices.map(|(device, at)| (device.as_str().to_owned(), time(*at)));
    let mut item = Item::from([
        (INVITATION.to_owned(), text(invitation.state.as_str())),
        (MOST.to_owned(), number(invitation.most.into())),
        (DEVICES.to_owned(), AttributeValue::M(devices.collect())),
        (OPENS_AT.to_owned(), time(invitation.opens_at)),
        (CLOSES_AT.to_owned(), time(invitation.closes_at)),
        (DELETE_AT.to_owned(), time(invitation.delete_at)),
        (CREATED_AT.to_owned(), time(invitation.created_at)),
        (CREATED_BY.to_owned(), text(invitation.created_by.as_str())),
        (SCOPES.to_owned(), AttributeValue::L(scopes.collect())),
        (LIFETIME_MINUTES.to_owned(), number(invitation.max_lifetime.minutes().into())),
        (SEALED.to_owned(), AttributeValue::B(Blob::new(invitation.sealed.clone()))),
        (EXPIRES_AT.to_owned(), expires_at(invitation.delete_at)),
    ]);
    let mut put = |name: &str, value| item.insert(name.to_owned(), value);
    if let Some(PinCheck { tag: PinTag(tag), left }) = invitation.pin {
        put(PIN_TAG, AttributeValue::B(Blob::new(tag)));
        put(PIN_LEFT, number(left.into()));
    }
    if let Some(reference) = &invitation.reference {
        put(REFERENCE, text(reference.expose()));
    }
    if let Some(revocation) = &invitation.revocation {
        put(RECEIPT, text(&revocation.receipt.0));
        put(REVOKED_BY, text(revocation.by.as_str()));
        put(REVOKING_SINCE, time(revocation.accepted_at));
        if let Some(reason) = &revocation.reason {
            put(REASON, text(reason.as_str()));
        }
        if let Some(at) = revocation.revoked_at {
            put(REVOKED_AT, time(at));
        }
    }
    let revoking = invitation.revocation.as_ref();
    let (index, since) = match revoking {
        Some(revocation) if invitation.state == InvitationState::Revoking => {
            (InvitationIndex::Revoking, revocation.accepted_at)
        }
        _ => (InvitationIndex::ClosesAt, invitation.closes_at),
    };
    put(UNFINISHED_SHARD, number(shard(&invitation.id, index).into()));
    put(UNFINISHED_SINCE, time(since));
    item
}

/// Parses an invitation. The error names the invalid attribute.
pub(super) fn read_invitation(item: &Item) -> Result<Invitation, Error> {
    read(item).map_err(|name| {
        Error::StoreRefused(format!("invalid invitation in the table: attribute `{name}`").into())
    })
}

fn read(item: &Item) -> Result<Invitation, &'static str> {
    let at = |name: &'static str| instant(item, name).ok_or(name);
    let user = |name: &'static str| string(item, name).and_then(ExternalId::parse).ok_or(name);
    let state = string(item, INVITATION).and_then(InvitationState::parse).ok_or(INVITATION)?;
    let revocation = match string(item, RECEIPT) {
        None => None,
        Some(receipt) => Some(InvitationRevocation {
            receipt: ReceiptId(receipt.to_owned()),
            by: user(REVOKED_BY)?,
            reason: string(item, REASON).and_then(Reason::parse),
            accepted_at: at(REVOKING_SINCE)?,
            revoked_at: instant(item, REVOKED_AT),
        }),
    };
    Ok(Invitation {
        id: id(item).ok_or(EXTERNAL_ID)?,
        state,
        most: small(item, MOST)?,
        devices: item
            .get(DEVICES)
            .and_then(|value| value.as_m().ok())
            .and_then(read_devices)
            .ok_or(DEVICES)?,
        opens_at: at(OPENS_AT)?,
        closes_at: at(CLOSES_AT)?,
        delete_at: at(DELETE_AT)?,
        scopes: read_scopes(item).ok_or(SCOPES)?,
        max_lifetime: integer(item, LIFETIME_MINUTES)
            .and_then(Lifetime::from_minutes)
            .ok_or(LIFETIME_MINUTES)?,
        pin: read_pin(item)?,
        sealed: item
            .get(SEALED)
            .and_then(|value| value.as_b().ok())
            .map(|sealed| sealed.as_ref().to_vec())
            .ok_or(SEALED)?,
        reference: string(item, REFERENCE).map(Secret::new),
        created_by: user(CREATED_BY)?,
        created_at: at(CREATED_AT)?,
        revocation,
    })
}

fn read_devices(devices: &Item) -> Option<std::collections::BTreeMap<DeviceId, SystemTime>> {
    devices.keys().map(|id| Some((DeviceId::parse(id)?, instant(devices, id)?))).collect()
}

fn read_scopes(item: &Item) -> Option<Scopes> {
    let scopes: Option<Vec<&str>> = item
        .get(SCOPES)?
        .as_l()
        .ok()?
        .iter()
        .map(|scope| scope.as_s().ok().map(String::as_str))
        .collect();
    Scopes::parse(scopes?)
}

fn read_pin(item: &Item) -> Result<Option<PinCheck>, &'static str> {
    let Some(tag) = item.get(PIN_TAG) else { return Ok(None) };
    let tag = tag.as_b().ok().and_then(|tag| tag.as_ref().try_into().ok()).ok_or(PIN_TAG)?;
    Ok(Some(PinCheck { tag: PinTag(tag), left: small(item, PIN_LEFT)? }))
}

fn small(item: &Item, name: &'static str) -> Result<u8, &'static str> {
    integer(item, name).and_then(|number| number.try_into().ok()).ok_or(name)
}

#[cfg(test)]
mod tests {
    use identity_core::testing::invitations::{invitation, revoked, with_pin};

    use super::*;

    #[test]
    fn the_error_for_an_invalid_item_names_the_attribute() {
        let mut invitation = invitation("handle");
        with_pin(&mut invitation);
        revoked(&mut invitation);
        let mut item = write(&invitation);
        item.insert(EXTERNAL_ID.to_owned(), text(&key(&invitation.id)));
        assert_eq!(read(&item), Ok(invitation));
        for name in [
            EXTERNAL_ID,
            INVITATION,
            MOST,
            DEVICES,
            OPENS_AT,
            CLOSES_AT,
            DELETE_AT,
            CREATED_AT,
            CREATED_BY,
            SCOPES,
            LIFETIME_MINUTES,
            SEALED,
            PIN_LEFT,
            PIN_TAG,
            REVOKED_BY,
            REVOKING_SINCE,
        ] {
            let mut wrong = item.clone();
            wrong.insert(name.to_owned(), AttributeValue::Bool(true));
            assert_eq!(read(&wrong), Err(name));
        }
    }

    #[test]
    fn an_invitation_keeps_its_shards_apart_from_those_of_the_scheduled_job() {
        let shards = |index| (0..SHARDS).map(move |shard| shard_of_list(shard, index));
        let all: Vec<u8> =
            shards(InvitationIndex::ClosesAt).chain(shards(InvitationIndex::Revoking)).collect();
        assert_eq!(all, (48..80).collect::<Vec<u8>>());
        let id = invitation("handle").id;
        let stored = shard(&id, InvitationIndex::ClosesAt);
        assert_eq!(stored, 57, "shards are stored, so they must not change");
    }

    #[test]
    fn the_largest_invitation_is_small() {
        let mut invitation = invitation("handle");
        let device = |number: u32| DeviceId::parse(&format!("{number:022}")).unwrap();
        invitation.devices = (0..100).map(|number| (device(number), invitation.opens_at)).collect();
        let item = write(&invitation);
        assert!(format!("{item:?}").len() < 8_192, "{}", format!("{item:?}").len());
    }
}
