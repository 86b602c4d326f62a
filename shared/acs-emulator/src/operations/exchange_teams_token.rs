//! `POST /teamsUser/:exchangeAccessToken`: exchanges an Entra token for an ACS token.
//!
//! The Entra token is checked before the rest of the body, so a request with several errors is
//! refused for the token.

use hyper::StatusCode;
use time::OffsetDateTime;
use tracing::warn;
use uuid::Uuid;

use super::{OperationCall, OperationError, OperationSuccess};
use crate::api::{ApiError, Mri};
use crate::auth::TEAMS_SCOPES;

pub(crate) fn perform(call: &OperationCall<'_>) -> Result<OperationSuccess, OperationError> {
    let body = call.body()?;
    let token = body.text("token", "Token")?;
    let entra = &call.resource.auth.entra;
    let claims = entra.user(token, &TEAMS_SCOPES, call.now).map_err(|refusal| {
        warn!(reason = %refusal, "Teams token exchange refused: {refusal}");
        ApiError::invalid_access_token()
    })?;
    if call.version.names_app_and_user() {
        let app = body.required("appId", "AppId")?;
        let user = body.required("userId", "UserId")?;
        let app = guid(app, "appId", "Provided AppId has invalid format.")?;
        let user = guid(user, "userId", "Provided UserId has invalid format.")?;
        if !names(claims.application(), app) {
            let message = "AAD application is not the expected one.";
            return Err(ApiError::invalid("appId", message).into());
        }
        if !names(claims.oid.as_deref(), user) {
            let message = "Provided AAD token issued for unexpected user.";
            return Err(ApiError::invalid("userId", message).into());
        }
    }
    let user = claims.oid.as_deref().unwrap_or_default().to_ascii_lowercase();
    let identity = Mri::of_teams_user(call.resource.options.cloud, &user);
    // The ACS token expires with the Entra token.
    let expires = OffsetDateTime::from_unix_timestamp(claims.exp);
    let expires = expires.map_err(|_| ApiError::invalid_access_token())?;
    let scopes = ["chat", "voip"].map(str::to_owned);
    let token = call.issue_until(&identity, &scopes, expires, true)?;
    Ok(OperationSuccess::json(StatusCode::OK, identity, &token)?)
}

fn guid(text: &str, target: &'static str, message: &str) -> Result<Uuid, ApiError> {
    Uuid::try_parse(text.trim()).map_err(|_| ApiError::invalid(target, message))
}

fn names(claim: Option<&str>, guid: Uuid) -> bool {
    claim.and_then(|claim| Uuid::try_parse(claim).ok()) == Some(guid)
}
