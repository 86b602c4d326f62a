//! The items of the table. The partition key is the name of the transmitter (`transmitter`), and the
//! sort key (`item`) says what the item is:
//!
//! | sort key | item | attributes |
//! |---|---|---|
//! | `user <id>` | a user | `userName`, `externalId`?, `displayName`?, `active`, `createdAt`, `modifiedAt` (ms since 1970), `version` |
//! | `name <userName in lower case>` | who has a name | `id` |
//! | `external <externalId>` + line feed + `<id>` | who has an ID of the provider | `id` |
//! | `blocked <subject>` | a subject that was stored as inactive | – |
//!
//! A user is found with consistent reads, because all of their items are in one transaction. No key
//! contains a line feed, except as the separator.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::types::AttributeValue;
use identity_core::Error;
use scim_users::ScimUser;

pub(crate) type ScimItem = HashMap<String, AttributeValue>;

pub(crate) const TRANSMITTER: &str = "transmitter";
pub(crate) const ITEM: &str = "item";
pub(crate) const VERSION: &str = "version";
pub(crate) const ID: &str = "id";

/// The begin of the sort keys of users.
pub(crate) const USERS: &str = "user ";

pub(crate) fn user_key(id: &str) -> String {
    format!("{USERS}{id}")
}

pub(crate) fn name_key(user_name: &str) -> String {
    format!("name {}", ScimUser::name_key(user_name))
}

/// The begin of the sort keys of all users with this ID of the provider.
pub(crate) fn external_keys(external_id: &str) -> String {
    format!("external {external_id}\n")
}

pub(crate) fn external_key(external_id: &str, id: &str) -> String {
    external_keys(external_id) + id
}

pub(crate) fn blocked_key(subject: &str) -> String {
    format!("blocked {subject}")
}

pub(crate) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

pub(crate) fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// The keys of an item.
pub(crate) fn keys(transmitter: &str, item: &str) -> ScimItem {
    let pairs = [(TRANSMITTER, text(transmitter)), (ITEM, text(item))];
    pairs.map(|(name, value)| (name.to_owned(), value)).into()
}

/// The item of a user.
pub(crate) fn user_item(transmitter: &str, user: &ScimUser) -> ScimItem {
    let mut item = keys(transmitter, &user_key(&user.id));
    let texts = [
        ("userName", Some(&user.user_name)),
        ("externalId", user.external_id.as_ref()),
        ("displayName", user.display_name.as_ref()),
    ];
    for (name, value) in texts {
        item.extend(value.map(|value| (name.to_owned(), text(value))));
    }
    item.insert("active".to_owned(), AttributeValue::Bool(user.active));
    item.insert("createdAt".to_owned(), time(user.created_at));
    item.insert("modifiedAt".to_owned(), time(user.modified_at));
    item.insert(VERSION.to_owned(), number(user.version));
    item
}

/// The user of an item.
pub(crate) fn read_user(item: &ScimItem) -> Result<ScimUser, Error> {
    let read = || {
        Some(ScimUser {
            id: string(item, ITEM)?.strip_prefix(USERS)?.to_owned(),
            user_name: string(item, "userName")?.to_owned(),
            external_id: string(item, "externalId").map(ToOwned::to_owned),
            display_name: string(item, "displayName").map(ToOwned::to_owned),
            active: *item.get("active")?.as_bool().ok()?,
            created_at: instant(item, "createdAt")?,
            modified_at: instant(item, "modifiedAt")?,
            version: integer(item, VERSION)?,
        })
    };
    read().ok_or(Error::Internal("invalid item of a SCIM user"))
}

pub(crate) fn string<'a>(item: &'a ScimItem, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

fn integer(item: &ScimItem, name: &str) -> Option<u64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

fn instant(item: &ScimItem, name: &str) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(integer(item, name)?))
}

fn time(value: SystemTime) -> AttributeValue {
    let since = value.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    number(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_without_a_required_attribute_is_an_error() {
        let user = ScimUser {
            id: "i-1".to_owned(),
            user_name: "carol".to_owned(),
            external_id: None,
            display_name: None,
            active: false,
            created_at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_800_000_000_250),
            modified_at: SystemTime::UNIX_EPOCH,
            version: 1,
        };
        let item = user_item("entra-scim", &user);
        assert_eq!(read_user(&item).unwrap(), user);
        for name in ["item", "userName", "active", "createdAt", "modifiedAt", "version"] {
            let mut damaged = item.clone();
            damaged.remove(name);
            assert!(matches!(read_user(&damaged), Err(Error::Internal(_))), "{name}");
        }
    }
}
