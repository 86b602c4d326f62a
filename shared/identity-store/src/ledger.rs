//! Other data of the scheduled job: its runs, and possibly orphaned identities.
//!
//! They are items of the same table. Their keys begin with a space; an external ID cannot begin
//! with a space.
//!
//! | item | key | attributes |
//! |---|---|---|
//! | a run | ` run <id>` | `run` (JSON), `expiresAt` |
//! | the newest run | ` run` | `run` (JSON) |
//! | an ACS ID that was not in the index | ` missed <ACS id>` | `missedAt`, `expiresAt` |
//! | an orphan | ` orphan <ACS id>` | `orphan` (ACS id; after a space the resource, if it is not `main`), `user`, `unfinishedShard` 16, `unfinishedSince` |

use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use identity_core::Error;
use identity_core::delete_stale_identities::CleanupRun;
use identity_core::identity::{AcsId, ExternalId};
use identity_core::ports::{Orphan, OrphanStore, RunLog, SHARDS};
use identity_core::resource::ResourceName;

use crate::failure::failure;
use crate::index::BY_UNFINISHED;
use crate::item::{self, Item, instant, milliseconds, number, string, text, time};
use crate::store::DynamoIdentityStore;

impl DynamoIdentityStore {
    /// Reads some of the unfinished items of a shard that has few.
    pub(crate) async fn unfinished_items(
        &self,
        shard: u64,
        is_oldest_first: bool,
    ) -> Result<Vec<Item>, Error> {
        let found = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(BY_UNFINISHED)
            .key_condition_expression("unfinishedShard = :shard")
            .expression_attribute_values(":shard", number(shard))
            .scan_index_forward(is_oldest_first)
            .limit(UNFINISHED_AT_A_TIME)
            .send()
            .await
            .map_err(failure)?;
        Ok(found.items.unwrap_or_default())
    }

    /// Stores an orphan. A second call with the same orphan changes nothing.
    pub(crate) async fn write_orphan(&self, orphan: &Orphan) -> Result<(), Error> {
        let update = "SET #orphan = :orphan, #user = :user, #shard = :shard, #since = :since";
        self.client
            .update_item()
            .table_name(&self.table)
            .key(item::EXTERNAL_ID, text(&orphan_key(&orphan.acs_id)))
            .update_expression(update)
            .expression_attribute_names("#orphan", ORPHAN)
            .expression_attribute_names("#user", USER)
            .expression_attribute_names("#shard", item::UNFINISHED_SHARD)
            .expression_attribute_names("#since", item::UNFINISHED_SINCE)
            .expression_attribute_values(":orphan", text(&orphan_value(orphan)))
            .expression_attribute_values(":user", text(orphan.user.as_str()))
            .expression_attribute_values(":shard", number(SHARDS.into()))
            .expression_attribute_values(":since", time(orphan.noted_at))
            .send()
            .await
            .map_err(failure)?;
        Ok(())
    }

    /// Stores the time of the first request for an ACS ID that was not in the index, and returns
    /// it.
    pub(crate) async fn note_missed(
        &self,
        acs_id: &AcsId,
        now: SystemTime,
    ) -> Result<SystemTime, Error> {
        let noted = self
            .client
            .update_item()
            .table_name(&self.table)
            .key(item::EXTERNAL_ID, text(&format!(" missed {acs_id}")))
            .update_expression(
                "SET #at = if_not_exists(#at, :at), #end = if_not_exists(#end, :end)",
            )
            .expression_attribute_names("#at", MISSED_AT)
            .expression_attribute_names("#end", item::EXPIRES_AT)
            .expression_attribute_values(":at", time(now))
            .expression_attribute_values(":end", number(milliseconds(now + MISS_LIFE) / 1000))
            .return_values(ReturnValue::AllNew)
            .send()
            .await
            .map_err(failure)?;
        let first = noted.attributes().and_then(|item| instant(item, MISSED_AT));
        first.ok_or(Error::Internal("missing item in the response to an update"))
    }

    async fn read_run(&self, key: &str) -> Result<Option<CleanupRun>, Error> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .key(item::EXTERNAL_ID, text(key))
            .consistent_read(true)
            .send()
            .await
            .map_err(failure)?;
        let Some(item) = found.item else { return Ok(None) };
        let run = string(&item, RUN).and_then(|json| serde_json::from_str(json).ok());
        run.map(Some).ok_or_else(|| Error::StoreRefused("invalid record of a cleanup run".into()))
    }

    async fn write_run(
        &self,
        key: &str,
        run: &str,
        expires_at: Option<AttributeValue>,
    ) -> Result<(), Error> {
        let mut request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key(item::EXTERNAL_ID, text(key))
            .expression_attribute_names("#run", RUN)
            .expression_attribute_values(":run", text(run));
        request = match expires_at {
            Some(at) => request
                .update_expression("SET #run = :run, #expiresAt = :expiresAt")
                .expression_attribute_names("#expiresAt", item::EXPIRES_AT)
                .expression_attribute_values(":expiresAt", at),
            None => request.update_expression("SET #run = :run"),
        };
        request.send().await.map_err(failure)?;
        Ok(())
    }
}

impl OrphanStore for DynamoIdentityStore {
    async fn orphans(&self) -> Result<Vec<Orphan>, Error> {
        // An orphan that is given up stays in the list, and must not keep newer ones from a run.
        let found = self.unfinished_items(SHARDS.into(), false).await?;
        let invalid = || Error::StoreRefused("invalid record of an orphan".into());
        found.iter().map(|item| orphan(item).ok_or_else(invalid)).collect()
    }

    async fn forget_orphan(&self, acs_id: &AcsId) -> Result<(), Error> {
        self.client
            .delete_item()
            .table_name(&self.table)
            .key(item::EXTERNAL_ID, text(&orphan_key(acs_id)))
            .send()
            .await
            .map_err(failure)?;
        Ok(())
    }
}

impl RunLog for DynamoIdentityStore {
    async fn latest_run(&self) -> Result<Option<CleanupRun>, Error> {
        self.read_run(LATEST_RUN).await
    }

    async fn find_run(&self, id: &str) -> Result<Option<CleanupRun>, Error> {
        self.read_run(&run_key(id)).await
    }

    async fn save_run(&self, run: &CleanupRun) -> Result<(), Error> {
        let json = serde_json::to_string(run)
            .map_err(|_| Error::Internal("failed to serialize a cleanup run"))?;
        let expires_at = number((run.started_at.0 + RUN_LIFE_MILLIS) / 1000);
        self.write_run(&run_key(&run.id), &json, Some(expires_at)).await?;
        self.write_run(LATEST_RUN, &json, None).await
    }
}

/// Parses an orphan; `None` if the item is not one.
pub(crate) fn orphan(item: &Item) -> Option<Orphan> {
    let value = string(item, ORPHAN)?;
    let (acs_id, resource) = value.split_once(' ').unwrap_or((value, "main"));
    Some(Orphan {
        acs_id: AcsId::parse(acs_id)?,
        user: ExternalId::parse(string(item, USER)?)?,
        resource: ResourceName::parse(resource)?,
        noted_at: instant(item, item::UNFINISHED_SINCE)?,
    })
}

/// The attribute `orphan`. The index has no attribute for the resource.
fn orphan_value(orphan: &Orphan) -> String {
    let Orphan { acs_id, resource, .. } = orphan;
    if resource.is_main() { acs_id.to_string() } else { format!("{acs_id} {resource}") }
}

fn orphan_key(acs_id: &AcsId) -> String {
    format!(" orphan {acs_id}")
}

fn run_key(id: &str) -> String {
    format!("{LATEST_RUN} {id}")
}

const LATEST_RUN: &str = " run";
const RUN: &str = "run";
const ORPHAN: &str = "orphan";
const USER: &str = "user";
const MISSED_AT: &str = "missedAt";

/// How long the first request for a missing ACS ID is kept: much longer than the delay of an
/// index.
const MISS_LIFE: Duration = Duration::from_hours(1);

/// The maximum number of unfinished items per run, of those that are few. The next run continues
/// with the rest.
const UNFINISHED_AT_A_TIME: i32 = 100;

/// How long the record of a run is kept: ninety days.
const RUN_LIFE_MILLIS: u64 = 90 * 24 * 3600 * 1000;
