//! One conditional update of one record's item, alone or in a transaction with an entry of the
//! audit log.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
    Update,
};
use identity_core::Error;
use identity_core::identity::ExternalId;
use identity_core::ports::Change;
use identity_core::record::Record;

use crate::failure::failure;
use crate::item::{self, Item, read_record, text};

/// An update in terms of `DynamoDB` expressions.
pub(crate) struct RecordUpdate {
    user: String,
    update: String,
    condition: String,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl RecordUpdate {
    /// An update of the user's item: applies `set` and `remove` if `condition` holds. In
    /// expressions, each attribute name has the prefix `#`, because many names are reserved
    /// words.
    pub(crate) fn new(user: &ExternalId, set: Item, remove: &[&str], condition: String) -> Self {
        let mut update = Self {
            user: user.as_str().to_owned(),
            update: String::new(),
            condition,
            names: HashMap::new(),
            values: HashMap::new(),
        };
        let mut clauses = Vec::new();
        let set: Vec<String> = set
            .into_iter()
            .map(|(name, value)| {
                update.name(&name);
                update.value(&name, value);
                format!("#{name} = :{name}")
            })
            .collect();
        if !set.is_empty() {
            clauses.push(format!("SET {}", set.join(", ")));
        }
        if !remove.is_empty() {
            for name in remove {
                update.name(name);
            }
            clauses.push(format!("REMOVE #{}", remove.join(", #")));
        }
        update.update = clauses.join(" ");
        update
    }

    /// Makes this attribute name available to the condition.
    pub(crate) fn name(&mut self, name: &str) {
        self.names.insert(format!("#{name}"), name.to_owned());
    }

    /// Makes this value available to the condition.
    pub(crate) fn value(&mut self, name: &str, value: AttributeValue) {
        self.values.insert(format!(":{name}"), value);
    }

    /// Sends the update. A refusal contains the stored item.
    pub(crate) async fn send(self, client: &Client, table: &str) -> Result<Change, Error> {
        let sent = client
            .update_item()
            .table_name(table)
            .key(item::EXTERNAL_ID, text(&self.user))
            .update_expression(self.update)
            .condition_expression(self.condition)
            .set_expression_attribute_names(Some(self.names))
            .set_expression_attribute_values(Some(self.values))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match sent {
            Ok(updated) => {
                let item = updated
                    .attributes()
                    .ok_or(Error::Internal("missing item in the response to an update"))?;
                Ok(Change::Made(read_record(item)?))
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refusal)) => {
                    Ok(Change::Refused(refusal.item().map(read_record).transpose()?))
                }
                _ => Err(failure(error)),
            },
        }
    }

    /// Sends the update together with a new item of another table: both are written, or neither.
    /// A transaction does not return the updated item, so `made` is returned instead.
    pub(crate) async fn send_with(
        self,
        client: &Client,
        table: &str,
        put: Put,
        made: Record,
    ) -> Result<Change, Error> {
        let update = Update::builder()
            .table_name(table)
            .key(item::EXTERNAL_ID, text(&self.user))
            .update_expression(self.update)
            .condition_expression(self.condition)
            .set_expression_attribute_names(Some(self.names))
            .set_expression_attribute_values(Some(self.values))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|_| Error::Internal("incomplete update request"))?;
        let sent = client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().update(update).build())
            .transact_items(TransactWriteItem::builder().put(put).build())
            .send()
            .await;
        let Err(error) = sent else { return Ok(Change::Made(made)) };
        match cancelled_by(&error) {
            Some(FailedCondition::Record(None)) => Ok(Change::Refused(None)),
            Some(FailedCondition::Record(Some(item))) => {
                Ok(Change::Refused(Some(read_record(item)?)))
            }
            // An earlier attempt of this request wrote the entry together with this change.
            Some(FailedCondition::Entry) => Ok(Change::Made(made)),
            None => Err(failure(error)),
        }
    }
}

/// The condition that cancelled a transaction.
#[derive(Debug, PartialEq)]
enum FailedCondition<'a> {
    /// The condition of the update: the item does not match, or does not exist.
    Record(Option<&'a Item>),
    /// The condition of the audit entry: it already exists.
    Entry,
}

/// The condition that cancelled the transaction, if it was a condition. Other causes are a
/// concurrent request for the same item, or throttling.
fn cancelled_by(error: &SdkError<TransactWriteItemsError>) -> Option<FailedCondition<'_>> {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
        error.as_service_error()
    else {
        return None;
    };
    let [update, put] = cancelled.cancellation_reasons() else { return None };
    match (update.code(), put.code()) {
        (Some(REFUSED), _) => {
            Some(FailedCondition::Record(update.item().filter(|item| !item.is_empty())))
        }
        // Only if the update has no error, because otherwise it was never applied.
        (None | Some("None"), Some(REFUSED)) => Some(FailedCondition::Entry),
        _ => None,
    }
}

const REFUSED: &str = "ConditionalCheckFailed";

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use aws_sdk_dynamodb::config::http::HttpResponse;
    use aws_sdk_dynamodb::types::CancellationReason;
    use aws_sdk_dynamodb::types::error::TransactionCanceledException;
    use identity_core::record::State;
    use identity_core::testing;

    use super::*;

    /// A cancelled transaction, with the reasons of its update and of its put.
    fn cancelled(update: &str, item: Option<Item>, put: &str) -> SdkError<TransactWriteItemsError> {
        let update = CancellationReason::builder().code(update).set_item(item).build();
        let put = CancellationReason::builder().code(put).build();
        let cancelled = TransactionCanceledException::builder()
            .cancellation_reasons(update)
            .cancellation_reasons(put)
            .build();
        let response = HttpResponse::new(400.try_into().unwrap(), "".into());
        let error = TransactWriteItemsError::TransactionCanceledException(cancelled);
        SdkError::service_error(error, response)
    }

    /// Neither the change nor its entry was written, and the caller may retry.
    #[test]
    fn a_conflict_with_another_transaction_is_unavailable_and_not_a_refusal() {
        for (update, put) in [
            ("TransactionConflict", "None"),
            ("None", "TransactionConflict"),
            ("ThrottlingError", "None"),
            ("None", "ProvisionedThroughputExceeded"),
            ("TransactionConflict", "ConditionalCheckFailed"),
        ] {
            let error = cancelled(update, None, put);
            assert_eq!(cancelled_by(&error), None, "{update}, {put}");
            assert!(matches!(failure(error), Error::StoreUnavailable(_)), "{update}, {put}");
        }
    }

    #[test]
    fn an_existing_audit_entry_means_that_the_change_was_made() {
        let error = cancelled("None", None, "ConditionalCheckFailed");
        assert_eq!(cancelled_by(&error), Some(FailedCondition::Entry));
    }

    #[test]
    fn a_failed_condition_of_the_update_is_a_refusal_with_the_stored_item() {
        let record = testing::record("alice", State::active("8:acs:1"), SystemTime::UNIX_EPOCH);
        let found = item::write(&record);
        let (none, some) = (None, Some(found));
        for (item, expected) in [(&none, None), (&Some(Item::new()), None), (&some, some.as_ref())]
        {
            for put in ["None", "ConditionalCheckFailed"] {
                let error = cancelled("ConditionalCheckFailed", item.clone(), put);
                assert_eq!(cancelled_by(&error), Some(FailedCondition::Record(expected)), "{put}");
            }
        }
    }
}
