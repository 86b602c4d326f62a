//! The administrator who acts for others, and whether they still may.

use std::time::SystemTime;

use crate::{
    Error,
    admission::{Bearer, admit_acting},
    identity::ExternalId,
    ports::IdentityStore,
};

/// An administrator who acts.
#[derive(Clone, Debug)]
pub struct Administrator {
    /// Their name in receipts and in the audit log.
    pub id: ExternalId,
    /// The bearer with which they came; `None` where the cloud account's own credentials are
    /// the authority.
    pub bearer: Option<Bearer>,
}

impl Administrator {
    /// Refuses an administrator who was cut off themselves: their bearer outlives the cut-off
    /// at the identity provider, and must not buy tokens of other people meanwhile.
    pub async fn check(&self, store: &impl IdentityStore, now: SystemTime) -> Result<(), Error> {
        let Some(bearer) = self.bearer else { return Ok(()) };
        admit_acting(store.find(&self.id).await?.as_ref(), bearer, now)
    }
}
