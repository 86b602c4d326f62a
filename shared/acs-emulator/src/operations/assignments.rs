//! `/access/teamsExtension/tenants/{tenantId}/assignments/{objectId}` and
//! `/access/entra/assignments`: the users who may exchange their own token.

use hyper::StatusCode;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Call, Failure, Success, kept};
use crate::error::ApiError;
use crate::identities::Assignment;
use crate::request_body::RequestBody;
use crate::route::{Access, AssignmentKey, Verb};

/// Gets an assignment, creates or replaces it, or removes it with its tokens.
pub(crate) fn perform(
    call: &Call<'_>,
    verb: Verb,
    key: &AssignmentKey,
) -> Result<Success, Failure> {
    guid(&key.object, "objectId")?;
    if let Some(tenant) = &key.tenant {
        guid(tenant, "tenantId")?;
    }
    let identities = &call.resource.identities;
    match verb {
        Verb::Get => {
            let found = identities.assignment(key).ok_or_else(ApiError::assignment_not_found)?;
            Ok(Success::json(StatusCode::OK, None, &found)?)
        }
        Verb::Put => {
            let assignment = read(call.body()?, key)?;
            let replaced = kept(identities.assign(key, assignment.clone()))?;
            let status = if replaced { StatusCode::OK } else { StatusCode::CREATED };
            Ok(Success::json(status, None, &assignment)?)
        }
        Verb::Delete => {
            kept(identities.unassign(key, call.now))?;
            Ok(Success::no_content(None))
        }
    }
}

/// `PATCH /access/entra/assignments`: a merge patch, by object id. The complete patch is validated
/// before any of it is applied.
pub(crate) fn patch(call: &Call<'_>) -> Result<Success, Failure> {
    let identities = &call.resource.identities;
    let mut changes = Vec::new();
    for (object, change) in call.body()?.members() {
        guid(object, "objectId")?;
        let object = object.to_ascii_lowercase();
        let key = AssignmentKey { access: Access::Entra, tenant: None, object };
        let outcome = match change {
            Value::Null => None,
            Value::Object(members) => {
                let current = identities.assignment(&key).map(serde_json::to_value);
                let current = current.transpose().map_err(|_| ApiError::internal())?;
                Some(read(&merged(current, members), &key)?)
            }
            _ => {
                let message = "$: Each member must be an assignment or null.";
                return Err(ApiError::invalid_model("$", message).into());
            }
        };
        changes.push((key, outcome));
    }
    for (key, outcome) in changes {
        match outcome {
            Some(assignment) => kept(identities.assign(&key, assignment)).map(|_| ())?,
            None => kept(identities.unassign(&key, call.now))?,
        }
    }
    Ok(Success::no_content(None))
}

fn merged(current: Option<Value>, members: &Map<String, Value>) -> RequestBody {
    let mut merged = match current {
        Some(Value::Object(current)) => current,
        _ => Map::new(),
    };
    merged.extend(members.clone());
    RequestBody::from(merged)
}

/// The assignment of `key` that a body describes.
fn read(body: &RequestBody, key: &AssignmentKey) -> Result<Assignment, ApiError> {
    let (kinds, tenant) = match key.access {
        Access::TeamsExtension => (&TEAMS_KINDS[..], key.tenant.clone().unwrap_or_default()),
        Access::Entra => {
            let tenant = body.required("tenantId", "TenantId")?;
            guid(tenant, "tenantId")?;
            (&ENTRA_KINDS[..], tenant.to_ascii_lowercase())
        }
    };
    let kind = body.required("principalType", "PrincipalType")?;
    if !kinds.contains(&kind) {
        let message = format!("PrincipalType must be one of {}.", kinds.join(", "));
        return Err(ApiError::invalid("principalType", message));
    }
    let client_ids = body.scopes("clientIds", "ClientIds")?;
    for client in client_ids.iter().flatten() {
        guid(client, "clientIds")?;
    }
    Ok(Assignment {
        object_id: key.object.clone(),
        tenant_id: tenant,
        principal_type: kind.to_owned(),
        client_ids,
    })
}

fn guid(text: &str, target: &'static str) -> Result<(), ApiError> {
    let malformed = |_| ApiError::invalid(target, format!("Provided {target} has invalid format."));
    Uuid::try_parse(text).map(|_| ()).map_err(malformed)
}

const TEAMS_KINDS: [&str; 2] = ["resourceAccount", "user"];
const ENTRA_KINDS: [&str; 3] = ["user", "group", "tenant"];
