//! The operations on identities.

use std::time::SystemTime;

use identity_core::{
    Error,
    admission::Admission,
    identity::{AccessToken, AcsId, TokenRequest},
    ports::{Clock, IdentityClient},
};
use tracing::error;

use super::wire;
use crate::{
    call::{operation::Operation, response::Answer},
    client::{AcsIdentityClient, UNWRITABLE, Wanted, nonsense},
};

impl<C: Clock> IdentityClient for AcsIdentityClient<C> {
    /// `POST /identities`, answered with 201.
    ///
    /// Not repeated once ACS may have seen it.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let World { acs, deadline, server: _server, .. } = World::new().await?;
    /// use identity_core::ports::IdentityClient;
    ///
    /// let identity = acs.create_identity(deadline).await?;
    /// assert!(identity.as_str().starts_with("8:acs:"));
    /// # Ok(())
    /// # }
    /// ```
    async fn create_identity(&self, deadline: SystemTime) -> Result<AcsId, Error> {
        let answer =
            self.call(wanted(Operation::Create, "/identities", Vec::new()), deadline).await?;
        wire::read_identity(&answer.body.0).ok_or_else(|| nonsense(&answer, Operation::Create))
    }

    /// `POST /identities` with scopes and minutes, answered with 201.
    ///
    /// Not repeated once ACS may have seen it.
    async fn create_identity_with_token(
        &self,
        _: Admission,
        token: &TokenRequest,
        deadline: SystemTime,
    ) -> Result<(AcsId, AccessToken), Error> {
        self.create_with_token(token, deadline).await
    }

    /// `POST /identities/{id}/:issueAccessToken`, answered with 200.
    ///
    /// For an identity that ACS does not know, the error has the cause
    /// [`Cause::IdentityLost`](crate::Cause); for one of another resource it is
    /// [`Error::ForeignIdentity`].
    async fn issue_access_token(
        &self,
        _: Admission,
        identity: &AcsId,
        token: &TokenRequest,
        deadline: SystemTime,
    ) -> Result<AccessToken, Error> {
        self.issue(identity, token, deadline).await
    }

    /// `POST /identities/{id}/:revokeAccessTokens`, answered with 204.
    ///
    /// It may take up to 15 minutes until all of Microsoft's services refuse the tokens.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let World { acs, deadline, server: _server, .. } = World::new().await?;
    /// use identity_core::ports::IdentityClient;
    ///
    /// let identity = acs.create_identity(deadline).await?;
    /// acs.revoke_access_tokens(&identity, deadline).await?;
    /// # Ok(())
    /// # }
    /// ```
    async fn revoke_access_tokens(
        &self,
        identity: &AcsId,
        deadline: SystemTime,
    ) -> Result<(), Error> {
        let path = format!("{}/:revokeAccessTokens", path(identity));
        self.call(wanted(Operation::Revoke, &path, Vec::new()), deadline).await.map(drop)
    }

    /// `DELETE /identities/{id}`, answered with 204.
    ///
    /// For an identity of another resource, the error is [`Error::ForeignIdentity`]: nothing
    /// happened to it.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let World { acs, deadline, server: _server, .. } = World::new().await?;
    /// use identity_core::ports::IdentityClient;
    ///
    /// let identity = acs.create_identity(deadline).await?;
    /// acs.delete_identity(&identity, deadline).await?;
    /// acs.delete_identity(&identity, deadline).await?; // It is gone: that is success.
    /// # Ok(())
    /// # }
    /// ```
    async fn delete_identity(&self, identity: &AcsId, deadline: SystemTime) -> Result<(), Error> {
        let path = path(identity);
        self.call(wanted(Operation::Delete, &path, Vec::new()), deadline).await.map(drop)
    }
}

impl<C: Clock> AcsIdentityClient<C> {
    pub(crate) async fn create_with_token(
        &self,
        token: &TokenRequest,
        deadline: SystemTime,
    ) -> Result<(AcsId, AccessToken), Error> {
        let body = wire::create_with_token(token).ok_or(UNWRITABLE)?;
        let answer = self.call(wanted(Operation::Create, "/identities", body), deadline).await?;
        match wire::read_identity_with_token(&answer.body.0) {
            Some(created) => Ok(created),
            None => Err(self.take_back(&answer, deadline).await),
        }
    }

    pub(crate) async fn issue(
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

    /// Deletes the identity of a response whose token cannot be read. Otherwise, after a change
    /// of ACS's format, every call would leave an orphaned identity.
    async fn take_back(&self, answer: &Answer, deadline: SystemTime) -> Error {
        let source = answer.nonsense(Operation::Create).into();
        let Some(identity) = wire::read_identity(&answer.body.0) else {
            return Error::AcsUnavailable { maybe_applied: true, source };
        };
        let deleted = self.delete_identity(&identity, deadline).await;
        if deleted.is_err() {
            error!(acs.id = %identity, "an identity that nobody owns could not be deleted");
        }
        Error::AcsUnavailable { maybe_applied: deleted.is_err(), source }
    }
}

fn wanted(operation: Operation, path: &str, body: Vec<u8>) -> Wanted<'_> {
    Wanted { operation, path, body, user_token: None }
}

/// No other character of an ACS id needs to be escaped.
fn path(identity: &AcsId) -> String {
    format!("/identities/{}", identity.as_str().replace(':', "%3A"))
}
