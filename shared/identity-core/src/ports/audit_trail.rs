use std::future::Future;

use crate::model::{AuditPage, AuditQuery, Error};

/// Reads the audit log. [`IdentityStore`](crate::ports::IdentityStore) writes it.
pub trait AuditTrail: Sync {
    /// Returns one page of entries, newest first. Eventually consistent: an entry of the last
    /// second may be missing.
    ///
    /// An entry whose actor, action or state is unknown to this version is returned as it was
    /// stored. An entry without a mandatory field causes [`Error::StoreRefused`].
    fn audit_entries(
        &self,
        query: &AuditQuery,
    ) -> impl Future<Output = Result<AuditPage, Error>> + Send;
}
