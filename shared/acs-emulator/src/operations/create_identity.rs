//! `POST /identities`: a new identity, with a token if scopes are given.

use hyper::StatusCode;
use serde::Serialize;
use uuid::Uuid;

use super::call::{AccessTokenResponse, kept};
use super::{OperationCall, OperationError, OperationSuccess, validation};

pub(crate) fn perform(call: &OperationCall<'_>) -> Result<OperationSuccess, OperationError> {
    let body = call.body()?;
    let scopes = body.scopes(SCOPES, "CreateTokenWithScopes")?.unwrap_or_default();
    let life = validation::life(call, body)?;
    let scopes = validation::known_scopes(call, scopes, SCOPES)?;

    let id = call.mri(&Uuid::new_v4().to_string());
    kept(call.resource.identities.create(&id, call.now))?;
    let access_token = match scopes.as_slice() {
        [] => None,
        scopes => Some(call.issue(&id, scopes, life)?),
    };
    let created = CreateIdentityResponse {
        identity: CommunicationIdentity { id: id.as_str() },
        access_token,
    };
    Ok(OperationSuccess::json(StatusCode::CREATED, id.clone(), &created)?)
}

/// The member that requests a token.
const SCOPES: &str = "createTokenWithScopes";

/// `CommunicationIdentityAccessTokenResult`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateIdentityResponse<'a> {
    pub identity: CommunicationIdentity<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token: Option<AccessTokenResponse>,
}

/// `CommunicationIdentity`.
#[derive(Serialize)]
pub(super) struct CommunicationIdentity<'a> {
    pub id: &'a str,
}
