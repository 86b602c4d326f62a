//! A change of a user with all items by which the user is found: all are written, or none.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason, Delete, Put, TransactWriteItem};
use identity_core::Error;
use scim_users::ScimUser;
use scim_users::ports::{UserWrite, WriteOutcome};

use crate::item::{
    ID, ITEM, ScimItem, VERSION, blocked_key, external_key, keys, name_key, number, text,
    user_item, user_key,
};

/// The parts of a transaction. The first one is the item of the user; the second one is the name, if
/// the user gets one.
pub(crate) struct UserTransaction<'a> {
    table: &'a str,
    transmitter: &'a str,
    parts: Vec<TransactWriteItem>,
}

impl<'a> UserTransaction<'a> {
    /// Writes a user.
    pub(crate) fn write(
        table: &'a str,
        transmitter: &'a str,
        change: &UserWrite<'_>,
    ) -> Result<Self, Error> {
        let UserWrite { before, after, subject } = *change;
        let mut transaction = Self { table, transmitter, parts: Vec::new() };
        transaction.put_user(before, after)?;
        let name = name_key(&after.user_name);
        let old_name = before.map(|user| name_key(&user.user_name)).filter(|old| *old != name);
        if before.is_none() || old_name.is_some() {
            transaction.put_name(&name, &after.id)?;
        }
        if let Some(old_name) = old_name {
            transaction.delete(&old_name)?;
        }
        let external = |user: &ScimUser| {
            user.external_id.as_ref().map(|external_id| external_key(external_id, &user.id))
        };
        let (old, new) = (before.and_then(external), external(after));
        if old != new {
            if let Some(old) = old {
                transaction.delete(&old)?;
            }
            if let Some(new) = new {
                transaction.put(&new, [(ID.to_owned(), text(&after.id))])?;
            }
        }
        match subject.map(blocked_key) {
            Some(blocked) if after.active => transaction.delete(&blocked)?,
            Some(blocked) => transaction.put(&blocked, [])?,
            None => {}
        }
        Ok(transaction)
    }

    /// Deletes a user.
    pub(crate) fn delete_user(
        table: &'a str,
        transmitter: &'a str,
        user: &ScimUser,
    ) -> Result<Self, Error> {
        let mut transaction = Self { table, transmitter, parts: Vec::new() };
        let delete = transaction
            .deletion(&user_key(&user.id))
            .condition_expression(SAME_VERSION)
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_values(":seen", number(user.version));
        let delete = delete.build().map_err(invalid)?;
        transaction.parts.push(TransactWriteItem::builder().delete(delete).build());
        transaction.delete(&name_key(&user.user_name))?;
        if let Some(external_id) = &user.external_id {
            transaction.delete(&external_key(external_id, &user.id))?;
        }
        Ok(transaction)
    }

    fn put_user(&mut self, before: Option<&ScimUser>, after: &ScimUser) -> Result<(), Error> {
        let put = Put::builder()
            .table_name(self.table)
            .set_item(Some(user_item(self.transmitter, after)));
        let put = match before {
            None => put.condition_expression(NO_ITEM).expression_attribute_names("#item", ITEM),
            Some(seen) => put
                .condition_expression(SAME_VERSION)
                .expression_attribute_names("#version", VERSION)
                .expression_attribute_values(":seen", number(seen.version)),
        };
        self.push(put.build().map_err(invalid)?);
        Ok(())
    }

    fn put_name(&mut self, name: &str, id: &str) -> Result<(), Error> {
        let mut item = keys(self.transmitter, name);
        item.insert(ID.to_owned(), text(id));
        let put = Put::builder()
            .table_name(self.table)
            .set_item(Some(item))
            .condition_expression(NO_ITEM)
            .expression_attribute_names("#item", ITEM);
        self.push(put.build().map_err(invalid)?);
        Ok(())
    }

    fn put(
        &mut self,
        key: &str,
        attributes: impl IntoIterator<Item = (String, AttributeValue)>,
    ) -> Result<(), Error> {
        let mut item: ScimItem = keys(self.transmitter, key);
        item.extend(attributes);
        let put = Put::builder().table_name(self.table).set_item(Some(item));
        self.push(put.build().map_err(invalid)?);
        Ok(())
    }

    fn push(&mut self, put: Put) {
        self.parts.push(TransactWriteItem::builder().put(put).build());
    }

    fn delete(&mut self, key: &str) -> Result<(), Error> {
        let delete = self.deletion(key).build().map_err(invalid)?;
        self.parts.push(TransactWriteItem::builder().delete(delete).build());
        Ok(())
    }

    fn deletion(&self, key: &str) -> aws_sdk_dynamodb::types::builders::DeleteBuilder {
        Delete::builder().table_name(self.table).set_key(Some(keys(self.transmitter, key)))
    }

    /// Sends the transaction. The SDK gives it a token, so that a repetition after a lost response
    /// is not refused because of the first attempt.
    pub(crate) async fn send(self, client: &Client) -> Result<WriteOutcome, Error> {
        let sent = client.transact_write_items().set_transact_items(Some(self.parts)).send().await;
        match sent {
            Ok(_) => Ok(WriteOutcome::Done),
            Err(error) => outcome_of(error),
        }
    }
}

/// Why the transaction was refused.
fn outcome_of(error: SdkError<TransactWriteItemsError>) -> Result<WriteOutcome, Error> {
    let Some(TransactWriteItemsError::TransactionCanceledException(refusal)) =
        error.as_service_error()
    else {
        return Err(failure(error));
    };
    let codes: Vec<_> =
        refusal.cancellation_reasons().iter().map(CancellationReason::code).collect();
    match codes.as_slice() {
        [Some("ConditionalCheckFailed"), ..] => Ok(WriteOutcome::Changed),
        [_, Some("ConditionalCheckFailed"), ..] => Ok(WriteOutcome::NameTaken),
        // Another transaction on the same items is not finished.
        codes if codes.contains(&Some("TransactionConflict")) => Ok(WriteOutcome::Changed),
        _ => Err(failure(error)),
    }
}

/// Maps a failed request to an error of the core.
pub(crate) fn failure<E>(error: SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    if code.is_some_and(|code| OURS.contains(&code)) {
        Error::StoreRefused(error.into())
    } else {
        Error::StoreUnavailable(error.into())
    }
}

fn invalid(_: aws_sdk_dynamodb::error::BuildError) -> Error {
    Error::Internal("incomplete part of a transaction")
}

const NO_ITEM: &str = "attribute_not_exists(#item)";
const SAME_VERSION: &str = "#version = :seen";

/// Errors for which a retry does not help: the table is missing, the function lacks permissions
/// for it, or the request is invalid.
const OURS: [&str; 6] = [
    "AccessDeniedException",
    "IncompleteSignatureException",
    "MissingAuthenticationTokenException",
    "ResourceNotFoundException",
    "UnrecognizedClientException",
    "ValidationException",
];
