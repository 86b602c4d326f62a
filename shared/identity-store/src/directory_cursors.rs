//! Where the reading of a directory's changes continues: an item of the table of the records, whose
//! key ` directory <name>` begins with a space, as no external ID does. The item ` directories` says
//! when each tenant was last followed.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use identity_core::Error;
use identity_core::ports::{DirectoryCursors, DirectoryWatch, DirectoryWatches};

use crate::failure::failure;
use crate::item::{self, Item, instant, string, text, time};
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
        // A write that is sent twice is not refused the second time.
        request = match seen {
            None => {
                request.condition_expression("attribute_not_exists(#cursor) OR #cursor = :next")
            }
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

impl DirectoryWatches for DynamoIdentityStore {
    async fn find_watches(&self) -> Result<Vec<DirectoryWatch>, Error> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key(item::EXTERNAL_ID, text(DIRECTORIES))
            .consistent_read(true)
            .send()
            .await
            .map_err(failure)?;
        let watches = found.item.as_ref().and_then(|item| item.get(WATCHES)?.as_l().ok());
        Ok(watches.into_iter().flatten().filter_map(|one| read_watch(one.as_m().ok()?)).collect())
    }

    async fn save_watches(&self, watches: &[DirectoryWatch]) -> Result<(), Error> {
        let watches = watches.iter().map(|watch| AttributeValue::M(write_watch(watch))).collect();
        self.client
            .update_item()
            .table_name(&self.table)
            .key(item::EXTERNAL_ID, text(DIRECTORIES))
            .update_expression("SET #watches = :watches")
            .expression_attribute_names("#watches", WATCHES)
            .expression_attribute_values(":watches", AttributeValue::L(watches))
            .send()
            .await
            .map_err(failure)?;
        Ok(())
    }
}

fn write_watch(watch: &DirectoryWatch) -> Item {
    let mut item = Item::from([
        (TRANSMITTER.to_owned(), text(&watch.transmitter)),
        (TENANT.to_owned(), text(&watch.tenant)),
    ]);
    for (name, value) in
        [(FOLLOWED_AT, watch.followed_at), (SUBSCRIPTION_ENDS_AT, watch.subscription_ends_at)]
    {
        item.extend(value.map(|value| (name.to_owned(), time(value))));
    }
    item
}

fn read_watch(item: &Item) -> Option<DirectoryWatch> {
    Some(DirectoryWatch {
        transmitter: string(item, TRANSMITTER)?.to_owned(),
        tenant: string(item, TENANT)?.to_owned(),
        followed_at: instant(item, FOLLOWED_AT),
        subscription_ends_at: instant(item, SUBSCRIPTION_ENDS_AT),
    })
}

fn key(name: &str) -> String {
    format!(" directory {name}")
}

const CURSOR: &str = "cursor";

/// The key of the item that says when each tenant was last followed.
const DIRECTORIES: &str = " directories";
const WATCHES: &str = "watches";
const TRANSMITTER: &str = "transmitter";
const TENANT: &str = "tenant";
const FOLLOWED_AT: &str = "followedAt";
const SUBSCRIPTION_ENDS_AT: &str = "subscriptionEndsAt";
