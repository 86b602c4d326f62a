//! Counts the records by ACS resource. No index has the resource, so this reads the whole table.

use std::collections::BTreeMap;

use identity_core::Error;
use identity_core::identity::AcsId;
use identity_core::record::State;
use identity_core::resource::ResourceName;

use super::DynamoIdentityStore;
use crate::failure::failure;
use crate::item::{self, Item, read_record};
use crate::ledger;

/// The records of the table by ACS resource.
#[derive(Clone, Debug, Default)]
pub struct ResourceCensus {
    /// What was found for each resource that a record or an orphan names.
    pub resources: BTreeMap<ResourceName, ResourceRecords>,
    /// Whether the whole table was read.
    pub is_complete: bool,
}

/// What the table has for one resource.
#[derive(Clone, Debug, Default)]
pub struct ResourceRecords {
    /// The number of records with an identity, or with a reservation for one. Tombstones do not
    /// count, nor do blocked users without an identity: neither needs the resource.
    pub identities: u64,
    /// The number of possibly orphaned identities that the scheduled job has still to delete.
    pub orphans: u64,
    /// One of the active identities.
    pub sample: Option<AcsId>,
}

impl DynamoIdentityStore {
    /// Counts the records by resource. Reads at most `max_pages` pages of 1 MB; `None` for the
    /// whole table.
    ///
    /// # Errors
    /// The table cannot be read, or a record is invalid.
    pub async fn count_by_resource(&self, max_pages: Option<u32>) -> Result<ResourceCensus, Error> {
        let mut census = ResourceCensus::default();
        let (mut start, mut pages) = (None, 0);
        loop {
            let scan = self.client.scan().table_name(&self.table).set_exclusive_start_key(start);
            let page = scan.send().await.map_err(failure)?;
            page.items().iter().try_for_each(|item| census.add(item))?;
            pages += 1;
            start = page.last_evaluated_key;
            census.is_complete = start.is_none();
            if census.is_complete || max_pages.is_some_and(|most| pages >= most) {
                return Ok(census);
            }
        }
    }
}

impl ResourceCensus {
    /// Adds an item of the table, if it is a record or an orphan.
    fn add(&mut self, item: &Item) -> Result<(), Error> {
        if let Some(orphan) = ledger::orphan(item) {
            self.resources.entry(orphan.resource).or_default().orphans += 1;
            return Ok(());
        }
        // The other items of the table have no state.
        if !item.contains_key(item::STATE) {
            return Ok(());
        }
        let record = read_record(item)?;
        let acs_id = record.acs_id().cloned();
        if acs_id.is_some() || matches!(record.state, State::Provisioning { .. }) {
            let found = self.resources.entry(record.resource).or_default();
            found.identities += 1;
            let is_active = matches!(record.state, State::Active { .. });
            found.sample = found.sample.take().or(acs_id.filter(|_| is_active));
        }
        Ok(())
    }
}
