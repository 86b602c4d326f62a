//! Where the reading of a directory's changes continues: an item of the table of the records, whose
//! key ` directory <name>` begins with a space, as no external ID does.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use identity_core::Error;
use identity_core::ports::DirectoryCursors;

use crate::failure::failure;
use crate::item::{self, string, text};
use crate::store::DynamoIdentityStore;

impl DirectoryCursors for DynamoIdentityStore {
    async fn find_cursor(&self, name: &str) -> Result<Option<String>, Error> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key(item::EXTERNAL_ID, text(&key(name)))
            .consistent_read(true)
            .send()
            .await
            .map_err(failure)?;
        Ok(found.item.as_ref().and_then(|item| string(item, CURSOR)).map(str::to_owned))
    }

    async fn save_cursor(&self, name: &str, seen: Option<&str>, next: &str) -> Result<bool, Error> {
        let mut request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key(item::EXTERNAL_ID, text(&key(name)))
            .update_expression("SET #cursor = :next")
            .expression_attribute_names("#cursor", CURSOR)
            .expression_attribute_values(":next", text(next));
        request = match seen {
            None => request.condition_expression("attribute_not_exists(#cursor)"),
            // A write that is sent twice is not refused the second time.
            Some(seen) => request
                .condition_expression("#cursor IN (:seen, :next)")
                .expression_attribute_values(":seen", text(seen)),
        };
        match request.send().await {
            Ok(_) => Ok(true),
            Err(SdkError::ServiceError(error))
                if matches!(error.err(), UpdateItemError::ConditionalCheckFailedException(_)) =>
            {
                Ok(false)
            }
            Err(error) => Err(failure(error)),
        }
    }
}

fn key(name: &str) -> String {
    format!(" directory {name}")
}

const CURSOR: &str = "cursor";
