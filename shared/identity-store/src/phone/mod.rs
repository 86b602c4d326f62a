//! The inventory of Teams Phone.
//!
//! Its items are in the table of the records. Their keys begin with a space; an external ID cannot
//! begin with a space.
//!
//! | item | key | attributes |
//! |---|---|---|
//! | an entry | ` phone <tenant>/<object>` | `phone` (JSON), `phoneVersion` N; until it is removed `staleShard` 32 and `lastIssuedAt` (when it was made); while it is unfinished `unfinishedShard` 17 and `unfinishedSince`; once it is removed `expiresAt` |
//! | the principals of a user | ` phone-user <external id>` | `principals` SS of `<tenant>/<object>` |

mod json;

use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use identity_core::Error;
use identity_core::audit::AuditEntry;
use identity_core::identity::ExternalId;
use identity_core::phone::{PhoneEntry, PhonePrincipal, PhoneState};
use identity_core::ports::{PhoneInventory, PhonePage, PhonePosition};

use crate::failure::failure;
use crate::index::BY_LAST_ISSUED;
use crate::item::{self, Item, instant, milliseconds, number, string, text, time};
use crate::store::DynamoIdentityStore;

impl PhoneInventory for DynamoIdentityStore {
    async fn find_entry(&self, principal: &PhonePrincipal) -> Result<Option<PhoneEntry>, Error> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key(item::EXTERNAL_ID, text(&entry_key(principal)))
            .consistent_read(true)
            .send()
            .await
            .map_err(failure)?;
        found.item.as_ref().map(read_entry).transpose()
    }

    async fn write_entry(
        &self,
        seen: Option<&PhoneEntry>,
        next: &PhoneEntry,
        audit: Option<&AuditEntry>,
    ) -> Result<bool, Error> {
        let update = self.update(seen, next)?;
        let entry = audit.zip(self.audit.as_ref());
        let put = entry.map(|(entry, table)| table.put(entry)).transpose()?;
        let mut request = self
            .client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().update(update).build());
        if let Some(put) = put {
            request = request.transact_items(TransactWriteItem::builder().put(put).build());
        }
        let Err(error) = request.send().await else { return Ok(true) };
        if !is_refused(&error) {
            return Err(failure(error));
        }
        // The client sends a request again if its answer was lost, and the first attempt then
        // refuses the second one.
        Ok(self.find_entry(&next.principal()).await?.as_ref() == Some(next))
    }

    async fn list_entries(
        &self,
        after: Option<&PhonePosition>,
        limit: u16,
    ) -> Result<PhonePage, Error> {
        let start = after.map(|after| {
            Item::from([
                (item::EXTERNAL_ID.to_owned(), text(&entry_key(&after.principal))),
                (item::STALE_SHARD.to_owned(), number(LIST_SHARD)),
                (item::LAST_ISSUED_AT.to_owned(), time(after.created_at)),
            ])
        });
        let page = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(BY_LAST_ISSUED)
            .key_condition_expression("staleShard = :shard")
            .expression_attribute_values(":shard", number(LIST_SHARD))
            .set_exclusive_start_key(start)
            .limit(i32::from(limit))
            .send()
            .await
            .map_err(failure)?;
        let next = page.last_evaluated_key().map(|key| {
            let created_at = instant(key, item::LAST_ISSUED_AT);
            let position = principal_of(key).zip(created_at);
            position.map(|(principal, created_at)| PhonePosition { created_at, principal })
        });
        let next = next.map(|next| next.ok_or(Error::Internal("invalid last key of a page")));
        // The index has only the keys of entries.
        let mut entries = Vec::new();
        for principal in page.items().iter().filter_map(principal_of) {
            let found = self.find_entry(&principal).await?;
            entries.extend(found.filter(|entry| entry.state != PhoneState::Removed));
        }
        Ok(PhonePage { entries, next: next.transpose()? })
    }

    async fn unfinished_principals(&self) -> Result<Vec<PhonePrincipal>, Error> {
        let found = self.unfinished_items(UNFINISHED_SHARD, true).await?;
        Ok(found.iter().filter_map(principal_of).collect())
    }

    async fn link_principal(
        &self,
        user: &ExternalId,
        principal: &PhonePrincipal,
    ) -> Result<(), Error> {
        self.client
            .update_item()
            .table_name(&self.table)
            .key(item::EXTERNAL_ID, text(&user_key(user)))
            .update_expression("ADD #principals :principals")
            .expression_attribute_names("#principals", PRINCIPALS)
            .expression_attribute_values(
                ":principals",
                AttributeValue::Ss(vec![principal.to_string()]),
            )
            .send()
            .await
            .map_err(failure)?;
        Ok(())
    }

    async fn linked_principals(&self, user: &ExternalId) -> Result<Vec<PhonePrincipal>, Error> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key(item::EXTERNAL_ID, text(&user_key(user)))
            .consistent_read(true)
            .send()
            .await
            .map_err(failure)?;
        let linked = found.item.as_ref().and_then(|item| item.get(PRINCIPALS)?.as_ss().ok());
        let invalid = || Error::StoreRefused("invalid principal of a user".into());
        let linked = linked.into_iter().flatten();
        linked.map(|raw| PhonePrincipal::parse(raw).ok_or_else(invalid)).collect()
    }
}

impl DynamoIdentityStore {
    /// The update from `seen` to `next`.
    fn update(&self, seen: Option<&PhoneEntry>, next: &PhoneEntry) -> Result<Update, Error> {
        let (set, remove) = changes(next);
        let condition = match seen {
            None => "attribute_not_exists(#version)",
            Some(_) => "#version = :seen",
        };
        let mut update = Update::builder()
            .table_name(&self.table)
            .key(item::EXTERNAL_ID, text(&entry_key(&next.principal())))
            .update_expression(format!("{set} {remove}"))
            .condition_expression(condition)
            .expression_attribute_names("#phone", PHONE)
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_names("#shard", item::STALE_SHARD)
            .expression_attribute_names("#at", item::LAST_ISSUED_AT)
            .expression_attribute_names("#unfinished", item::UNFINISHED_SHARD)
            .expression_attribute_names("#since", item::UNFINISHED_SINCE)
            .expression_attribute_names("#end", item::EXPIRES_AT)
            .expression_attribute_values(":phone", text(&json::write(next)))
            .expression_attribute_values(":version", number(next.version));
        if let Some(seen) = seen {
            update = update.expression_attribute_values(":seen", number(seen.version));
        }
        if next.state.is_unfinished() {
            update = update
                .expression_attribute_values(":unfinished", number(UNFINISHED_SHARD))
                .expression_attribute_values(":since", time(next.changed_at));
        }
        update = if next.state == PhoneState::Removed {
            let end = milliseconds(next.changed_at + REMOVED_LIFE) / 1000;
            update.expression_attribute_values(":end", number(end))
        } else {
            update
                .expression_attribute_values(":shard", number(LIST_SHARD))
                .expression_attribute_values(":at", time(next.created_at))
        };
        update.build().map_err(|_| Error::Internal("incomplete update request"))
    }
}

/// The clauses that make the item that of `next`.
fn changes(next: &PhoneEntry) -> (String, String) {
    let mut set = vec!["#phone = :phone", "#version = :version"];
    let mut remove = Vec::new();
    let unfinished = (["#unfinished = :unfinished", "#since = :since"], ["#unfinished", "#since"]);
    let listed = (["#shard = :shard", "#at = :at"], ["#shard", "#at"]);
    let is_removed = next.state == PhoneState::Removed;
    for ((setting, removing), is_set) in
        [(unfinished, next.state.is_unfinished()), (listed, !is_removed)]
    {
        if is_set {
            set.extend(setting);
        } else {
            remove.extend(removing);
        }
    }
    if is_removed {
        set.push("#end = :end");
    } else {
        remove.push("#end");
    }
    (format!("SET {}", set.join(", ")), format!("REMOVE {}", remove.join(", ")))
}

/// Whether the condition on the version cancelled the transaction.
fn is_refused(error: &SdkError<TransactWriteItemsError>) -> bool {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
        error.as_service_error()
    else {
        return false;
    };
    let mut reasons = cancelled.cancellation_reasons().iter();
    reasons.any(|reason| reason.code() == Some("ConditionalCheckFailed"))
}

fn read_entry(item: &Item) -> Result<PhoneEntry, Error> {
    let version = item.get(VERSION).and_then(|value| value.as_n().ok()?.parse().ok());
    let entry = string(item, PHONE).zip(version);
    entry
        .and_then(|(json, version)| json::read(json, version))
        .ok_or_else(|| Error::StoreRefused("invalid entry of the inventory of Teams Phone".into()))
}

fn entry_key(principal: &PhonePrincipal) -> String {
    format!("{ENTRY} {principal}")
}

fn user_key(user: &ExternalId) -> String {
    format!("{ENTRY}-user {}", user.as_str())
}

fn principal_of(key: &Item) -> Option<PhonePrincipal> {
    let key = string(key, item::EXTERNAL_ID)?.strip_prefix(ENTRY)?;
    PhonePrincipal::parse(key.strip_prefix(' ')?)
}

const ENTRY: &str = " phone";
const PHONE: &str = "phone";
const VERSION: &str = "phoneVersion";
const PRINCIPALS: &str = "principals";

/// The shards of identities are 0 to 31.
const LIST_SHARD: u64 = 32;

/// The shards of unfinished identities are 0 to 15, and that of orphans is 16.
const UNFINISHED_SHARD: u64 = 17;

/// How long a removed entry is kept. If the assignment was ended, no first exchange brings it back in
/// this time.
const REMOVED_LIFE: Duration = Duration::from_hours(400 * 24);
