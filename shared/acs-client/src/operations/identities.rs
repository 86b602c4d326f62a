//! The operations on identities.

use std::time::SystemTime;

use identity_core::Error;
use identity_core::admission::Admission;
use identity_core::identity::{AccessToken, AcsId, TokenRequest};
use identity_core::ports::{Clock, IdentityClient};
use tracing::error;

use super::wire;
use crate::call::{AcsOperation, AcsResponse};
use crate::client::{AcsIdentityClient, OperationRequest, invalid_body};

impl<C: Clock> IdentityClient for AcsIdentityClient<C> {
    fn is_creation_held(&self) -> bool {
        self.is_held(AcsOperation::Create)
    }

    /// `POST /identities`, answered with 201.
    ///
    /// Not retried if ACS may have received it.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/fixture.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ExampleFixture { acs, deadline, server: _server, .. } = ExampleFixture::new().await?;
    /// use acs_client::identity_core::ports::IdentityClient;
    ///
    /// let identity = acs.create_identity(deadline).await?;
    /// assert!(identity.as_str().starts_with("8:acs:"));
    /// # Ok(())
    /// # }
    /// ```
    async fn create_identity(&self, deadline: SystemTime) -> Result<AcsId, Error> {
        let response =
            self.call(request(AcsOperation::Create, "/identities", Vec::new()), deadline).await?;
        wire::read_identity(&response.body.0)
            .ok_or_else(|| invalid_body(&response, AcsOperation::Create))
    }

    /// `POST /identities` with scopes and minutes, answered with 201.
    ///
    /// Not retried if ACS may have received it.
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
    /// If ACS does not have the identity, the cause of the error is
    /// [`ErrorCause::IdentityLost`](crate::ErrorCause). For an identity of another resource, the
    /// error is [`Error::ForeignIdentity`].
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
    /// It can take up to 15 minutes until all of Microsoft's services refuse the tokens.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/fixture.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ExampleFixture { acs, deadline, server: _server, .. } = ExampleFixture::new().await?;
    /// use acs_client::identity_core::ports::IdentityClient;
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
        self.call(request(AcsOperation::Revoke, &path, Vec::new()), deadline).await.map(drop)
    }

    /// `DELETE /identities/{id}`, answered with 204.
    ///
    /// For an identity of another resource, the error is [`Error::ForeignIdentity`], and the identity
    /// is unchanged.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/fixture.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ExampleFixture { acs, deadline, server: _server, .. } = ExampleFixture::new().await?;
    /// use acs_client::identity_core::ports::IdentityClient;
    ///
    /// let identity = acs.create_identity(deadline).await?;
    /// acs.delete_identity(&identity, deadline).await?;
    /// acs.delete_identity(&identity, deadline).await?; // Deleting it again succeeds.
    /// # Ok(())
    /// # }
    /// ```
    async fn delete_identity(&self, identity: &AcsId, deadline: SystemTime) -> Result<(), Error> {
        let path = path(identity);
        self.call(request(AcsOperation::Delete, &path, Vec::new()), deadline).await.map(drop)
    }
}

impl<C: Clock> AcsIdentityClient<C> {
    pub(crate) async fn create_with_token(
        &self,
        token: &TokenRequest,
        deadline: SystemTime,
    ) -> Result<(AcsId, AccessToken), Error> {
        let body = wire::create_with_token(token)?;
        let response =
            self.call(request(AcsOperation::Create, "/identities", body), deadline).await?;
        match wire::read_identity_with_token(&response.body.0) {
            Some(created) => Ok(created),
            None => Err(self.delete_created(&response, deadline).await),
        }
    }

    pub(crate) async fn issue(
        &self,
        identity: &AcsId,
        token: &TokenRequest,
        deadline: SystemTime,
    ) -> Result<AccessToken, Error> {
        let body = wire::issue(token)?;
        let path = format!("{}/:issueAccessToken", path(identity));
        let response = self.call(request(AcsOperation::Issue, &path, body), deadline).await?;
        wire::read_token(&response.body.0)
            .ok_or_else(|| invalid_body(&response, AcsOperation::Issue))
    }

    /// Deletes the identity of a response whose token is invalid. Otherwise, if ACS changed the format
    /// of tokens, every call would leave an orphaned identity.
    async fn delete_created(&self, response: &AcsResponse, deadline: SystemTime) -> Error {
        let source = response.invalid_body(AcsOperation::Create).into();
        let Some(identity) = wire::read_identity(&response.body.0) else {
            return Error::AcsUnavailable { maybe_applied: true, source };
        };
        let deleted = self.delete_identity(&identity, deadline).await;
        if deleted.is_err() {
            error!(acs.id = %identity, "orphaned identity left in ACS: deleting it failed");
        }
        Error::AcsUnavailable { maybe_applied: deleted.is_err(), source }
    }
}

fn request(operation: AcsOperation, path: &str, body: Vec<u8>) -> OperationRequest<'_> {
    OperationRequest { operation, path, body, user_token: None }
}

/// The path of an identity. Only the colons of an ACS ID need to be escaped.
fn path(identity: &AcsId) -> String {
    format!("/identities/{}", identity.as_str().replace(':', "%3A"))
}
