//! An authenticated call of an operation, and its result.

use hyper::StatusCode;
use serde::Serialize;
use time::{Duration, OffsetDateTime};
use tracing::error;

use crate::api::{ApiError, Mri, RequestBody, ServiceVersion, date_time_offset};
use crate::auth::EntraClaims;
use crate::resource::Resource;
use crate::state::{EmulatorClaim, KeyMark, TokenClaims};

/// An authenticated call with a supported version.
pub(crate) struct OperationCall<'a> {
    pub resource: &'a Resource,
    pub version: ServiceVersion,
    pub now: OffsetDateTime,
    /// The access key that signed the request.
    pub key: KeyMark,
    pub body: Result<&'a RequestBody, ApiError>,
    /// Present on the routes that users call with their own tokens.
    pub user: Option<&'a EntraClaims>,
}

/// The result of an operation.
pub(crate) struct OperationSuccess {
    pub status: StatusCode,
    /// JSON; `None` for 204.
    pub body: Option<Vec<u8>>,
    /// The identity of the operation, if there is one.
    pub identity: Option<Mri>,
}

/// Why an operation was refused.
#[derive(Debug)]
pub(crate) enum OperationError {
    /// A refusal of the service itself.
    Api(ApiError),
    /// A refusal of the web framework: a status without a body.
    NoSuchRoute(StatusCode),
}

impl From<ApiError> for OperationError {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl OperationCall<'_> {
    /// The identity in a path, if it belongs to the resource.
    pub(super) fn own_identity(&self, id: &str) -> Result<Mri, ApiError> {
        Mri::owned_by(self.resource.options.cloud, &self.resource.guid, id)
    }

    /// Whether revoking and deleting succeed for an identity that does not exist.
    pub(super) fn known(&self, exists: bool) -> Result<(), ApiError> {
        if exists || !self.resource.options.refuse_unknown_identities {
            return Ok(());
        }
        Err(ApiError::identity_not_found())
    }

    /// A new identifier of the resource.
    pub(super) fn mri(&self, user: &str) -> Mri {
        Mri::new(self.resource.options.cloud, &self.resource.guid, user)
    }

    pub(super) fn body(&self) -> Result<&RequestBody, ApiError> {
        self.body.clone()
    }

    /// A token for an identity that was checked; `None` if it no longer exists.
    pub(super) fn issue(
        &self,
        identity: &Mri,
        scopes: &[String],
        life: Duration,
    ) -> Result<AccessTokenResponse, ApiError> {
        let expires = self.now.checked_add(life).ok_or_else(ApiError::internal)?;
        self.issue_until(identity, scopes, expires, self.resource.options.issue_for_deleted)
    }

    /// A token for an identity, which need not exist if `even_if_gone`.
    pub(super) fn issue_until(
        &self,
        identity: &Mri,
        scopes: &[String],
        expires: OffsetDateTime,
        even_if_gone: bool,
    ) -> Result<AccessTokenResponse, ApiError> {
        let (key, identities) = (self.key, &self.resource.identities);
        let generation = kept(identities.issue(identity, self.now, expires, key, even_if_gone))?
            .ok_or_else(ApiError::identity_not_found)?;
        // Signed outside the lock: a revocation in between also ends this token.
        let emulator = EmulatorClaim { generation, serial: self.resource.next_serial(), key };
        let claims = TokenClaims::new(identity, scopes, self.now, expires, emulator)
            .of_resource(&self.resource.guid);
        let token = self.resource.signer.sign(&claims).ok_or_else(ApiError::internal)?;
        Ok(AccessTokenResponse { token, expires_on: date_time_offset(expires) })
    }
}

impl OperationSuccess {
    pub(super) fn json(
        status: StatusCode,
        identity: impl Into<Option<Mri>>,
        body: &impl Serialize,
    ) -> Result<Self, ApiError> {
        let body = serde_json::to_vec(body).map_err(|_| ApiError::internal())?;
        Ok(Self { status, body: Some(body), identity: identity.into() })
    }

    pub(super) fn no_content(identity: impl Into<Option<Mri>>) -> Self {
        Self { status: StatusCode::NO_CONTENT, body: None, identity: identity.into() }
    }
}

/// `CommunicationIdentityAccessToken`. It has no `Debug`, because it contains a token.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AccessTokenResponse {
    token: String,
    expires_on: String,
}

/// An event that could not be stored did not happen, so the caller gets an error.
pub(super) fn kept<T>(result: std::io::Result<T>) -> Result<T, ApiError> {
    result.map_err(|cause| {
        error!(error = %cause, "failed to write the journal");
        ApiError::internal()
    })
}
