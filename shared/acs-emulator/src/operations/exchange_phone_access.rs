//! `POST /access/teamsExtension/:exchangeAccessToken`: exchanges a Teams Phone user's own Entra
//! token, sent as the bearer, for an ACS token. An operator must have assigned the user before.

use hyper::StatusCode;
use time::OffsetDateTime;
use tracing::warn;

use super::call::kept;
use super::create_identity::{CommunicationIdentity, CreateIdentityResponse};
use super::{OperationCall, OperationError, OperationSuccess};
use crate::api::{ApiError, AssignmentKey};
use crate::auth::BearerRefusal;

pub(crate) fn perform(call: &OperationCall<'_>) -> Result<OperationSuccess, OperationError> {
    call.body()?;
    // A request without a user was already refused.
    let user = call.user.ok_or_else(ApiError::internal)?;
    let identities = &call.resource.identities;
    let key =
        AssignmentKey { tenant: claim(user.tid.as_deref()), object: claim(user.oid.as_deref()) };
    let application = user.application().unwrap_or_default();
    if !identities.assignment(&key).is_some_and(|assignment| assignment.allows(application)) {
        return Err(not_assigned().into());
    }
    let identity = call.mri(&format!("{}_{}", key.tenant, key.object));
    let expires = OffsetDateTime::from_unix_timestamp(user.exp);
    let expires = expires.map_err(|_| ApiError::internal())?;
    let access_token = call.issue_until(&identity, &["voip".to_owned()], expires, true)?;
    // If the assignment was removed in the meantime, the token is not returned.
    if !kept(identities.record_assignment_use(&identity, &key))? {
        return Err(not_assigned().into());
    }
    let body = CreateIdentityResponse {
        identity: CommunicationIdentity { id: identity.as_str() },
        access_token: Some(access_token),
    };
    Ok(OperationSuccess::json(StatusCode::OK, identity.clone(), &body)?)
}

fn not_assigned() -> ApiError {
    let refusal = BearerRefusal::NotAssigned;
    warn!(reason = %refusal, "Teams Phone token exchange refused: {refusal}");
    ApiError::denied("Denied by the resource provider.")
}

fn claim(claim: Option<&str>) -> String {
    claim.unwrap_or_default().to_ascii_lowercase()
}
