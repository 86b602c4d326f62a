//! `POST /identities/{id}/:issueAccessToken`: a token for an identity.

use hyper::StatusCode;

use super::{OperationCall, OperationError, OperationSuccess, validation};
use crate::api::ApiError;

pub(crate) fn perform(
    call: &OperationCall<'_>,
    id: &str,
) -> Result<OperationSuccess, OperationError> {
    // Two refusals that look alike: model binding finds absent scopes, the operation finds an empty
    // list.
    let body = call.body()?;
    let scopes = body.scopes("scopes", "Scopes")?;
    let scopes = scopes.ok_or_else(|| {
        ApiError::invalid_model("Scopes", "Scopes: The Scopes field is required.")
    })?;
    if scopes.is_empty() {
        let message = "Invalid scopes - Scopes field is required.";
        return Err(ApiError::invalid("scopes", message).into());
    }
    let life = validation::life(call, body)?;
    let scopes = validation::known_scopes(call, scopes, "scopes")?;

    let identity = call.own_identity(id)?;
    let token = call.issue(&identity, &scopes, life)?;
    Ok(OperationSuccess::json(StatusCode::OK, identity, &token)?)
}
