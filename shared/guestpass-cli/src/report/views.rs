//! Identities and tokens as they are shown. Their JSON is that of the service's API.

use api_types::{CreatedIdentityOutput, IdentityOutput, TokenOutput};
use identity_core::identity::Scopes;
use identity_core::record::{Record, State, StateName};
use identity_core::resource::ResourceName;
use serde::Serialize;

use crate::report::{Row, duration};

/// The identity after an unblock. The state of a record without an identity is "deleted",
/// although the user may never have called the service. It is therefore omitted.
pub(crate) fn unblocked(record: &Record) -> IdentityOutput {
    let exists = !matches!(record.state, State::Deleted);
    IdentityOutput {
        state: exists.then(|| record.state.name()),
        ..IdentityOutput::with_history(record)
    }
}

impl Row for IdentityOutput {
    const COLUMNS: &'static [&'static str] =
        &["external id", "ACS id", "state", "created", "last used", "note"];

    fn cells(&self) -> Vec<String> {
        let user = self.user.as_ref().map(|user| user.communication_user_id.to_string());
        let note = match self.state {
            _ if self.revocation_pending => "ACS has yet to confirm a revocation",
            None => "no identity yet; the user's next token request creates one",
            Some(_) => "",
        };
        vec![
            self.external_id.clone(),
            user.unwrap_or_default(),
            self.state.map(StateName::as_str).unwrap_or_default().to_owned(),
            self.created_at.clone(),
            self.last_issued_at.clone(),
            note.to_owned(),
        ]
    }
}

/// An identity with the name of its ACS resource, for a service that has more than one.
#[derive(Serialize)]
pub(crate) struct PlacedIdentity {
    #[serde(flatten)]
    output: IdentityOutput,
    resource: String,
}

impl PlacedIdentity {
    /// Adds the resource of the record.
    pub(crate) fn new(output: IdentityOutput, resource: &ResourceName) -> Self {
        Self { output, resource: resource.to_string() }
    }
}

impl Row for PlacedIdentity {
    const COLUMNS: &'static [&'static str] =
        &["external id", "ACS id", "state", "created", "last used", "note", "resource"];

    fn cells(&self) -> Vec<String> {
        self.output.cells().into_iter().chain([self.resource.clone()]).collect()
    }
}

impl Row for TokenOutput {
    const COLUMNS: &'static [&'static str] = &["token", "ACS id", "scopes", "expires", "in"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.token.clone(),
            user(self),
            self.scopes.as_ref().map(joined).unwrap_or_default(),
            self.expires_on.clone(),
            duration::format(std::time::Duration::from_secs(self.expires_in)),
        ]
    }

    fn variables(&self) -> Option<Vec<(&'static str, String)>> {
        let mut variables = vec![
            ("ACS_TOKEN", self.token.clone()),
            ("ACS_TOKEN_EXPIRES_ON", self.expires_on.clone()),
        ];
        if self.user.is_some() {
            variables.push(("ACS_USER_ID", user(self)));
        }
        Some(variables)
    }
}

/// The ACS id of the token's identity; empty if it is unknown.
fn user(token: &TokenOutput) -> String {
    token.user.as_ref().map(|user| user.communication_user_id.to_string()).unwrap_or_default()
}

/// Scopes, separated by spaces.
pub(crate) fn joined(scopes: &Scopes) -> String {
    let names: Vec<&str> = scopes.as_slice().iter().map(|scope| scope.as_str()).collect();
    names.join(" ")
}

/// An identity that was created or found.
#[derive(Serialize)]
pub(crate) struct CreatedIdentityView {
    #[serde(flatten)]
    output: CreatedIdentityOutput,
    /// Whether the identity is new. The API says so with its status.
    #[serde(rename = "created")]
    is_new: bool,
    /// Only if the service has more than one ACS resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
}

impl CreatedIdentityView {
    /// Builds the output for a record.
    pub(crate) fn new(record: &Record, is_new: bool, access_token: Option<TokenOutput>) -> Self {
        let output = CreatedIdentityOutput { identity: record.into(), access_token };
        Self { output, is_new, resource: None }
    }

    /// Adds the name of the ACS resource, if there is more than one.
    pub(crate) fn with_resource(self, resource: Option<ResourceName>) -> Self {
        Self { resource: resource.map(|name| name.to_string()), ..self }
    }
}

impl Row for CreatedIdentityView {
    const COLUMNS: &'static [&'static str] =
        &["external id", "ACS id", "state", "created", "token", "scopes", "expires", "note"];

    fn cells(&self) -> Vec<String> {
        let token = |cell| {
            self.output
                .access_token
                .as_ref()
                .and_then(|token| token.cells().into_iter().nth(cell))
                .unwrap_or_default()
        };
        let identity = self.output.identity.cells();
        let identity = |cell: usize| identity.get(cell).cloned().unwrap_or_default();
        let note = match (self.is_new, &self.resource) {
            (true, None) => String::new(),
            (true, Some(resource)) => format!("in the resource {resource}"),
            (false, None) => "it was there already".to_owned(),
            (false, Some(resource)) => format!("it was there already, in the resource {resource}"),
        };
        vec![identity(0), identity(1), identity(2), identity(3), token(0), token(2), token(3), note]
    }

    fn variables(&self) -> Option<Vec<(&'static str, String)>> {
        self.output.access_token.as_ref()?.variables()
    }
}
