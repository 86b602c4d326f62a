//! The identity store in `DynamoDB`: one item per user, one conditional request per
//! change.

mod failure;
mod item;

use std::time::SystemTime;

use aws_sdk_dynamodb::{
    Client,
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use identity_core::{
    Error,
    identity::{AcsId, ExternalId},
    ports::{Change, IdentityStore, ListQuery, Page, Position},
    record::{Active, Record},
};

use crate::{
    failure::failure,
    item::{Item, number, text, time},
};

/// The adapter.
#[derive(Clone, Debug)]
pub struct DynamoIdentityStore {
    client: Client,
    table: String,
}

impl DynamoIdentityStore {
    /// Connects to one table, with the credentials and the region of the process
    /// environment. Opens the connection, so that the first request finds it open.
    pub async fn connect(table: String) -> Self {
        let store = Self::new(Client::new(&aws_connection::config().await), table);
        store.warm_up().await;
        store
    }

    /// Uses a table through `client`.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// A read that opens the connection; whatever comes of it, the first request
    /// will say it better.
    async fn warm_up(&self) {
        let key = text("warm-up");
        let read = self.client.get_item().table_name(&self.table).key(item::EXTERNAL_ID, key);
        if read.send().await.is_err() {
            tracing::debug!("the identity store did not answer during init");
        }
    }

    fn update(&self, user: &ExternalId) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .key(item::EXTERNAL_ID, text(user.as_str()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
    }
}

impl IdentityStore for DynamoIdentityStore {
    async fn find(&self, user: &ExternalId) -> Result<Option<Record>, Error> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key(item::EXTERNAL_ID, text(user.as_str()))
            .consistent_read(true)
            .send()
            .await
            .map_err(failure)?;
        found.item.as_ref().map(record).transpose()
    }

    async fn find_by_acs_id(&self, id: &AcsId) -> Result<Option<ExternalId>, Error> {
        let found = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(BY_ACS_ID)
            .key_condition_expression("acsId = :acsId")
            .expression_attribute_values(":acsId", text(id.as_str()))
            .limit(1)
            .send()
            .await
            .map_err(failure)?;
        Ok(found.items().first().and_then(item::external_id))
    }

    async fn list(&self, query: &ListQuery) -> Result<Page, Error> {
        let mut request = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(BY_LAST_ISSUED)
            .expression_attribute_values(":shard", number(u64::from(query.shard)))
            .set_exclusive_start_key(
                query.after.as_ref().map(|after| start_key(query.shard, after)),
            )
            .limit(i32::from(query.limit));
        request = match query.unused_since {
            Some(before) => request
                .key_condition_expression("staleShard = :shard AND lastIssuedAt < :before")
                .expression_attribute_values(":before", time(before)),
            None => request.key_condition_expression("staleShard = :shard"),
        };
        if let Some(state) = query.state {
            request = request
                .filter_expression("#state = :state")
                .expression_attribute_names("#state", item::STATE)
                .expression_attribute_values(":state", text(state.as_str()));
        }
        let page = request.send().await.map_err(failure)?;
        let next = page.last_evaluated_key().map(position).transpose()?;
        let records = page.items().iter().map(record).collect::<Result<_, _>>()?;
        Ok(Page { records, next })
    }

    async fn advance(&self, seen: Option<&Record>, next: &Record) -> Result<Change, Error> {
        let mut item = item::write(next);
        item.remove(item::EXTERNAL_ID);
        if seen.is_some_and(|seen| seen.last_issued_at == next.last_issued_at) {
            item.remove(item::LAST_ISSUED_AT);
        }
        let mut request = self.update(&next.external_id);
        let (mut set, mut remove) = (Vec::new(), Vec::new());
        for name in item::OPTIONAL.into_iter().filter(|name| !item.contains_key(*name)) {
            request = request.expression_attribute_names(format!("#{name}"), name);
            remove.push(format!("#{name}"));
        }
        for (name, value) in item {
            set.push(format!("#{name} = :{name}"));
            request = request
                .expression_attribute_values(format!(":{name}"), value)
                .expression_attribute_names(format!("#{name}"), name);
        }
        let update = format!("SET {} REMOVE {}", set.join(", "), remove.join(", "));
        request = request.update_expression(update);
        request = match seen {
            None => request.condition_expression("attribute_not_exists(externalId)"),
            Some(seen) => request
                .condition_expression("#state = :seenState AND #epoch = :seenEpoch")
                .expression_attribute_values(":seenState", text(seen.state.name().as_str()))
                .expression_attribute_values(":seenEpoch", number(seen.epoch)),
        };
        Ok(match send(request).await? {
            Change::Refused(found) => Change::refused(found, seen, next),
            made @ Change::Made(_) => made,
        })
    }

    async fn record_use(
        &self,
        user: &ExternalId,
        seen: &Active,
        now: SystemTime,
    ) -> Result<Change, Error> {
        // Sent twice, it is applied twice, to the same end.
        let request = self
            .update(user)
            .update_expression("SET lastIssuedAt = :now")
            .condition_expression("#state = :active AND epoch = :epoch AND acsId = :acsId")
            .expression_attribute_names("#state", item::STATE)
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":active", text("active"))
            .expression_attribute_values(":epoch", number(seen.epoch))
            .expression_attribute_values(":acsId", text(seen.acs_id.as_str()));
        send(request).await
    }
}

/// Sends a conditional update. A refusal brings the item that refused it.
async fn send(request: UpdateItemFluentBuilder) -> Result<Change, Error> {
    match request.send().await {
        Ok(updated) => {
            let item = updated.attributes().ok_or(Error::Internal("an update without its item"))?;
            Ok(Change::Made(record(item)?))
        }
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(refusal)) => {
                Ok(Change::Refused(refusal.item().map(record).transpose()?))
            }
            _ => Err(failure(error)),
        },
    }
}

fn record(item: &Item) -> Result<Record, Error> {
    item::read(item).map_err(|name| {
        Error::StoreRefused(format!("an item of the table makes no sense in `{name}`").into())
    })
}

fn start_key(shard: u8, after: &Position) -> Item {
    Item::from([
        (item::EXTERNAL_ID.to_owned(), text(after.external_id.as_str())),
        (item::STALE_SHARD.to_owned(), number(u64::from(shard))),
        (item::LAST_ISSUED_AT.to_owned(), time(after.last_issued_at)),
    ])
}

fn position(key: &Item) -> Result<Position, Error> {
    let external_id = item::external_id(key);
    let last_issued_at = item::instant(key, item::LAST_ISSUED_AT);
    external_id
        .zip(last_issued_at)
        .map(|(external_id, last_issued_at)| Position { last_issued_at, external_id })
        .ok_or(Error::Internal("a page that ends nowhere"))
}

/// The attribute after whose time `DynamoDB` removes a tombstone. Housekeeping, never
/// logic: it can be days late.
pub const TTL_ATTRIBUTE: &str = item::EXPIRES_AT;

/// The index from an ACS id to its user.
const BY_ACS_ID: &str = "by-acs-id";

/// The index from a shard to its records, longest unused first.
const BY_LAST_ISSUED: &str = "by-last-issued";
