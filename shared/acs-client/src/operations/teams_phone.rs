//! Teams Phone assignments, which let a user or a resource account use Teams Phone.

use std::time::SystemTime;

use identity_core::Error;
use identity_core::ports::Clock;
use serde::{Deserialize, Serialize};

use crate::call::AcsOperation;
use crate::client::{AcsIdentityClient, OperationRequest, invalid_body, json};
use crate::guid::Guid;

/// An assignment, which lets a user or a resource account of a tenant use Teams Phone through the ACS
/// resource.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TeamsExtensionAssignment {
    /// The tenant of the principal.
    pub tenant_id: Guid,
    /// The object id of the principal.
    pub object_id: Guid,
    /// The kind of the principal.
    pub principal_type: PrincipalType,
    /// The Entra apps that the principal may sign in with. ACS decides what an empty list means.
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
    /// Finds the assignment of a principal (`GET`, since 2025-06-30).
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/fixture.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ExampleFixture { acs, deadline, server: _server, .. } = ExampleFixture::new().await?;
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
        let operation = AcsOperation::FindAssignment;
        let path = assignment_path(tenant_id, object_id);
        let request =
            OperationRequest { operation, path: &path, body: Vec::new(), user_token: None };
        let response = self.call(request, deadline).await?;
        if response.status == 404 {
            return Ok(None);
        }
        let found = read_assignment(&response.body.0, tenant_id, object_id);
        found.map(Some).ok_or_else(|| invalid_body(&response, operation))
    }

    /// Creates or replaces an assignment (`PUT`, since 2025-06-30), and returns it as ACS stored
    /// it.
    ///
    /// The result does not show whether an assignment was replaced, because that is unknown after a
    /// retry.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/fixture.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ExampleFixture { acs, deadline, server: _server, .. } = ExampleFixture::new().await?;
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
        let operation = AcsOperation::PutAssignment;
        let TeamsExtensionAssignment { tenant_id, object_id, principal_type, client_ids } =
            assignment;
        let body = json(&PutAssignment { principal_type, client_ids })?;
        let path = assignment_path(tenant_id, object_id);
        let request = OperationRequest { operation, path: &path, body, user_token: None };
        let response = self.call(request, deadline).await?;
        read_assignment(&response.body.0, tenant_id, object_id)
            .ok_or_else(|| invalid_body(&response, operation))
    }

    /// Deletes an assignment (`DELETE`, since 2025-06-30) and the tokens issued through it. Deleting
    /// an assignment that does not exist succeeds.
    ///
    /// ```
    /// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/fixture.rs"));
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let ExampleFixture { acs, deadline, server: _server, .. } = ExampleFixture::new().await?;
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
        let operation = AcsOperation::DeleteAssignment;
        let request =
            OperationRequest { operation, path: &path, body: Vec::new(), user_token: None };
        self.call(request, deadline).await.map(drop)
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

/// Parses an assignment; `None` if it is invalid or not the requested one.
fn read_assignment(
    body: &[u8],
    tenant_id: &Guid,
    object_id: &Guid,
) -> Option<TeamsExtensionAssignment> {
    let found: TeamsExtensionAssignment = serde_json::from_slice(body).ok()?;
    (found.tenant_id == *tenant_id && found.object_id == *object_id).then_some(found)
}
