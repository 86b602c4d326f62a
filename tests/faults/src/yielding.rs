use std::{sync::OnceLock, time::SystemTime};

use identity_core::{
    Error,
    admission::Admission,
    delete_stale_identities::CleanupRun,
    identity::{AccessToken, AcsId, ExternalId, TokenRequest},
    ports::{
        Change, Count, IdentityClient, IdentityStore, ListQuery, Orphan, OrphanStore, Page, RunLog,
        Step, TeamsTokenExchange, Usage,
    },
    record::{Active, Record},
    secret::Secret,
};

use crate::turn;

/// Yields before every call, as a network call would.
#[derive(Clone, Debug)]
pub struct Yielding<T>(pub T);

impl<T: IdentityStore> IdentityStore for Yielding<T> {
    async fn find(&self, user: &ExternalId) -> Result<Option<Record>, Error> {
        turn().await;
        self.0.find(user).await
    }

    async fn find_by_acs_id(&self, id: &AcsId) -> Result<Option<ExternalId>, Error> {
        turn().await;
        self.0.find_by_acs_id(id).await
    }

    async fn list(&self, query: &ListQuery) -> Result<Page, Error> {
        turn().await;
        self.0.list(query).await
    }

    async fn count(&self, query: &ListQuery) -> Result<Count, Error> {
        turn().await;
        self.0.count(query).await
    }

    async fn users_at_least(&self) -> Result<u64, Error> {
        turn().await;
        self.0.users_at_least().await
    }

    async fn note_orphan(&self, orphan: &Orphan) -> Result<(), Error> {
        turn().await;
        self.0.note_orphan(orphan).await
    }

    async fn commit(&self, step: Step<'_>) -> Result<Change, Error> {
        turn().await;
        self.0.commit(step).await
    }

    async fn record_use(
        &self,
        user: &ExternalId,
        seen: &Active,
        usage: &Usage<'_>,
    ) -> Result<Change, Error> {
        turn().await;
        self.0.record_use(user, seen, usage).await
    }

    async fn first_missed_at(&self, id: &AcsId, now: SystemTime) -> Result<SystemTime, Error> {
        turn().await;
        self.0.first_missed_at(id, now).await
    }
}

impl<T: OrphanStore> OrphanStore for Yielding<T> {
    async fn orphans(&self) -> Result<Vec<Orphan>, Error> {
        turn().await;
        self.0.orphans().await
    }

    async fn forget_orphan(&self, acs_id: &AcsId) -> Result<(), Error> {
        turn().await;
        self.0.forget_orphan(acs_id).await
    }
}

impl<T: RunLog> RunLog for Yielding<T> {
    async fn latest_run(&self) -> Result<Option<CleanupRun>, Error> {
        turn().await;
        self.0.latest_run().await
    }

    async fn find_run(&self, id: &str) -> Result<Option<CleanupRun>, Error> {
        turn().await;
        self.0.find_run(id).await
    }

    async fn save_run(&self, run: &CleanupRun) -> Result<(), Error> {
        turn().await;
        self.0.save_run(run).await
    }
}

impl<T: IdentityClient> IdentityClient for Yielding<T> {
    fn is_creation_held(&self) -> bool {
        self.0.is_creation_held()
    }

    async fn create_identity(&self, deadline: SystemTime) -> Result<AcsId, Error> {
        turn().await;
        self.0.create_identity(deadline).await
    }

    async fn create_identity_with_token(
        &self,
        admission: Admission,
        token: &TokenRequest,
        deadline: SystemTime,
    ) -> Result<(AcsId, AccessToken), Error> {
        turn().await;
        self.0.create_identity_with_token(admission, token, deadline).await
    }

    async fn issue_access_token(
        &self,
        admission: Admission,
        identity: &AcsId,
        token: &TokenRequest,
        deadline: SystemTime,
    ) -> Result<AccessToken, Error> {
        turn().await;
        self.0.issue_access_token(admission, identity, token, deadline).await
    }

    async fn revoke_access_tokens(
        &self,
        identity: &AcsId,
        deadline: SystemTime,
    ) -> Result<(), Error> {
        turn().await;
        self.0.revoke_access_tokens(identity, deadline).await
    }

    async fn delete_identity(&self, identity: &AcsId, deadline: SystemTime) -> Result<(), Error> {
        turn().await;
        self.0.delete_identity(identity, deadline).await
    }
}

impl<T: TeamsTokenExchange> TeamsTokenExchange for Yielding<T> {
    async fn exchange_teams_user_token(
        &self,
        admission: Admission,
        token: &Secret,
        app_id: &str,
        user_id: &str,
        deadline: SystemTime,
    ) -> Result<AccessToken, Error> {
        turn().await;
        self.0.exchange_teams_user_token(admission, token, app_id, user_id, deadline).await
    }
}

/// A store that omits one part of the protocol, to show that the tests detect this.
#[derive(Debug)]
pub struct Without<T> {
    pub(crate) part: Part,
    pub(crate) store: T,
    first_found: OnceLock<Option<Record>>,
}

impl<T> Without<T> {
    /// `store` without `part`.
    pub fn new(part: Part, store: T) -> Self {
        Self { part, store, first_found: OnceLock::new() }
    }
}

/// A part of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Nothing is omitted.
    Nothing,
    /// Steps are committed regardless of the record that their author saw.
    Conditions,
    /// The use of an identity is not committed, but reported as committed.
    Commit,
    /// A process finishes another's pending work without claiming it first.
    Claim,
    /// A stale identity is marked even if it was used in the meantime.
    Guard,
    /// Records are read without their not-before.
    NotBefore,
    /// A record is read once: every later read finds what the first one found.
    SecondLook,
    /// The use of an identity is recorded without the pace.
    Pace,
    /// A step whose author saw no token issued since the last revocation is committed even if one
    /// was issued in the meantime.
    IssuedSince,
    /// A device is admitted to an invitation whether or not there is room.
    Room,
    /// A PIN is compared without being counted.
    PinCount,
    /// A revocation of an invitation cuts off only the devices that have a record.
    UnseenGuests,
}

impl<T: IdentityStore + Send> IdentityStore for Without<T> {
    async fn find(&self, user: &ExternalId) -> Result<Option<Record>, Error> {
        let found = self.store.find(user).await?;
        Ok(match self.part {
            Part::NotBefore => found.map(|record| Record { not_before: None, ..record }),
            Part::SecondLook => self.first_found.get_or_init(|| found).clone(),
            _ => found,
        })
    }

    async fn find_by_acs_id(&self, id: &AcsId) -> Result<Option<ExternalId>, Error> {
        self.store.find_by_acs_id(id).await
    }

    async fn list(&self, query: &ListQuery) -> Result<Page, Error> {
        self.store.list(query).await
    }

    async fn count(&self, query: &ListQuery) -> Result<Count, Error> {
        self.store.count(query).await
    }

    async fn users_at_least(&self) -> Result<u64, Error> {
        self.store.users_at_least().await
    }

    async fn note_orphan(&self, orphan: &Orphan) -> Result<(), Error> {
        self.store.note_orphan(orphan).await
    }

    async fn commit(&self, step: Step<'_>) -> Result<Change, Error> {
        match (self.part, step.seen) {
            (Part::Conditions, _) => {
                let current = self.store.find(&step.next.external_id).await?;
                let step = Step { seen: current.as_ref(), unless_used: false, ..step };
                self.store.commit(step).await
            }
            (Part::Guard, _) => self.store.commit(Step { unless_used: false, ..step }).await,
            (Part::IssuedSince, Some(seen)) => {
                let seen = Record { tokens_revoked: false, ..seen.clone() };
                self.store.commit(Step { seen: Some(&seen), ..step }).await
            }
            // Only the claim changes the epoch and keeps a revocation pending.
            (Part::Claim, Some(seen))
                if seen.epoch < step.next.epoch && seen.pending_revocation.is_some() =>
            {
                Ok(Change::Made(seen.clone()))
            }
            _ => self.store.commit(step).await,
        }
    }

    async fn record_use(
        &self,
        user: &ExternalId,
        seen: &Active,
        usage: &Usage<'_>,
    ) -> Result<Change, Error> {
        match self.part {
            Part::Commit => {
                let record = self.store.find(user).await?;
                Ok(record.map_or(Change::Refused(None), Change::Made))
            }
            Part::Pace => {
                let usage = Usage { pace_until: None, ..*usage };
                self.store.record_use(user, seen, &usage).await
            }
            _ => self.store.record_use(user, seen, usage).await,
        }
    }

    async fn first_missed_at(&self, id: &AcsId, now: SystemTime) -> Result<SystemTime, Error> {
        self.store.first_missed_at(id, now).await
    }
}

impl<T: OrphanStore + Send> OrphanStore for Without<T> {
    async fn orphans(&self) -> Result<Vec<Orphan>, Error> {
        self.store.orphans().await
    }

    async fn forget_orphan(&self, acs_id: &AcsId) -> Result<(), Error> {
        self.store.forget_orphan(acs_id).await
    }
}

impl<T: RunLog + Send> RunLog for Without<T> {
    async fn latest_run(&self) -> Result<Option<CleanupRun>, Error> {
        self.store.latest_run().await
    }

    async fn find_run(&self, id: &str) -> Result<Option<CleanupRun>, Error> {
        self.store.find_run(id).await
    }

    async fn save_run(&self, run: &CleanupRun) -> Result<(), Error> {
        self.store.save_run(run).await
    }
}
