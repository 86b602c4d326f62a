//! The assignments that decide who may use Teams Phone.

use std::time::SystemTime;

use identity_core::{Error, ports::Clock};
use serde::{Deserialize, Serialize};

use crate::{
    call::operation::Operation,
    client::{AcsIdentityClient, UNWRITABLE, Wanted, nonsense},
    guid::Guid,
};

/// The assignment that lets a user or a resource account of a tenant use Teams Phone through the
/// ACS resource.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TeamsExtensionAssignment {
    /// The tenant of the principal.
    pub tenant_id: Guid,
    /// The object id of the principal.
    pub object_id: Guid,
    /// The kind of the principal.
    pub principal_type: PrincipalType,
    /// The Entra apps that the principal may sign in with. The list is sent as it is; ACS
    /// decides what an empty list means.
    #[serde(default)]
    pub client_ids: Vec<Guid>,
}

/// The kind of a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum PrincipalType {
    /// A user.
    User,
    /// A Teams resource account: an auto attendant, or a call queue.
    ResourceAccount,
}

impl<C: Clock> AcsIdentityClient<C> {
    /// The assignment of a principal (`GET`, since 2025-06-30), if it has one.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let World { acs, deadline, server: _server, .. } = World::new().await?;
    /// use acs_client::Guid;
    ///
    /// let tenant_id: Guid = "aaaaaaaa-2222-3333-4444-555555555555".parse()?;
    /// let object_id: Guid = "bbbbbbbb-2222-3333-4444-555555555555".parse()?;
    /// let found = acs.find_teams_extension_assignment(&tenant_id, &object_id, deadline).await?;
    /// assert_eq!(found, None);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn find_teams_extension_assignment(
        &self,
        tenant_id: &Guid,
        object_id: &Guid,
        deadline: SystemTime,
    ) -> Result<Option<TeamsExtensionAssignment>, Error> {
        let operation = Operation::FindAssignment;
        let path = assignment_path(tenant_id, object_id);
        let wanted = Wanted { operation, path: &path, body: Vec::new(), user_token: None };
        let answer = self.call(wanted, deadline).await?;
        if answer.status == 404 {
            return Ok(None);
        }
        let found = read_assignment(&answer.body.0, tenant_id, object_id);
        found.map(Some).ok_or_else(|| nonsense(&answer, operation))
    }

    /// Creates or replaces an assignment (`PUT`, since 2025-06-30), and returns it as ACS stored
    /// it.
    ///
    /// The result does not say whether there was one before: after a lost response that is
    /// unknown.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let World { acs, deadline, server: _server, .. } = World::new().await?;
    /// use acs_client::{Guid, PrincipalType, TeamsExtensionAssignment};
    ///
    /// let tenant_id: Guid = "aaaaaaaa-2222-3333-4444-555555555555".parse()?;
    /// let object_id: Guid = "bbbbbbbb-2222-3333-4444-555555555555".parse()?;
    /// let assignment = TeamsExtensionAssignment {
    ///     tenant_id,
    ///     object_id,
    ///     principal_type: PrincipalType::ResourceAccount,
    ///     client_ids: vec!["cccccccc-2222-3333-4444-555555555555".parse()?],
    /// };
    /// let put = acs.put_teams_extension_assignment(&assignment, deadline).await?;
    /// assert_eq!(put, assignment);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn put_teams_extension_assignment(
        &self,
        assignment: &TeamsExtensionAssignment,
        deadline: SystemTime,
    ) -> Result<TeamsExtensionAssignment, Error> {
        let operation = Operation::PutAssignment;
        let TeamsExtensionAssignment { tenant_id, object_id, principal_type, client_ids } =
            assignment;
        let body = serde_json::to_vec(&PutAssignment { principal_type, client_ids });
        let path = assignment_path(tenant_id, object_id);
        let body = body.map_err(|_| UNWRITABLE)?;
        let wanted = Wanted { operation, path: &path, body, user_token: None };
        let answer = self.call(wanted, deadline).await?;
        read_assignment(&answer.body.0, tenant_id, object_id)
            .ok_or_else(|| nonsense(&answer, operation))
    }

    /// Deletes an assignment (`DELETE`, since 2025-06-30), and with it the tokens issued through
    /// it. Deleting an assignment that does not exist succeeds.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/world.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let World { acs, deadline, server: _server, .. } = World::new().await?;
    /// use acs_client::Guid;
    ///
    /// let tenant_id: Guid = "aaaaaaaa-2222-3333-4444-555555555555".parse()?;
    /// let object_id: Guid = "bbbbbbbb-2222-3333-4444-555555555555".parse()?;
    /// acs.delete_teams_extension_assignment(&tenant_id, &object_id, deadline).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn delete_teams_extension_assignment(
        &self,
        tenant_id: &Guid,
        object_id: &Guid,
        deadline: SystemTime,
    ) -> Result<(), Error> {
        let path = assignment_path(tenant_id, object_id);
        let operation = Operation::DeleteAssignment;
        let wanted = Wanted { operation, path: &path, body: Vec::new(), user_token: None };
        self.call(wanted, deadline).await.map(drop)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PutAssignment<'a> {
    principal_type: &'a PrincipalType,
    client_ids: &'a [Guid],
}

fn assignment_path(tenant_id: &Guid, object_id: &Guid) -> String {
    format!("/access/teamsExtension/tenants/{tenant_id}/assignments/{object_id}")
}

/// Reads an assignment, if it is the requested one.
fn read_assignment(
    body: &[u8],
    tenant_id: &Guid,
    object_id: &Guid,
) -> Option<TeamsExtensionAssignment> {
    let found: TeamsExtensionAssignment = serde_json::from_slice(body).ok()?;
    (found.tenant_id == *tenant_id && found.object_id == *object_id).then_some(found)
}
