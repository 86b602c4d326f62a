//! The operations of the service. Each takes a call and gives an answer or a refusal.

mod assignments;
mod create_identity;
mod delete_identity;
mod exchange_access;
mod exchange_teams_token;
mod get_identity;
mod issue_access_token;
mod revoke_access_tokens;
mod validation;

use hyper::StatusCode;
use serde::Serialize;
use time::{Duration, OffsetDateTime};
use tracing::error;

use crate::api_version::ApiVersion;
use crate::entra::EntraClaims;
use crate::error::ApiError;
use crate::keys::KeyMark;
use crate::mri::Mri;
use crate::request_body::RequestBody;
use crate::resource::Resource;
use crate::route::Route;
use crate::timestamp::date_time_offset;
use crate::token::{Claims, EmulatorClaim};

/// A call that is authenticated and names a version that is served.
pub(crate) struct Call<'a> {
    pub resource: &'a Resource,
    pub version: ApiVersion,
    pub now: OffsetDateTime,
    /// The access key that signed the request.
    pub key: KeyMark,
    pub body: Result<&'a RequestBody, ApiError>,
    /// Present on the routes that users come to by themselves.
    pub user: Option<&'a EntraClaims>,
}

/// What an operation did.
pub(crate) struct Success {
    pub status: StatusCode,
    /// JSON; nothing for 204.
    pub body: Option<Vec<u8>>,
    /// Whose it was about, if it was about an identity.
    pub identity: Option<Mri>,
}

/// Does what `route` names.
pub(crate) fn perform(route: &Route, call: &Call<'_>) -> Result<Success, Failure> {
    match route {
        Route::CreateIdentity => create_identity::perform(call),
        Route::IssueAccessToken(id) => issue_access_token::perform(call, id),
        Route::RevokeAccessTokens(id) => revoke_access_tokens::perform(call, id),
        Route::DeleteIdentity(id) => delete_identity::perform(call, id),
        Route::GetIdentity(id) => get_identity::perform(call, id),
        Route::ExchangeTeamsToken => exchange_teams_token::perform(call),
        Route::ExchangeAccess(access) => exchange_access::perform(call, *access),
        Route::Assignment(verb, key) => assignments::perform(call, *verb, key),
        Route::PatchEntraAssignments => assignments::patch(call),
        Route::Unknown => Err(Failure::NoSuchRoute(StatusCode::NOT_FOUND)),
        Route::WrongMethod => Err(Failure::NoSuchRoute(StatusCode::METHOD_NOT_ALLOWED)),
    }
}

/// Why an operation did nothing.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The service's own refusal.
    Api(ApiError),
    /// The web framework's: a status and no body.
    NoSuchRoute(StatusCode),
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl Call<'_> {
    /// The identity a path names, if it is the resource's.
    fn own_identity(&self, id: &str) -> Result<Mri, ApiError> {
        Mri::owned_by(&self.resource.guid, id)
    }

    /// Whether revoking and deleting may pass for an identity that is not there.
    fn known(&self, exists: bool) -> Result<(), ApiError> {
        if exists || !self.resource.options.refuse_unknown_identities {
            return Ok(());
        }
        Err(ApiError::identity_not_found())
    }

    fn body(&self) -> Result<&RequestBody, ApiError> {
        self.body.clone()
    }

    /// A token for an identity that was looked at; nothing if it is gone.
    fn issue(
        &self,
        identity: &Mri,
        scopes: &[String],
        life: Duration,
    ) -> Result<AccessToken, ApiError> {
        let expires = self.now.checked_add(life).ok_or_else(ApiError::internal)?;
        self.issue_until(identity, scopes, expires, self.resource.options.issue_for_deleted)
    }

    /// A token for an identity that need not have been created, if `even_if_gone`.
    fn issue_until(
        &self,
        identity: &Mri,
        scopes: &[String],
        expires: OffsetDateTime,
        even_if_gone: bool,
    ) -> Result<AccessToken, ApiError> {
        let (key, identities) = (self.key, &self.resource.identities);
        let generation = kept(identities.issue(identity, self.now, expires, key, even_if_gone))?
            .ok_or_else(ApiError::identity_not_found)?;
        // Signed outside the lock: a revocation in between ends this token too.
        let emulator = EmulatorClaim { generation, serial: self.resource.next_serial(), key };
        let claims = Claims::new(identity, scopes, self.now, expires, emulator)
            .of_resource(&self.resource.guid);
        let token = self.resource.signer.sign(&claims).ok_or_else(ApiError::internal)?;
        Ok(AccessToken { token, expires_on: date_time_offset(expires) })
    }
}

/// `CommunicationIdentityAccessToken`. No `Debug`: it carries a token.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccessToken {
    token: String,
    expires_on: String,
}

impl Success {
    fn json(
        status: StatusCode,
        identity: impl Into<Option<Mri>>,
        body: &impl Serialize,
    ) -> Result<Self, ApiError> {
        let body = serde_json::to_vec(body).map_err(|_| ApiError::internal())?;
        Ok(Self { status, body: Some(body), identity: identity.into() })
    }

    fn no_content(identity: impl Into<Option<Mri>>) -> Self {
        Self { status: StatusCode::NO_CONTENT, body: None, identity: identity.into() }
    }
}

/// What could not be kept did not happen, so the caller hears of it.
fn kept<T>(result: std::io::Result<T>) -> Result<T, ApiError> {
    result.map_err(|cause| {
        error!(error = %cause, "the journal cannot be written");
        ApiError::internal()
    })
}
