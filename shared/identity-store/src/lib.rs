//! The identity store in `DynamoDB`: one item per user, one conditional request per
//! change.

mod failure;
mod item;
mod ledger;
mod receipt;
#[cfg(feature = "testing")]
pub mod testing;

use std::time::SystemTime;

use aws_sdk_dynamodb::{
    Client,
    operation::{
        query::builders::QueryFluentBuilder,
        update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    },
    types::{
        GlobalSecondaryIndexDescription, ReturnValue, ReturnValuesOnConditionCheckFailure, Select,
        TableDescription,
    },
};
use identity_core::{
    Error,
    identity::{AcsId, ExternalId},
    ports::{Change, Count, IdentityStore, Index, ListQuery, Orphan, Page, Position},
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
        let store = Self::new(Client::new(&aws_connection::config()), table);
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

    /// The update that makes the record `next`, without its condition.
    fn replace(&self, seen: Option<&Record>, next: &Record) -> UpdateItemFluentBuilder {
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
        let Some(seen) = seen else { return request };
        let request = request
            .expression_attribute_values(":seenState", text(seen.state.name().as_str()))
            .expression_attribute_values(":seenEpoch", number(seen.epoch));
        match seen.decided_at {
            Some(at) => request.expression_attribute_values(":seenDecidedAt", time(at)),
            None => request,
        }
    }

    async fn make(
        &self,
        request: UpdateItemFluentBuilder,
        seen: Option<&Record>,
        next: &Record,
    ) -> Result<Change, Error> {
        Ok(match send(request).await? {
            Change::Refused(found) => Change::refused(found, seen, next),
            made @ Change::Made(_) => made,
        })
    }

    fn query(&self, query: &ListQuery) -> QueryFluentBuilder {
        let (index, shard, filter) = match (query.index, query.unused_since) {
            (Index::LastIssued, None) => (BY_LAST_ISSUED, "staleShard = :shard", None),
            (Index::LastIssued, Some(_)) => {
                (BY_LAST_ISSUED, "staleShard = :shard AND lastIssuedAt < :before", None)
            }
            (Index::Unfinished, None) => (BY_UNFINISHED, "unfinishedShard = :shard", None),
            (Index::Unfinished, Some(_)) => {
                (BY_UNFINISHED, "unfinishedShard = :shard", Some("lastIssuedAt < :before"))
            }
        };
        let start = query.after.as_ref().map(|after| start_key(query, after));
        let state = query.state.map(|_| "#state = :state");
        let filter: Vec<&str> = filter.into_iter().chain(state).collect();
        let filter = (!filter.is_empty()).then(|| filter.join(" AND "));
        let mut request = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(index)
            .key_condition_expression(shard)
            .set_filter_expression(filter)
            .expression_attribute_values(":shard", number(u64::from(query.shard)))
            .set_exclusive_start_key(start)
            .limit(i32::from(query.limit));
        if let Some(before) = query.unused_since {
            request = request.expression_attribute_values(":before", time(before));
        }
        if let Some(state) = query.state {
            request = request
                .expression_attribute_names("#state", item::STATE)
                .expression_attribute_values(":state", text(state.as_str()));
        }
        request
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
        let page = self.query(query).send().await.map_err(failure)?;
        let next = page.last_evaluated_key().map(|key| position(key, query.index)).transpose()?;
        let records = page.items().iter().map(record).collect::<Result<_, _>>()?;
        Ok(Page { records, next })
    }

    async fn count(&self, query: &ListQuery) -> Result<Count, Error> {
        let page = self
            .query(query)
            .select(Select::Count)
            .filter_expression("#state IN (:active, :blocked)")
            .expression_attribute_names("#state", item::STATE)
            .expression_attribute_values(":active", text("active"))
            .expression_attribute_values(":blocked", text("blocked"))
            .send()
            .await
            .map_err(failure)?;
        let next = page.last_evaluated_key().map(|key| position(key, query.index)).transpose()?;
        Ok(Count { records: page.count().try_into().unwrap_or_default(), next })
    }

    /// `DynamoDB` counts the entries of an index itself, about every six hours, and the
    /// index by ACS id has one for each identity.
    async fn total(&self) -> Result<u64, Error> {
        let described =
            self.client.describe_table().table_name(&self.table).send().await.map_err(failure)?;
        let indexes = described.table.as_ref().map(TableDescription::global_secondary_indexes);
        let mut indexes = indexes.unwrap_or_default().iter();
        let by_acs_id = indexes.find(|index| index.index_name() == Some(BY_ACS_ID));
        let entries = by_acs_id.and_then(GlobalSecondaryIndexDescription::item_count);
        Ok(entries.and_then(|count| count.try_into().ok()).unwrap_or_default())
    }

    async fn advance(&self, seen: Option<&Record>, next: &Record) -> Result<Change, Error> {
        let request = match seen {
            None => {
                self.replace(None, next).condition_expression("attribute_not_exists(externalId)")
            }
            Some(seen) => self.replace(Some(seen), next).condition_expression(as_seen(seen)),
        };
        self.make(request, seen, next).await
    }

    async fn advance_unless_used(&self, seen: &Record, next: &Record) -> Result<Change, Error> {
        let request = self
            .replace(Some(seen), next)
            .condition_expression(format!("{} AND lastIssuedAt = :seenLastIssuedAt", as_seen(seen)))
            .expression_attribute_values(":seenLastIssuedAt", time(seen.last_issued_at));
        self.make(request, Some(seen), next).await
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

    async fn note_orphan(&self, orphan: &Orphan) -> Result<(), Error> {
        self.write_orphan(orphan).await
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

fn start_key(query: &ListQuery, after: &Position) -> Item {
    let (shard, at) = keys(query.index);
    Item::from([
        (item::EXTERNAL_ID.to_owned(), text(after.external_id.as_str())),
        (shard.to_owned(), number(u64::from(query.shard))),
        (at.to_owned(), time(after.at)),
    ])
}

fn position(key: &Item, index: Index) -> Result<Position, Error> {
    let external_id = item::external_id(key);
    let at = item::instant(key, keys(index).1);
    external_id
        .zip(at)
        .map(|(external_id, at)| Position { at, external_id })
        .ok_or(Error::Internal("a page that ends nowhere"))
}

fn keys(index: Index) -> (&'static str, &'static str) {
    match index {
        Index::LastIssued => (item::STALE_SHARD, item::LAST_ISSUED_AT),
        Index::Unfinished => (item::UNFINISHED_SHARD, item::UNFINISHED_SINCE),
    }
}

/// The record is still in the state and the epoch that were seen, and no newer decision
/// about its user has been noted.
fn as_seen(seen: &Record) -> String {
    let decided = match seen.decided_at {
        Some(_) => "#decidedAt = :seenDecidedAt",
        None => "attribute_not_exists(#decidedAt)",
    };
    format!("#state = :seenState AND #epoch = :seenEpoch AND {decided}")
}

/// The attribute after whose time `DynamoDB` removes a tombstone. Housekeeping, never
/// logic: it can be days late.
pub const TTL_ATTRIBUTE: &str = item::EXPIRES_AT;

/// The index from an ACS id to its user.
const BY_ACS_ID: &str = "by-acs-id";

/// The index from a shard to its records, longest unused first.
const BY_LAST_ISSUED: &str = "by-last-issued";

/// The index from a shard to its unfinished records, longest unchanged first.
const BY_UNFINISHED: &str = "by-unfinished";
