//! Callers who make invitations, and the check that they still may.

use std::time::SystemTime;

use crate::model::{Bearer, Error, ExternalId, Invitation, admit_acting};
use crate::ports::IdentityStore;

/// A caller who may make invitations.
#[derive(Clone, Debug)]
pub struct Inviter {
    id: ExternalId,
    sees_all: bool,
}

impl Inviter {
    /// Admits a caller who presents a bearer token. It refuses one who is blocked or was cut off.
    /// `sees_all`: whether they also see and change the invitations of others.
    pub async fn admitted(
        store: &impl IdentityStore,
        id: ExternalId,
        bearer: Bearer,
        sees_all: bool,
        now: SystemTime,
    ) -> Result<Self, Error> {
        admit_acting(store.find(&id).await?.as_ref(), bearer, now)?;
        Ok(Self { id, sees_all })
    }

    /// An operator, whose authority comes from the credentials of the cloud account.
    #[must_use]
    pub fn operator(id: ExternalId) -> Self {
        Self { id, sees_all: true }
    }

    /// The ID in invitations, receipts and the audit log.
    #[must_use]
    pub fn id(&self) -> &ExternalId {
        &self.id
    }

    /// The caller whose invitations are listed; `None` for those of all.
    pub(crate) fn only_of(&self) -> Option<&ExternalId> {
        (!self.sees_all).then_some(&self.id)
    }

    /// The invitation, if the caller may see it. Otherwise, it does not exist for them.
    pub(crate) fn sees(&self, found: Option<Invitation>) -> Result<Invitation, Error> {
        let is_seen = |invitation: &Invitation| self.sees_all || invitation.created_by == self.id;
        found.filter(is_seen).ok_or(Error::NotFound)
    }
}
