//! The users' records, which the console reads from the table as they are stored.

use std::collections::HashMap;

use dynoxide::actions::scan::ScanRequest;
use dynoxide::{AttributeValue, Database};

/// The table with the records.
pub(crate) struct RecordTable {
    database: Database,
    /// `None` if the template has none.
    name: Option<String>,
}

/// What the console shows of a record. Times are milliseconds since the epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct UserRecord {
    pub(super) external_id: String,
    pub(super) state: String,
    pub(super) acs_id: Option<String>,
    /// The ACS resource; `None` for `main`.
    pub(super) resource: Option<String>,
    pub(super) created_at: i64,
    pub(super) last_issued_at: i64,
    pub(super) changed_at: i64,
    /// ACS has not yet confirmed a revocation.
    pub(super) is_pending: bool,
}

impl RecordTable {
    pub(crate) fn new(database: Database, name: Option<String>) -> Self {
        Self { database, name }
    }

    /// All records. It reads the whole table, which on this machine has thousands of records at
    /// most.
    pub(super) fn read(&self) -> Result<Vec<UserRecord>, String> {
        let Some(name) = &self.name else { return Ok(Vec::new()) };
        let mut records = Vec::new();
        let mut start = None;
        loop {
            let request = ScanRequest {
                table_name: name.clone(),
                exclusive_start_key: start,
                ..ScanRequest::default()
            };
            let page = self.database.scan(request).map_err(|error| error.to_string())?;
            records.extend(page.items.unwrap_or_default().iter().filter_map(UserRecord::of));
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(records);
            }
        }
    }
}

impl UserRecord {
    /// The record in an item; `None` for the other data of the table, which has no state.
    fn of(item: &HashMap<String, AttributeValue>) -> Option<Self> {
        let text = |name: &str| match item.get(name) {
            Some(AttributeValue::S(text)) => Some(text.clone()),
            _ => None,
        };
        let number = |name: &str| match item.get(name) {
            Some(AttributeValue::N(number)) => number.parse().unwrap_or_default(),
            _ => 0,
        };
        Some(Self {
            external_id: text("externalId")?,
            state: text("state")?,
            acs_id: text("acsId"),
            resource: text("resource"),
            created_at: number("createdAt"),
            last_issued_at: number("lastIssuedAt"),
            changed_at: number("changedAt"),
            is_pending: item.contains_key("pendingRevocation"),
        })
    }

    /// Whether the user has an identity, or will have one in a moment.
    pub(super) fn has_identity(&self) -> bool {
        self.state != "deleted"
    }
}
