//! A plan of a cleanup: which identities to delete, and their state when the plan was made.

use std::io::{self, Read as _};
use std::path::Path;
use std::time::SystemTime;

use identity_core::identity::{AcsId, ExternalId};
use identity_core::record::{Record, StateName};
use serde::{Deserialize, Serialize};

use crate::input::open;
use crate::jobs::BulkItem;
use crate::jobs::deletion::PlannedIdentity;
use crate::report::{CliError, Result, Row, timestamp};
use crate::service::Target;

/// The content of a plan file.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CleanupPlan {
    /// The kind of the file.
    kind: String,
    made_at: String,
    /// The ACS resource.
    acs: String,
    /// The table.
    table: String,
    /// No identity of the plan has had a new token since this time.
    pub(crate) unused_since: String,
    /// The approximate number of identities; 0 if it was unknown.
    pub(crate) total: u64,
    /// The identities to delete.
    pub(crate) identities: Vec<CleanupPlanEntry>,
}

/// One identity of a plan.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CleanupPlanEntry {
    external_id: String,
    acs_id: String,
    state: StateName,
    epoch: u64,
    /// RFC 3339, UTC.
    pub(crate) last_issued_at: String,
}

impl CleanupPlanEntry {
    /// The entry for a record; `None` if the record has no identity.
    pub(crate) fn of(record: &Record) -> Option<Self> {
        Some(Self {
            external_id: record.external_id.as_str().to_owned(),
            acs_id: record.acs_id()?.to_string(),
            state: record.state.name(),
            epoch: record.epoch,
            last_issued_at: timestamp::format(record.last_issued_at),
        })
    }

    fn item(&self) -> Option<BulkItem> {
        Some(BulkItem::Planned(Box::new(PlannedIdentity {
            user: ExternalId::parse(&self.external_id)?,
            acs_id: AcsId::parse(&self.acs_id)?,
            last_issued_at: timestamp::parse(&self.last_issued_at)?,
            epoch: self.epoch,
        })))
    }
}

impl CleanupPlan {
    /// A plan for `target`.
    pub(crate) fn new(
        target: &Target,
        now: SystemTime,
        unused_since: SystemTime,
        total: u64,
        identities: Vec<CleanupPlanEntry>,
    ) -> Self {
        Self {
            kind: KIND.to_owned(),
            made_at: timestamp::format(now),
            acs: target.endpoints(),
            table: target.table.clone().unwrap_or_default(),
            unused_since: timestamp::format(unused_since),
            total,
            identities,
        }
    }

    /// Reads a plan from a file, or with `-` from stdin.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        let unreadable = |error: io::Error| {
            CliError::usage(format!("cannot read {shown}"))
                .because(error.to_string())
                .hint("name what `guestpass cleanup plan -o plan.json` wrote")
        };
        let mut text = Vec::new();
        open(path, unreadable)?.read_to_end(&mut text).map_err(unreadable)?;
        let no_plan = |why: String| {
            CliError::usage(format!("{shown} is not a cleanup plan"))
                .because(why)
                .hint("make one: guestpass cleanup plan -o plan.json")
        };
        let plan: Self =
            serde_json::from_slice(&text).map_err(|error| no_plan(error.to_string()))?;
        if plan.kind != KIND {
            return Err(no_plan(format!("its kind is {:?}, not {KIND:?}", plan.kind)));
        }
        Ok(plan)
    }

    /// Refuses a plan that was made for another service.
    pub(crate) fn is_for(&self, target: &Target) -> Result<()> {
        let (acs, table) = (target.endpoints(), target.table()?);
        if self.acs == acs && self.table == table {
            return Ok(());
        }
        Err(CliError::usage("the plan was made for another service")
            .because(format!(
                "it is for {} and the table {}; this is {acs} and {table}",
                self.acs, self.table
            ))
            .hint("choose that service, or make a plan for this one"))
    }

    /// The identities to delete.
    pub(crate) fn items(&self) -> Result<Vec<BulkItem>> {
        let item = |stale: &CleanupPlanEntry| {
            stale.item().ok_or_else(|| {
                CliError::usage("invalid plan")
                    .because(format!("the entry of {:?} is invalid", stale.external_id))
                    .hint("make a new one: guestpass cleanup plan -o plan.json")
            })
        };
        self.identities.iter().map(item).collect()
    }
}

impl Row for CleanupPlan {
    const COLUMNS: &'static [&'static str] =
        &["made", "ACS", "table", "unused since", "identities"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.made_at.clone(),
            self.acs.clone(),
            self.table.clone(),
            self.unused_since.clone(),
            self.identities.len().to_string(),
        ]
    }
}

impl Row for CleanupPlanEntry {
    const COLUMNS: &'static [&'static str] = &["external id", "ACS id", "state", "last used"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.external_id.clone(),
            self.acs_id.clone(),
            self.state.as_str().to_owned(),
            self.last_issued_at.clone(),
        ]
    }
}

/// Changes when the tool no longer reads older plans.
const KIND: &str = "guestpass cleanup plan 1";
