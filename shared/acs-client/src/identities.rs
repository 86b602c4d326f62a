//! The operations on identities.

use std::time::SystemTime;

use identity_core::{
    Error,
    identity::{AccessToken, AcsId, TokenRequest},
    ports::{Clock, IdentityClient},
};

use crate::{
    AcsIdentityClient,
    answer::Operation,
    client::{UNWRITABLE, Wanted, nonsense},
    wire,
};

impl<C: Clock> IdentityClient for AcsIdentityClient<C> {
    async fn create_identity(&self, deadline: SystemTime) -> Result<AcsId, Error> {
        let answer =
            self.call(wanted(Operation::Create, "/identities", Vec::new()), deadline).await?;
        wire::read_identity(&answer.body.0).ok_or_else(|| nonsense(&answer, Operation::Create))
    }

    async fn create_identity_with_token(
        &self,
        token: &TokenRequest,
        deadline: SystemTime,
    ) -> Result<(AcsId, AccessToken), Error> {
        let body = wire::create_with_token(token).ok_or(UNWRITABLE)?;
        let answer = self.call(wanted(Operation::Create, "/identities", body), deadline).await?;
        wire::read_identity_with_token(&answer.body.0)
            .ok_or_else(|| nonsense(&answer, Operation::Create))
    }

    async fn issue_access_token(
        &self,
        identity: &AcsId,
        token: &TokenRequest,
        deadline: SystemTime,
    ) -> Result<AccessToken, Error> {
        let body = wire::issue(token).ok_or(UNWRITABLE)?;
        let path = format!("{}/:issueAccessToken", path(identity));
        let answer = self.call(wanted(Operation::Issue, &path, body), deadline).await?;
        wire::read_token(&answer.body.0).ok_or_else(|| nonsense(&answer, Operation::Issue))
    }

    async fn revoke_access_tokens(
        &self,
        identity: &AcsId,
        deadline: SystemTime,
    ) -> Result<(), Error> {
        let path = format!("{}/:revokeAccessTokens", path(identity));
        self.call(wanted(Operation::Revoke, &path, Vec::new()), deadline).await.map(drop)
    }

    async fn delete_identity(&self, identity: &AcsId, deadline: SystemTime) -> Result<(), Error> {
        let path = path(identity);
        self.call(wanted(Operation::Delete, &path, Vec::new()), deadline).await.map(drop)
    }
}

fn wanted(operation: Operation, path: &str, body: Vec<u8>) -> Wanted<'_> {
    Wanted { operation, path, body, user_token: None }
}

/// An ACS id has no other character that needs an escape.
fn path(identity: &AcsId) -> String {
    format!("/identities/{}", identity.as_str().replace(':', "%3A"))
}
