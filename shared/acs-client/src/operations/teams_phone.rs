//! Teams Phone assignments, which let a user or a resource account use Teams Phone.

use std::time::SystemTime;

use identity_core::Error;
use identity_core::phone::{Guid, PrincipalType, ResourceAccountName, TeamsExtensionAssignment};
use identity_core::ports::Clock;
use serde::{Deserialize, Serialize};

use crate::call::{AcsOperation, Answered, ErrorCause, Silence};
use crate::client::{AcsIdentityClient, OperationRequest, invalid_body, json};

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
        if *principal_type == PrincipalType::User && client_ids.is_empty() {
            return Err(Error::AcsRefused(self.not_sent(operation, Silence::NoClientId).into()));
        }
        let name = self.resource_account_name();
        let principal = match principal_type {
            PrincipalType::ResourceAccount => name.as_str(),
            other => other.as_str(),
        };
        let body = json(&AssignmentRequest { principal_type: principal, client_ids })?;
        let path = assignment_path(tenant_id, object_id);
        let request = OperationRequest { operation, path: &path, body, user_token: None };
        let response = self.call(request, deadline).await;
        let response = response.map_err(|error| match principal_type {
            PrincipalType::ResourceAccount => with_other_name(error, name),
            _ => error,
        })?;
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
struct AssignmentRequest<'a> {
    principal_type: &'a str,
    /// Absent in the specification's example of a resource account.
    #[serde(skip_serializing_if = "<[Guid]>::is_empty")]
    client_ids: &'a [Guid],
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AssignmentResponse {
    tenant_id: Guid,
    object_id: Guid,
    principal_type: String,
    client_ids: Option<Vec<Guid>>,
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
    let found: AssignmentResponse = serde_json::from_slice(body).ok()?;
    (found.tenant_id == *tenant_id && found.object_id == *object_id).then_some(())?;
    Some(TeamsExtensionAssignment {
        tenant_id: found.tenant_id,
        object_id: found.object_id,
        principal_type: PrincipalType::parse(&found.principal_type)?,
        client_ids: found.client_ids.unwrap_or_default(),
    })
}

/// Adds to a 400 that the other spelling of a resource account may be the right one.
fn with_other_name(error: Error, name: ResourceAccountName) -> Error {
    let Error::AcsRefused(source) = error else { return error };
    match source.downcast::<Answered>() {
        Ok(mut answered) => {
            if answered.status == 400 && answered.cause.may_be_about_the_principal() {
                let (sent, other) = (name.as_str(), name.other().as_str());
                answered.cause = ErrorCause::PrincipalType { sent, other };
            }
            Error::AcsRefused(answered)
        }
        Err(source) => Error::AcsRefused(source),
    }
}
