//! Identities of an ACS resource without a service. Their JSON has the members of the API that do
//! not come from a record.

use api_types::{TokenOutput, UserOutput};
use identity_core::identity::AcsId;
use serde::Serialize;

use crate::report::Row;

/// An identity that was created, and has no record.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UnrecordedIdentityView {
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserOutput>,
    created: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<TokenOutput>,
}

impl UnrecordedIdentityView {
    /// An identity without a token.
    pub(crate) fn new(acs_id: &AcsId) -> Self {
        Self { user: Some(UserOutput::from(acs_id)), created: true, access_token: None }
    }

    /// An identity that was created together with its first token.
    pub(crate) fn with_token(mut token: TokenOutput) -> Self {
        Self { user: token.user.take(), created: true, access_token: Some(token) }
    }
}

impl Row for UnrecordedIdentityView {
    const COLUMNS: &'static [&'static str] = &["ACS id", "token", "scopes", "expires"];

    fn cells(&self) -> Vec<String> {
        let user = self.user.as_ref().map(|user| user.communication_user_id.to_string());
        let token = self.access_token.as_ref().map(Row::cells).unwrap_or_default();
        let token = |cell: usize| token.get(cell).cloned().unwrap_or_default();
        vec![user.unwrap_or_default(), token(0), token(2), token(3)]
    }

    fn variables(&self) -> Option<Vec<(&'static str, String)>> {
        let mut variables = self.access_token.as_ref()?.variables()?;
        let user = self.user.as_ref()?;
        variables.push(("ACS_USER_ID", user.communication_user_id.to_string()));
        Some(variables)
    }
}

/// A revocation that ACS has confirmed, and that no record keeps.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UnrecordedRevocationView {
    /// The identity whose tokens were revoked.
    pub(crate) identity: AcsId,
    /// RFC 3339, UTC.
    pub(crate) revoked_at: String,
    /// RFC 3339, UTC: the time at which the revocation has reached every service of ACS.
    pub(crate) effective_by: String,
}

impl Row for UnrecordedRevocationView {
    const COLUMNS: &'static [&'static str] = &["ACS id", "revoked", "effective by"];

    fn cells(&self) -> Vec<String> {
        vec![self.identity.to_string(), self.revoked_at.clone(), self.effective_by.clone()]
    }
}
