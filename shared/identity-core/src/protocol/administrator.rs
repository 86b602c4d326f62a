//! Administrators who act for other users, and the check that they still may.

use std::time::SystemTime;

use crate::model::{Bearer, Error, ExternalId, admit_acting};
use crate::ports::IdentityStore;

/// An administrator who may act.
#[derive(Clone, Debug)]
pub struct Administrator {
    id: ExternalId,
}

impl Administrator {
    /// Admits an administrator who presents a bearer token. It refuses one who was cut off,
    /// because a bearer token stays valid after the cut-off at the identity provider.
    pub async fn admitted(
        store: &impl IdentityStore,
        id: ExternalId,
        bearer: Bearer,
        now: SystemTime,
    ) -> Result<Self, Error> {
        admit_acting(store.find(&id).await?.as_ref(), bearer, now)?;
        Ok(Self { id })
    }

    /// An operator, whose authority comes from the credentials of the cloud account.
    #[must_use]
    pub fn operator(id: ExternalId) -> Self {
        Self { id }
    }

    /// The ID in receipts and in the audit log.
    #[must_use]
    pub fn id(&self) -> &ExternalId {
        &self.id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::State;
    use crate::ports::Clock;
    use crate::testing::{CoreFixture, ManualClock, record, user};

    #[tokio::test]
    async fn r59_an_administrator_who_was_cut_off_is_refused_and_another_one_is_not() {
        let now = ManualClock::default().now();
        let fixture = CoreFixture::with([record("root", State::Blocked { acs_id: None }, now)]);
        let bearer = Bearer { issued_at: Some(now), authenticated_at: None };
        let admitted = async |name| {
            Administrator::admitted(&fixture.store, user(name), bearer, now).await.map(|one| one.id)
        };
        assert!(matches!(admitted("root").await, Err(Error::Blocked)));
        assert_eq!(admitted("alice").await.unwrap(), user("alice"));
    }
}
