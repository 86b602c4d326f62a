//! `POST /access/teamsExtension/:exchangeAccessToken` and `POST
//! /access/entra/:exchangeAccessToken`: exchanges a user's own Entra token, sent as the bearer, for
//! an ACS token. An operator must have created an assignment for the user before.

use hyper::StatusCode;
use time::OffsetDateTime;
use tracing::warn;

use super::create_identity::{Created, Identity};
use super::{Call, Failure, Success, kept};
use crate::entra::{EntraClaims, Refusal};
use crate::error::ApiError;
use crate::identities::Details;
use crate::mri::Mri;
use crate::route::{Access, AssignmentKey};

pub(crate) fn perform(call: &Call<'_>, access: Access) -> Result<Success, Failure> {
    call.body()?;
    // A request without a user was already refused.
    let user = call.user.ok_or_else(ApiError::internal)?;
    let door = door(call, access, user).ok_or_else(shut)?;
    let (tenant, object) = (claim(user.tid.as_deref()), claim(user.oid.as_deref()));
    let (owner, scopes) = match access {
        Access::TeamsExtension => (format!("{tenant}_{object}"), vec!["voip".to_owned()]),
        Access::Entra => (format!("wf_{tenant}_{object}"), user.acs_scopes()),
    };
    let identity = Mri::new(&call.resource.guid, &owner);
    let expires = OffsetDateTime::from_unix_timestamp(user.exp);
    let expires = expires.map_err(|_| ApiError::internal())?;
    let access_token = call.issue_until(&identity, &scopes, expires, true)?;
    // If the assignment was removed in the meantime, the token is not returned.
    if !kept(call.resource.identities.let_in(&identity, &door))? {
        return Err(shut().into());
    }
    let body = Created {
        identity: Identity::of(call.version, &identity, Details::default()),
        access_token: Some(access_token),
    };
    Ok(Success::json(StatusCode::OK, identity.clone(), &body)?)
}

/// The assignment that covers `user` and the application that the user has.
fn door(call: &Call<'_>, access: Access, user: &EntraClaims) -> Option<AssignmentKey> {
    let (tenant, object) = (claim(user.tid.as_deref()), claim(user.oid.as_deref()));
    let keys = match access {
        Access::TeamsExtension => {
            vec![AssignmentKey { access, tenant: Some(tenant.clone()), object }]
        }
        Access::Entra => {
            let groups = user.groups.iter().map(|group| group.to_ascii_lowercase());
            [object, tenant.clone()]
                .into_iter()
                .chain(groups)
                .map(|object| AssignmentKey { access, tenant: None, object })
                .collect()
        }
    };
    keys.into_iter().find(|key| {
        call.resource.identities.assignment(key).is_some_and(|assignment| {
            assignment.tenant_id.eq_ignore_ascii_case(&tenant)
                && assignment.lets_in(user.application().unwrap_or_default())
        })
    })
}

fn shut() -> ApiError {
    let refusal = Refusal::NotAssigned;
    warn!(reason = %refusal, "refused to exchange a user's token: {refusal}");
    ApiError::denied("Denied by the resource provider.")
}

fn claim(claim: Option<&str>) -> String {
    claim.unwrap_or_default().to_ascii_lowercase()
}
