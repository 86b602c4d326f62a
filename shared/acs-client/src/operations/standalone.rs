//! The operations that return a token, for programs that keep no records of users: scripts, tests,
//! the operator's tool.
//!
//! The service cannot call them: its functions build this crate without the feature `standalone`.
//! They use the ports, which require an [`Admission`](identity_core::admission::Admission) from the
//! admission check.

use std::time::SystemTime;

use identity_core::Error;
use identity_core::identity::{AccessToken, AcsId, TokenRequest};
use identity_core::ports::Clock;
use identity_core::secret::Secret;

use crate::client::AcsIdentityClient;

impl<C: Clock> AcsIdentityClient<C> {
    /// `POST /identities` with scopes and minutes, answered with 201.
    ///
    /// Not retried if ACS may have received it.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/fixture.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ExampleFixture { acs, deadline, server: _server, .. } = ExampleFixture::new().await?;
    /// use acs_client::identity_core::identity::{Lifetime, Scopes, TokenRequest};
    ///
    /// let request = TokenRequest {
    ///     scopes: Scopes::parse(["chat", "voip"]).ok_or("unknown scope")?,
    ///     lifetime: Lifetime::from_minutes(90).ok_or("not 60 to 1440 minutes")?,
    /// };
    /// let (identity, token) = acs.create_identity_with_token(&request, deadline).await?;
    /// println!("{identity} has a token until {:?}", token.expires_on);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn create_identity_with_token(
        &self,
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
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/fixture.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ExampleFixture { acs, deadline, server: _server, .. } = ExampleFixture::new().await?;
    /// use acs_client::identity_core::{
    ///     identity::{Lifetime, Scope, Scopes, TokenRequest},
    ///     ports::IdentityClient,
    /// };
    ///
    /// let identity = acs.create_identity(deadline).await?;
    /// let scopes = Scopes::of(vec![Scope::VoipJoin]).ok_or("no scope")?;
    /// let request = TokenRequest { scopes, lifetime: Lifetime::HOUR };
    /// let token = acs.issue_access_token(&identity, &request, deadline).await?;
    /// // Only `expose` returns the token itself; its `Debug` output is `[secret]`.
    /// assert_eq!(token.token.expose().split('.').count(), 3);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn issue_access_token(
        &self,
        identity: &AcsId,
        token: &TokenRequest,
        deadline: SystemTime,
    ) -> Result<AccessToken, Error> {
        self.issue(identity, token, deadline).await
    }

    /// Exchanges a Teams user's Entra token for an access token of ACS
    /// (`POST /teamsUser/:exchangeAccessToken`, since 2022-06-01).
    ///
    /// `token` must be for the audience `https://auth.msft.communication.azure.com/`, with the delegated
    /// permissions `Teams.ManageCalls` and `Teams.ManageChats`. `app_id` is the client id of the
    /// Entra app it was issued to, and `user_id` is the user's object id. Both are GUIDs.
    /// This method does not check them, but ACS does, see
    /// [`ErrorCause::AppId`](crate::ErrorCause::AppId) and [`ErrorCause::UserId`](crate::ErrorCause::UserId).
    ///
    /// The new token expires when the old one does, usually after 60 to 89 minutes. ACS stores
    /// nothing, so the request is retried like one that issues a token.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/fixture.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let fixture = ExampleFixture::new().await?;
    /// # let user = fixture.entra_token(serde_json::json!({})).await?;
    /// # let ExampleFixture { acs, deadline, .. } = fixture;
    /// use acs_client::{Answered, ErrorCause, Mistake};
    ///
    /// // `user`: the Entra token that the app received at sign-in, and its ids.
    /// let token =
    ///     acs.exchange_teams_user_token(&user.token, &user.app_id, &user.user_id, deadline).await?;
    /// println!("the token expires at {:?}", token.expires_on);
    ///
    /// let refused = acs.exchange_teams_user_token(&user.token, "my app", &user.user_id, deadline).await;
    /// let error = refused.err().ok_or("the exchange succeeded")?;
    /// let cause = Answered::of(&error).map(Answered::cause);
    /// assert_eq!(cause, Some(&ErrorCause::AppId(Mistake::Malformed)));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn exchange_teams_user_token(
        &self,
        token: &Secret,
        app_id: &str,
        user_id: &str,
        deadline: SystemTime,
    ) -> Result<AccessToken, Error> {
        self.teams_user_token(token, app_id, user_id, deadline).await
    }

    /// Exchanges the Entra token of a user who has a Teams Phone assignment. Returns the
    /// assigned identity and its access token
    /// (`POST /access/teamsExtension/:exchangeAccessToken`, since 2025-06-30).
    ///
    /// The request carries the user's token instead of the client's credential. It is sent over
    /// https only, unless [`bearer_over_loopback_http`](crate::Config) is set.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/fixture.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let fixture = ExampleFixture::new().await?;
    /// # let claims = serde_json::json!({"scp": "TeamsExtension.ManageCalls"});
    /// # let user = fixture.entra_token(claims).await?;
    /// # let ExampleFixture { acs, deadline, .. } = fixture;
    /// # let assignment = acs_client::TeamsExtensionAssignment {
    /// #     tenant_id: user.tenant_id.parse()?,
    /// #     object_id: user.user_id.parse()?,
    /// #     principal_type: acs_client::PrincipalType::User,
    /// #     client_ids: vec![user.app_id.parse()?],
    /// # };
    /// # acs.put_teams_extension_assignment(&assignment, deadline).await?;
    /// // `user.token`: an Entra token of a user who has an assignment.
    /// let (identity, token) = acs.exchange_teams_extension_token(&user.token, deadline).await?;
    /// println!("{identity} has a token until {:?}", token.expires_on);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn exchange_teams_extension_token(
        &self,
        user_token: &Secret,
        deadline: SystemTime,
    ) -> Result<(AcsId, AccessToken), Error> {
        self.teams_extension_token(user_token, deadline).await
    }
}
