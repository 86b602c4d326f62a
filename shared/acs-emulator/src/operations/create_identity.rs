//! `POST /identities`: a new identity, with a token if scopes are given.

use hyper::StatusCode;
use serde::Serialize;
use uuid::Uuid;

use super::{AccessToken, Call, Failure, Success, kept, validation};
use crate::api_version::ApiVersion;
use crate::identities::Details;
use crate::mri::Mri;
use crate::timestamp::date_time_offset;

pub(crate) fn perform(call: &Call<'_>) -> Result<Success, Failure> {
    let body = call.body()?;
    let scopes = body.scopes(SCOPES, "CreateTokenWithScopes")?.unwrap_or_default();
    let life = validation::life(call, body)?;
    let scopes = validation::known_scopes(call, scopes, SCOPES)?;
    let custom_id = validation::custom_id(call, body)?;

    let identities = &call.resource.identities;
    let new = Mri::new(&call.resource.guid, &Uuid::new_v4().to_string());
    // A request with a known custom id gets the existing identity, and also 201.
    let id = if let Some(custom_id) = custom_id {
        kept(identities.create_once(new, custom_id, call.now))?
    } else {
        kept(identities.create(&new, call.now))?;
        new
    };
    let access_token = match scopes.as_slice() {
        [] => None,
        scopes => Some(call.issue(&id, scopes, life)?),
    };
    let details = if custom_id.is_some() { identities.details(&id) } else { None };
    let identity = Identity::of(call.version, &id, details.unwrap_or_default());
    let created = Created { identity, access_token };
    Ok(Success::json(StatusCode::CREATED, id.clone(), &created)?)
}

/// The member that requests a token.
const SCOPES: &str = "createTokenWithScopes";

/// `CommunicationIdentityAccessTokenResult`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Created<'a> {
    pub identity: Identity<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token: Option<AccessToken>,
}

/// `CommunicationIdentity`, with the members in the recorded order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Identity<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_id: Option<String>,
    /// In whole seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_token_issued_at: Option<String>,
    id: &'a str,
}

impl<'a> Identity<'a> {
    /// The details of `id` that `version` returns.
    pub(super) fn of(version: ApiVersion, id: &'a Mri, details: Details) -> Self {
        let details = if version.has_custom_id() { details } else { Details::default() };
        let second = details.last_token_at.and_then(|at| at.replace_nanosecond(0).ok());
        Self {
            custom_id: details.custom_id,
            last_token_issued_at: second.map(date_time_offset),
            id: id.as_str(),
        }
    }
}
