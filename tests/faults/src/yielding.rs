use std::time::SystemTime;

use identity_core::{
    Error,
    admission::Admission,
    delete_stale_identities::Run,
    identity::{AccessToken, AcsId, ExternalId, TokenRequest},
    ports::{
        Change, Count, IdentityClient, IdentityStore, ListQuery, Orphan, Orphanage, Page, RunLog,
        Step, Usage,
    },
    record::{Active, Record},
};

use crate::turn;

/// Gives up its turn after every call, as a network would.
#[derive(Clone, Debug)]
pub struct Yielding<T>(pub T);

impl<T: IdentityStore> IdentityStore for Yielding<T> {
    async fn find(&self, user: &ExternalId) -> Result<Option<Record>, Error> {
        let found = self.0.find(user).await;
        turn().await;
        found
    }

    async fn find_by_acs_id(&self, id: &AcsId) -> Result<Option<ExternalId>, Error> {
        let found = self.0.find_by_acs_id(id).await;
        turn().await;
        found
    }

    async fn list(&self, query: &ListQuery) -> Result<Page, Error> {
        let page = self.0.list(query).await;
        turn().await;
        page
    }

    async fn count(&self, query: &ListQuery) -> Result<Count, Error> {
        let count = self.0.count(query).await;
        turn().await;
        count
    }

    async fn total(&self) -> Result<u64, Error> {
        let total = self.0.total().await;
        turn().await;
        total
    }

    async fn note_orphan(&self, orphan: &Orphan) -> Result<(), Error> {
        let noted = self.0.note_orphan(orphan).await;
        turn().await;
        noted
    }

    async fn commit(&self, step: Step<'_>) -> Result<Change, Error> {
        let change = self.0.commit(step).await;
        turn().await;
        change
    }

    async fn record_use(
        &self,
        user: &ExternalId,
        seen: &Active,
        usage: &Usage<'_>,
    ) -> Result<Change, Error> {
        let change = self.0.record_use(user, seen, usage).await;
        turn().await;
        change
    }

    async fn first_missed_at(&self, id: &AcsId, now: SystemTime) -> Result<SystemTime, Error> {
        let missed = self.0.first_missed_at(id, now).await;
        turn().await;
        missed
    }
}

impl<T: Orphanage> Orphanage for Yielding<T> {
    async fn orphans(&self) -> Result<Vec<Orphan>, Error> {
        let orphans = self.0.orphans().await;
        turn().await;
        orphans
    }

    async fn forget_orphan(&self, acs_id: &AcsId) -> Result<(), Error> {
        let forgotten = self.0.forget_orphan(acs_id).await;
        turn().await;
        forgotten
    }
}

impl<T: RunLog> RunLog for Yielding<T> {
    async fn latest_run(&self) -> Result<Option<Run>, Error> {
        let run = self.0.latest_run().await;
        turn().await;
        run
    }

    async fn find_run(&self, id: &str) -> Result<Option<Run>, Error> {
        let run = self.0.find_run(id).await;
        turn().await;
        run
    }

    async fn save_run(&self, run: &Run) -> Result<(), Error> {
        let saved = self.0.save_run(run).await;
        turn().await;
        saved
    }
}

impl<T: IdentityClient> IdentityClient for Yielding<T> {
    async fn create_identity(&self, deadline: SystemTime) -> Result<AcsId, Error> {
        let created = self.0.create_identity(deadline).await;
        turn().await;
        created
    }

    async fn create_identity_with_token(
        &self,
        admission: Admission,
        token: &TokenRequest,
        deadline: SystemTime,
    ) -> Result<(AcsId, AccessToken), Error> {
        let created = self.0.create_identity_with_token(admission, token, deadline).await;
        turn().await;
        created
    }

    async fn issue_access_token(
        &self,
        admission: Admission,
        identity: &AcsId,
        token: &TokenRequest,
        deadline: SystemTime,
    ) -> Result<AccessToken, Error> {
        let issued = self.0.issue_access_token(admission, identity, token, deadline).await;
        turn().await;
        issued
    }

    async fn revoke_access_tokens(
        &self,
        identity: &AcsId,
        deadline: SystemTime,
    ) -> Result<(), Error> {
        let revoked = self.0.revoke_access_tokens(identity, deadline).await;
        turn().await;
        revoked
    }

    async fn delete_identity(&self, identity: &AcsId, deadline: SystemTime) -> Result<(), Error> {
        let deleted = self.0.delete_identity(identity, deadline).await;
        turn().await;
        deleted
    }
}

/// A store that leaves one thing of the protocol out, to show that the tests would
/// notice.
#[derive(Clone, Debug)]
pub struct Without<T>(pub Part, pub T);

/// A part of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Nothing is left out.
    Nothing,
    /// Steps are made whatever anybody has seen.
    Conditions,
    /// The use of an identity is not committed, and said to be.
    Commit,
    /// Finishing what somebody left is not claimed first.
    Claim,
    /// A stale identity is marked even if it was used meanwhile.
    Guard,
}

impl<T: IdentityStore + Send> IdentityStore for Without<T> {
    async fn find(&self, user: &ExternalId) -> Result<Option<Record>, Error> {
        self.1.find(user).await
    }

    async fn find_by_acs_id(&self, id: &AcsId) -> Result<Option<ExternalId>, Error> {
        self.1.find_by_acs_id(id).await
    }

    async fn list(&self, query: &ListQuery) -> Result<Page, Error> {
        self.1.list(query).await
    }

    async fn count(&self, query: &ListQuery) -> Result<Count, Error> {
        self.1.count(query).await
    }

    async fn total(&self) -> Result<u64, Error> {
        self.1.total().await
    }

    async fn note_orphan(&self, orphan: &Orphan) -> Result<(), Error> {
        self.1.note_orphan(orphan).await
    }

    async fn commit(&self, step: Step<'_>) -> Result<Change, Error> {
        match (self.0, step.seen) {
            (Part::Conditions, _) => {
                let current = self.1.find(&step.next.external_id).await?;
                let step = Step { seen: current.as_ref(), unless_used: false, ..step };
                self.1.commit(step).await
            }
            (Part::Guard, _) => self.1.commit(Step { unless_used: false, ..step }).await,
            // Of all steps only the claim moves the epoch and leaves a revocation pending.
            (Part::Claim, Some(seen))
                if seen.epoch < step.next.epoch && seen.pending_revocation.is_some() =>
            {
                Ok(Change::Made(seen.clone()))
            }
            _ => self.1.commit(step).await,
        }
    }

    async fn record_use(
        &self,
        user: &ExternalId,
        seen: &Active,
        usage: &Usage<'_>,
    ) -> Result<Change, Error> {
        if self.0 == Part::Commit {
            let record = self.1.find(user).await?;
            return Ok(record.map_or(Change::Refused(None), Change::Made));
        }
        self.1.record_use(user, seen, usage).await
    }

    async fn first_missed_at(&self, id: &AcsId, now: SystemTime) -> Result<SystemTime, Error> {
        self.1.first_missed_at(id, now).await
    }
}

impl<T: Orphanage + Send> Orphanage for Without<T> {
    async fn orphans(&self) -> Result<Vec<Orphan>, Error> {
        self.1.orphans().await
    }

    async fn forget_orphan(&self, acs_id: &AcsId) -> Result<(), Error> {
        self.1.forget_orphan(acs_id).await
    }
}

impl<T: RunLog + Send> RunLog for Without<T> {
    async fn latest_run(&self) -> Result<Option<Run>, Error> {
        self.1.latest_run().await
    }

    async fn find_run(&self, id: &str) -> Result<Option<Run>, Error> {
        self.1.find_run(id).await
    }

    async fn save_run(&self, run: &Run) -> Result<(), Error> {
        self.1.save_run(run).await
    }
}
