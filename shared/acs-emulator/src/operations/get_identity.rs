//! `GET /identities/{id}`: the details of an identity, which only one preview has.

use hyper::StatusCode;

use super::create_identity::Identity;
use super::{Call, Failure, Success};
use crate::error::ApiError;

pub(crate) fn perform(call: &Call<'_>, id: &str) -> Result<Success, Failure> {
    let identity = call.own_identity(id)?;
    let details = call.resource.identities.details(&identity);
    let details = details.ok_or_else(ApiError::identity_not_found)?;
    let body = Identity::of(call.version, &identity, details);
    Ok(Success::json(StatusCode::OK, identity.clone(), &body)?)
}
