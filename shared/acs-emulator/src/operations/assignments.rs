//! `/access/teamsExtension/tenants/{tenantId}/assignments/{objectId}`: the users who may exchange
//! their own token.

use hyper::StatusCode;
use uuid::Uuid;

use super::call::kept;
use super::{OperationCall, OperationError, OperationSuccess};
use crate::api::{ApiError, AssignmentKey, RequestBody, Verb};
use crate::state::Assignment;

/// Gets an assignment, creates or replaces it, or removes it with its tokens.
pub(crate) fn perform(
    call: &OperationCall<'_>,
    verb: Verb,
    key: &AssignmentKey,
) -> Result<OperationSuccess, OperationError> {
    check_guid(&key.object, "objectId")?;
    check_guid(&key.tenant, "tenantId")?;
    let identities = &call.resource.identities;
    match verb {
        Verb::Get => {
            let found = identities.assignment(key).ok_or_else(ApiError::assignment_not_found)?;
            Ok(OperationSuccess::json(StatusCode::OK, None, &found)?)
        }
        Verb::Put => {
            let assignment = read(call.body()?, key)?;
            let replaced = kept(identities.assign(key, assignment.clone()))?;
            let status = if replaced { StatusCode::OK } else { StatusCode::CREATED };
            Ok(OperationSuccess::json(status, None, &assignment)?)
        }
        Verb::Delete => {
            kept(identities.unassign(key, call.now))?;
            Ok(OperationSuccess::no_content(None))
        }
    }
}

/// The assignment of `key` that a body describes.
fn read(body: &RequestBody, key: &AssignmentKey) -> Result<Assignment, ApiError> {
    let principal_type = body.required("principalType", "PrincipalType")?;
    if !PRINCIPAL_TYPES.iter().any(|known| known.eq_ignore_ascii_case(principal_type)) {
        let message = format!("PrincipalType must be one of {}.", PRINCIPAL_TYPES.join(", "));
        return Err(ApiError::invalid("principalType", message));
    }
    let client_ids = body.scopes("clientIds", "ClientIds")?;
    for client in client_ids.iter().flatten() {
        check_guid(client, "clientIds")?;
    }
    Ok(Assignment {
        object_id: key.object.clone(),
        tenant_id: key.tenant.clone(),
        principal_type: principal_type.to_owned(),
        client_ids,
    })
}

fn check_guid(text: &str, target: &'static str) -> Result<(), ApiError> {
    let malformed = |_| ApiError::invalid(target, format!("Provided {target} has invalid format."));
    Uuid::try_parse(text).map(|_| ()).map_err(malformed)
}

/// The specification and the SDKs have `resourceAccount`, the tutorials `teamsResourceAccount`. Which
/// of them the service refuses is unknown, so the emulator accepts both, and returns what it got.
const PRINCIPAL_TYPES: [&str; 3] = ["resourceAccount", "teamsResourceAccount", "user"];
