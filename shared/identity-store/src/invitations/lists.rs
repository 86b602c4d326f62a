//! Lists invitations, and guests by when they are due. Both are in the index of unfinished records,
//! in shards of their own.

use std::time::SystemTime;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use identity_core::Error;
use identity_core::ports::{
    DueGuestPage, DueGuestQuery, Index, InvitationPage, InvitationPosition, InvitationQuery,
    TimeBound,
};

use super::item::{CREATED_BY, id, key, shard_of_list};
use crate::failure::failure;
use crate::index::{BY_UNFINISHED, position};
use crate::item::{
    self, DUE_SHARDS, EXTERNAL_ID, Item, UNFINISHED_SHARD, UNFINISHED_SINCE, instant, milliseconds,
    number, text, time,
};
use crate::store::DynamoIdentityStore;

impl DynamoIdentityStore {
    /// Reads one page of invitations.
    pub(crate) async fn page_of_invitations(
        &self,
        query: &InvitationQuery,
    ) -> Result<InvitationPage, Error> {
        let shard = shard_of_list(query.shard, query.index);
        let after = query.after.as_ref();
        // `DynamoDB` refuses a start key that does not fit the condition of the query.
        let after = match (query.times, after) {
            (Some(TimeBound::Before(end)), Some(after)) if is_before(after.at, end) => Some(after),
            (Some(TimeBound::Before(_)), Some(_)) => return Ok(InvitationPage::default()),
            (Some(TimeBound::After(start)), after) => {
                after.filter(|after| is_before(start, after.at))
            }
            (_, after) => after,
        };
        let start = after.map(|after| start_key(&key(&after.id), shard, after));
        let request = self.client.query().table_name(&self.table).index_name(BY_UNFINISHED);
        let mut request = within(request, shard, query.times)
            .set_exclusive_start_key(start)
            .limit(i32::from(query.limit));
        if let Some(by) = &query.created_by {
            request = request
                .filter_expression("#by = :by")
                .expression_attribute_names("#by", CREATED_BY)
                .expression_attribute_values(":by", text(by.as_str()));
        }
        let page = request.send().await.map_err(failure)?;
        let position = |item: &Item| {
            let (id, at) = (id(item), instant(item, UNFINISHED_SINCE));
            id.zip(at).map(|(id, at)| InvitationPosition { at, id }).ok_or_else(|| {
                Error::StoreRefused("invalid invitation in the list of invitations".into())
            })
        };
        let found = page.items().iter().map(position).collect::<Result<_, _>>()?;
        let next = page.last_evaluated_key().map(position).transpose()?;
        Ok(InvitationPage { found, next })
    }

    /// Reads one page of guests.
    pub(crate) async fn page_of_due_guests(
        &self,
        query: &DueGuestQuery,
    ) -> Result<DueGuestPage, Error> {
        let shard = DUE_SHARDS + query.shard;
        let start = query.after.as_ref().map(|after| {
            Item::from([
                (EXTERNAL_ID.to_owned(), text(after.external_id.as_str())),
                (UNFINISHED_SHARD.to_owned(), number(shard.into())),
                (UNFINISHED_SINCE.to_owned(), time(after.at)),
            ])
        });
        let request = self.client.query().table_name(&self.table).index_name(BY_UNFINISHED);
        let page = within(request, shard, Some(TimeBound::Before(query.before)))
            .set_exclusive_start_key(start)
            .limit(i32::from(query.limit))
            .send()
            .await
            .map_err(failure)?;
        let guest = |guest: &Item| {
            let guest = item::external_id(guest);
            guest.ok_or_else(|| Error::StoreRefused("invalid guest in the list of guests".into()))
        };
        let guests = page.items().iter().map(guest).collect::<Result<_, _>>()?;
        let next = page.last_evaluated_key().map(|key| position(key, Index::Unfinished));
        Ok(DueGuestPage { guests, next: next.transpose()? })
    }
}

/// Compares times as they are stored.
fn is_before(one: SystemTime, other: SystemTime) -> bool {
    milliseconds(one) < milliseconds(other)
}

/// Selects a shard, and the times on one side of a bound.
fn within(request: QueryFluentBuilder, shard: u8, times: Option<TimeBound>) -> QueryFluentBuilder {
    let (condition, bound) = match times {
        None => ("unfinishedShard = :shard", None),
        Some(TimeBound::Before(end)) => {
            ("unfinishedShard = :shard AND unfinishedSince < :bound", Some(end))
        }
        Some(TimeBound::After(start)) => {
            ("unfinishedShard = :shard AND unfinishedSince > :bound", Some(start))
        }
    };
    let request = request
        .key_condition_expression(condition)
        .expression_attribute_values(":shard", number(shard.into()));
    match bound {
        Some(bound) => request.expression_attribute_values(":bound", time(bound)),
        None => request,
    }
}

fn start_key(key: &str, shard: u8, after: &InvitationPosition) -> Item {
    Item::from([
        (EXTERNAL_ID.to_owned(), text(key)),
        (UNFINISHED_SHARD.to_owned(), number(shard.into())),
        (UNFINISHED_SINCE.to_owned(), time(after.at)),
    ])
}
