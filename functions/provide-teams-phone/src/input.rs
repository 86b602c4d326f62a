//! The body of `PUT`.

use api_types::ProblemType;
use identity_core::identity::ExternalId;
use identity_core::phone::{Guid, PhonePrincipal, PrincipalType, TeamsExtensionAssignment};
use lambda_edge::Problem;
use serde::Deserialize;

/// The request body.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Input {
    /// `user` or `resourceAccount`; a user if absent.
    principal_type: Option<String>,
    /// The Entra apps that the principal may sign in with.
    client_ids: Option<Vec<String>>,
    /// The external id of the user who is the principal. Their events end the assignment.
    user: Option<String>,
}

impl Input {
    /// The assignment of `principal`, and the user who is the principal.
    pub(crate) fn into_assignment(
        self,
        principal: PhonePrincipal,
    ) -> Result<(TeamsExtensionAssignment, Option<ExternalId>), Problem> {
        let Self { principal_type, client_ids, user } = self;
        let principal_type = match principal_type {
            None => PrincipalType::User,
            Some(raw) => PrincipalType::parse(&raw)
                .ok_or_else(|| invalid("/principalType", "must be user or resourceAccount"))?,
        };
        let client_ids = client_ids.unwrap_or_default();
        if client_ids.len() > MOST_CLIENTS {
            return Err(invalid("/clientIds", "must have at most 20 elements"));
        }
        let client_ids: Result<Vec<Guid>, _> = client_ids.iter().map(|raw| raw.parse()).collect();
        let client_ids = client_ids
            .map_err(|_| invalid("/clientIds", "must be the ids of Entra apps, which are GUIDs"))?;
        let user = user.map(|raw| ExternalId::parse(&raw).ok_or(ProblemType::INVALID_EXTERNAL_ID));
        let PhonePrincipal { tenant_id, object_id } = principal;
        let assignment =
            TeamsExtensionAssignment { tenant_id, object_id, principal_type, client_ids };
        Ok((assignment, user.transpose()?))
    }
}

fn invalid(pointer: &str, reason: &str) -> Problem {
    let detail = format!("invalid value at `{pointer}`: {reason}");
    Problem::new(ProblemType::INVALID_BODY, detail)
}

/// More than any organisation has.
const MOST_CLIENTS: usize = 20;
