use std::future::Future;
use std::time::SystemTime;

use crate::model::{AccessToken, AcsId, Admission, Error, Secret, TokenRequest};

/// The ACS identity API.
///
/// A method that returns a token requires an [`Admission`], which only
/// [`admission`](crate::model::admission) can create. Callers do not retry: the adapter knows which of
/// its requests are safe to send again. Each call must end by `deadline`, with or without
/// success.
pub trait IdentityClient: Sync {
    /// Creates an identity. Never idempotent: each call that reaches ACS creates another one.
    fn create_identity(
        &self,
        deadline: SystemTime,
    ) -> impl Future<Output = Result<AcsId, Error>> + Send;

    /// Creates an identity and issues its first token in one request.
    fn create_identity_with_token(
        &self,
        admission: Admission,
        token: &TokenRequest,
        deadline: SystemTime,
    ) -> impl Future<Output = Result<(AcsId, AccessToken), Error>> + Send;

    /// Whether ACS has throttled creations, and none is sent for a while. A new identity is then
    /// better placed in another resource.
    fn is_creation_held(&self) -> bool;

    /// Issues a token for an existing identity.
    fn issue_access_token(
        &self,
        admission: Admission,
        identity: &AcsId,
        token: &TokenRequest,
        deadline: SystemTime,
    ) -> impl Future<Output = Result<AccessToken, Error>> + Send;

    /// Revokes every token issued for the identity so far. It succeeds for an identity that does
    /// not exist in ACS, because that identity has no tokens.
    fn revoke_access_tokens(
        &self,
        identity: &AcsId,
        deadline: SystemTime,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Deletes the identity with its tokens and data. It succeeds for an identity that does not
    /// exist in ACS.
    fn delete_identity(
        &self,
        identity: &AcsId,
        deadline: SystemTime,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Exchanges a Teams user's Entra token at ACS.
pub trait TeamsTokenExchange: Sync {
    /// Exchanges `token`, which Entra issued to the application `app_id` for the user whose
    /// object ID is `user_id`. The new token expires when `token` does.
    ///
    /// If ACS rejects the token, the result is [`Error::TeamsToken`].
    fn exchange_teams_user_token(
        &self,
        admission: Admission,
        token: &Secret,
        app_id: &str,
        user_id: &str,
        deadline: SystemTime,
    ) -> impl Future<Output = Result<AccessToken, Error>> + Send;
}
