use std::time::SystemTime;

use identity_core::{
    Error,
    identity::{AccessToken, AcsId, ExternalId, TokenRequest},
    ports::{Change, IdentityClient, IdentityStore, ListQuery, Page},
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

    async fn advance(&self, seen: Option<&Record>, next: &Record) -> Result<Change, Error> {
        let change = self.0.advance(seen, next).await;
        turn().await;
        change
    }

    async fn record_use(
        &self,
        user: &ExternalId,
        seen: &Active,
        now: SystemTime,
    ) -> Result<Change, Error> {
        let change = self.0.record_use(user, seen, now).await;
        turn().await;
        change
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
        token: &TokenRequest,
        deadline: SystemTime,
    ) -> Result<(AcsId, AccessToken), Error> {
        let created = self.0.create_identity_with_token(token, deadline).await;
        turn().await;
        created
    }

    async fn issue_access_token(
        &self,
        identity: &AcsId,
        token: &TokenRequest,
        deadline: SystemTime,
    ) -> Result<AccessToken, Error> {
        let issued = self.0.issue_access_token(identity, token, deadline).await;
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

/// A store whose steps are made whatever anybody has seen: the protocol without its
/// conditions, to show that the tests would notice.
#[derive(Clone, Debug)]
pub struct Blind<T>(pub T);

impl<T: IdentityStore> IdentityStore for Blind<T> {
    async fn find(&self, user: &ExternalId) -> Result<Option<Record>, Error> {
        self.0.find(user).await
    }

    async fn find_by_acs_id(&self, id: &AcsId) -> Result<Option<ExternalId>, Error> {
        self.0.find_by_acs_id(id).await
    }

    async fn list(&self, query: &ListQuery) -> Result<Page, Error> {
        self.0.list(query).await
    }

    async fn advance(&self, _: Option<&Record>, next: &Record) -> Result<Change, Error> {
        let current = self.0.find(&next.external_id).await?;
        self.0.advance(current.as_ref(), next).await
    }

    async fn record_use(
        &self,
        user: &ExternalId,
        seen: &Active,
        now: SystemTime,
    ) -> Result<Change, Error> {
        self.0.record_use(user, seen, now).await
    }
}

/// A store that does not commit the use of an identity, and says it did: the protocol
/// without its last write, to show that the tests would notice.
#[derive(Clone, Debug)]
pub struct Forgetful<T>(pub T);

impl<T: IdentityStore> IdentityStore for Forgetful<T> {
    async fn find(&self, user: &ExternalId) -> Result<Option<Record>, Error> {
        self.0.find(user).await
    }

    async fn find_by_acs_id(&self, id: &AcsId) -> Result<Option<ExternalId>, Error> {
        self.0.find_by_acs_id(id).await
    }

    async fn list(&self, query: &ListQuery) -> Result<Page, Error> {
        self.0.list(query).await
    }

    async fn advance(&self, seen: Option<&Record>, next: &Record) -> Result<Change, Error> {
        self.0.advance(seen, next).await
    }

    async fn record_use(
        &self,
        user: &ExternalId,
        _: &Active,
        _: SystemTime,
    ) -> Result<Change, Error> {
        let record = self.0.find(user).await?;
        Ok(record.map_or(Change::Refused(None), Change::Made))
    }
}

/// A store in which finishing what somebody left is not claimed first: the protocol
/// without that write, to show that the tests would notice.
#[derive(Clone, Debug)]
pub struct Unclaimed<T>(pub T);

impl<T: IdentityStore> IdentityStore for Unclaimed<T> {
    async fn find(&self, user: &ExternalId) -> Result<Option<Record>, Error> {
        self.0.find(user).await
    }

    async fn find_by_acs_id(&self, id: &AcsId) -> Result<Option<ExternalId>, Error> {
        self.0.find_by_acs_id(id).await
    }

    async fn list(&self, query: &ListQuery) -> Result<Page, Error> {
        self.0.list(query).await
    }

    async fn advance(&self, seen: Option<&Record>, next: &Record) -> Result<Change, Error> {
        match seen {
            // Of all steps only this one moves the epoch and leaves a revocation pending.
            Some(seen) if seen.epoch < next.epoch && seen.pending_revocation.is_some() => {
                Ok(Change::Made(seen.clone()))
            }
            _ => self.0.advance(seen, next).await,
        }
    }

    async fn record_use(
        &self,
        user: &ExternalId,
        seen: &Active,
        now: SystemTime,
    ) -> Result<Change, Error> {
        self.0.record_use(user, seen, now).await
    }
}
