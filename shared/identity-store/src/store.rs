//! The adapter of the port [`IdentityStore`].

mod census;

use std::time::SystemTime;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{GlobalSecondaryIndexDescription, TableDescription};
use identity_core::Error;
use identity_core::audit::AuditEntry;
use identity_core::identity::{AcsId, ExternalId};
use identity_core::ports::{
    Change, ConfigError, Count, Env, IdentityStore, Index, ListQuery, Orphan, Page, Step, Usage,
    optional, required,
};
use identity_core::record::{Active, Record};

use crate::audit::{AuditRetention, AuditTable};
use crate::failure::failure;
use crate::index::{
    BY_ACS_ID, BY_LAST_ISSUED, BY_UNFINISHED, is_past_the_end, position, start_key,
};
use crate::item::{self, Item, number, read_record, text, time};
use crate::step::replacement;
use crate::update::RecordUpdate;

pub use census::{ResourceCensus, ResourceRecords};

/// The tables of a deployment.
#[derive(Clone, Debug)]
pub struct Tables {
    /// The name of the table of the records.
    pub identities: String,
    /// The name of the table of the audit log; `None` for a function that does not write to it.
    pub audit_log: Option<String>,
    /// How long an entry of the audit log is kept.
    pub audit_retention: AuditRetention,
}

impl Tables {
    /// Reads `TABLE_NAME`, for a function that only reads records.
    pub fn read_only(env: &impl Env) -> Result<Self, ConfigError> {
        let identities = required(env, "TABLE_NAME")?;
        Ok(Self { identities, audit_log: None, audit_retention: AuditRetention::default() })
    }

    /// Reads `TABLE_NAME`, `AUDIT_TABLE_NAME` and `AUDIT_RETENTION_DAYS`.
    pub fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        Ok(Self {
            identities: required(env, "TABLE_NAME")?,
            audit_log: optional(env, "AUDIT_TABLE_NAME")?,
            audit_retention: optional(env, "AUDIT_RETENTION_DAYS")?.unwrap_or_default(),
        })
    }
}

/// The identity store in `DynamoDB`.
#[derive(Clone, Debug)]
pub struct DynamoIdentityStore {
    pub(crate) client: Client,
    pub(crate) table: String,
    pub(crate) audit: Option<AuditTable>,
}

impl DynamoIdentityStore {
    /// Connects to the tables, with the credentials and the region of the process
    /// environment. Opens the connection, so that the first request finds it open.
    pub async fn connect(tables: Tables) -> Self {
        let Tables { identities, audit_log, audit_retention } = tables;
        let audit = audit_log.map(|name| AuditTable { name, retention: audit_retention });
        let client = Client::new(&aws_connection::config());
        let store = Self::new(client, identities).audited(audit);
        store.warm_up().await;
        store
    }

    /// Uses a table through `client`.
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table, audit: None }
    }

    /// Sets the table of the audit log. Without it, actions are performed but not recorded.
    #[must_use]
    pub fn audited(self, audit: Option<AuditTable>) -> Self {
        Self { audit, ..self }
    }

    /// Sends a read to open the connection. An error is only logged, because the first request fails
    /// with the same one.
    async fn warm_up(&self) {
        let key = text("warm-up");
        let read = self.client.get_item().table_name(&self.table).key(item::EXTERNAL_ID, key);
        if read.send().await.is_err() {
            tracing::debug!("connecting to the identity store in advance failed");
        }
    }

    /// Sends an update. An audit entry is written in the same transaction.
    async fn send(
        &self,
        update: RecordUpdate,
        audit: Option<&AuditEntry>,
        made: impl FnOnce() -> Record,
    ) -> Result<Change, Error> {
        match audit.zip(self.audit.as_ref()) {
            None => update.send(&self.client, &self.table).await,
            Some((entry, table)) => {
                update.send_with(&self.client, &self.table, table.put(entry)?, made()).await
            }
        }
    }

    /// Records a use with its audit entry. A transaction does not return the updated item, so the
    /// record is read before it. A cut-off in between refuses the update; any other change in between
    /// is missing in the returned record. Only administrators' calls need this, and they are rare.
    async fn record_audited_use(
        &self,
        user: &ExternalId,
        update: RecordUpdate,
        usage: &Usage<'_>,
    ) -> Result<Change, Error> {
        let Some(before) = self.find(user).await? else { return Ok(Change::Refused(None)) };
        let made = || Record {
            last_issued_at: usage.at,
            pace_until: usage.pace_until.or(before.pace_until),
            tokens_revoked: false,
            ..before
        };
        self.send(update, usage.audit, made).await
    }

    /// Builds the request for a page.
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
        found.item.as_ref().map(read_record).transpose()
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
        if is_past_the_end(query) {
            return Ok(Page::default());
        }
        let page = self.query(query).send().await.map_err(failure)?;
        let next = page.last_evaluated_key().map(|key| position(key, query.index)).transpose()?;
        let records = page.items().iter().map(read_record).collect::<Result<_, _>>()?;
        Ok(Page { records, next })
    }

    /// A filter cannot name the key of an index, and whether it can name the key of the table is not
    /// documented: so the names are read, which costs the same.
    async fn count(&self, query: &ListQuery) -> Result<Count, Error> {
        if is_past_the_end(query) {
            return Ok(Count { records: 0, next: None });
        }
        let page = self
            .query(query)
            .projection_expression(item::EXTERNAL_ID)
            .filter_expression("#state IN (:active, :blocked)")
            .expression_attribute_names("#state", item::STATE)
            .expression_attribute_values(":active", text("active"))
            .expression_attribute_values(":blocked", text("blocked"))
            .send()
            .await
            .map_err(failure)?;
        let next = page.last_evaluated_key().map(|key| position(key, query.index)).transpose()?;
        let names = page.items().iter().filter_map(item::external_id);
        let users = names.filter(|name| !name.is_guest()).count();
        Ok(Count { records: users.try_into().unwrap_or(u64::MAX), next })
    }

    /// `DynamoDB` counts the entries of an index about every six hours. One index has each record that
    /// is not a tombstone; the other one has the guests among them, and unfinished work.
    async fn users_at_least(&self) -> Result<u64, Error> {
        let described =
            self.client.describe_table().table_name(&self.table).send().await.map_err(failure)?;
        let indexes = described.table.as_ref().map(TableDescription::global_secondary_indexes);
        let indexes = indexes.unwrap_or_default();
        let entries = |name| {
            let index = indexes.iter().find(|index| index.index_name() == Some(name));
            index.and_then(GlobalSecondaryIndexDescription::item_count)
        };
        // Without the second number, nothing is known.
        let users = entries(BY_LAST_ISSUED).zip(entries(BY_UNFINISHED));
        Ok(users.and_then(|(all, others)| (all - others).try_into().ok()).unwrap_or_default())
    }

    async fn commit(&self, step: Step<'_>) -> Result<Change, Error> {
        let made = || {
            step.seen
                .map_or_else(|| step.next.clone(), |seen| step.next.written_over(step.seen, seen))
        };
        Ok(match self.send(replacement(step), step.audit, made).await? {
            Change::Refused(found) => step.refused(found),
            made @ Change::Made(_) => made,
        })
    }

    async fn record_use(
        &self,
        user: &ExternalId,
        seen: &Active,
        usage: &Usage<'_>,
    ) -> Result<Change, Error> {
        let mut set = Item::from([(item::LAST_ISSUED_AT.to_owned(), time(usage.at))]);
        if let Some(until) = usage.pace_until {
            set.insert(item::PACE_UNTIL.to_owned(), time(until));
        }
        let condition = "#state = :active AND #epoch = :epoch AND #acsId = :acsId".to_owned();
        let mut update = RecordUpdate::new(user, set, &[item::TOKENS_REVOKED], condition);
        for name in [item::STATE, item::EPOCH, item::ACS_ID] {
            update.name(name);
        }
        update.value("active", text("active"));
        update.value("epoch", number(seen.epoch));
        update.value("acsId", text(seen.acs_id.as_str()));
        // If the update is sent twice, the second one has no further effect.
        match usage.audit.filter(|_| self.audit.is_some()) {
            None => update.send(&self.client, &self.table).await,
            Some(_) => self.record_audited_use(user, update, usage).await,
        }
    }

    async fn first_missed_at(&self, id: &AcsId, now: SystemTime) -> Result<SystemTime, Error> {
        self.note_missed(id, now).await
    }

    async fn note_orphan(&self, orphan: &Orphan) -> Result<(), Error> {
        self.write_orphan(orphan).await
    }
}
