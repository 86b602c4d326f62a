//! Reads the audit log: the adapter of the port [`AuditTrail`].

use identity_core::Error;
use identity_core::audit::{AuditPage, AuditQuery};
use identity_core::ports::AuditTrail;

use crate::audit::{AuditTable, position, read, request};
use crate::failure::failure;
use crate::store::DynamoIdentityStore;

impl AuditTrail for DynamoIdentityStore {
    async fn audit_entries(&self, query: &AuditQuery) -> Result<AuditPage, Error> {
        let Some(AuditTable { name, .. }) = &self.audit else {
            return Err(Error::StoreRefused("the table of the audit log is not configured".into()));
        };
        let page =
            request(self.client.query(), query).table_name(name).send().await.map_err(failure)?;
        let entries = page.items().iter().map(read).collect::<Result<_, _>>();
        let next = page.last_evaluated_key().map(position).transpose();
        Ok(AuditPage { entries: entries.map_err(invalid)?, next: next.map_err(invalid)? })
    }
}

fn invalid(name: &str) -> Error {
    Error::StoreRefused(format!("invalid entry in the audit log: attribute `{name}`").into())
}
