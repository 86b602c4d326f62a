use std::future::Future;
use std::time::SystemTime;

use crate::model::{AcsId, CleanupRun, Error, ExternalId, ResourceName};

/// Identities whose ownership is unknown. The scheduled job processes them.
pub trait OrphanStore: Sync {
    /// Lists some of the stored orphans, newest first. Eventually consistent.
    fn orphans(&self) -> impl Future<Output = Result<Vec<Orphan>, Error>> + Send;

    /// Removes an orphan that has been processed.
    fn forget_orphan(&self, acs_id: &AcsId) -> impl Future<Output = Result<(), Error>> + Send;
}

/// An identity that was created, but may not be in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// The ID of the identity in ACS.
    pub acs_id: AcsId,
    /// The user for whom it was created.
    pub user: ExternalId,
    /// The resource in which it was created.
    pub resource: ResourceName,
    /// The time when its ownership became unknown.
    pub noted_at: SystemTime,
}

/// Stores the results of the scheduled job's runs.
pub trait RunLog: Sync {
    /// Returns the newest run. Strongly consistent.
    fn latest_run(&self) -> impl Future<Output = Result<Option<CleanupRun>, Error>> + Send;

    /// Finds one run by its ID.
    fn find_run(&self, id: &str) -> impl Future<Output = Result<Option<CleanupRun>, Error>> + Send;

    /// Stores a run, which becomes the newest.
    fn save_run(&self, run: &CleanupRun) -> impl Future<Output = Result<(), Error>> + Send;
}
