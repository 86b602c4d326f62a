//! Identities, tokens and receipts, as they are shown. Their JSON is the same as in the
//! service's API.

use std::time::SystemTime;

use identity_core::{
    identity::{AccessToken, AcsId, Scopes},
    record::{Record, State, StateName},
};
use serde::Serialize;

use crate::report::{duration, output::Row, receipt::ReceiptView, timestamp};

/// An identity as it is shown.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct IdentityView {
    external_id: String,
    /// `None` for a user without an identity, who may never have had one.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<StateName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserView>,
    epoch: u64,
    created_at: String,
    last_issued_at: String,
    revocation_pending: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipts: Option<Vec<ReceiptView>>,
}

impl IdentityView {
    /// The identity with its revocations, as an administrator sees it.
    pub(crate) fn with_receipts(record: &Record) -> Self {
        let receipts = record.receipts.iter().map(ReceiptView::from).collect();
        Self { receipts: Some(receipts), ..record.into() }
    }

    /// The identity after an unblock. The state of a record without an identity is "deleted",
    /// although the user may never have called the service. It is therefore omitted.
    pub(crate) fn unblocked(record: &Record) -> Self {
        let is_there = !matches!(record.state, State::Deleted);
        Self { state: is_there.then(|| record.state.name()), ..Self::with_receipts(record) }
    }
}

/// The ACS id of the identity.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UserView {
    communication_user_id: AcsId,
}

impl From<&Record> for IdentityView {
    fn from(record: &Record) -> Self {
        Self {
            external_id: record.external_id.as_str().to_owned(),
            state: Some(record.state.name()),
            user: record.acs_id().map(|acs_id| UserView { communication_user_id: acs_id.clone() }),
            epoch: record.epoch,
            created_at: timestamp::format(record.created_at),
            last_issued_at: timestamp::format(record.last_issued_at),
            revocation_pending: record.pending_revocation.is_some(),
            receipts: None,
        }
    }
}

impl Row for IdentityView {
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

/// A token as it is shown.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TokenView {
    #[serde(rename = "token")]
    text: String,
    expires_on: String,
    expires_on_timestamp: u64,
    expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<Scopes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserView>,
}

impl TokenView {
    /// Builds the output for `token`. An exchanged token has no identity of the service and no
    /// scopes.
    pub(crate) fn new(token: &AccessToken, of: Option<(&AcsId, &Scopes)>, now: SystemTime) -> Self {
        let left = token.expires_on.duration_since(now).unwrap_or_default();
        let since = token.expires_on.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self {
            text: token.token.expose().to_owned(),
            expires_on: timestamp::format(token.expires_on),
            expires_on_timestamp: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            expires_in: left.as_secs(),
            scopes: of.map(|(_, scopes)| scopes.clone()),
            user: of.map(|(acs_id, _)| UserView { communication_user_id: acs_id.clone() }),
        }
    }

    fn user(&self) -> String {
        self.user.as_ref().map(|user| user.communication_user_id.to_string()).unwrap_or_default()
    }
}

impl Row for TokenView {
    const COLUMNS: &'static [&'static str] = &["token", "ACS id", "scopes", "expires", "in"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.text.clone(),
            self.user(),
            self.scopes.as_ref().map(joined).unwrap_or_default(),
            self.expires_on.clone(),
            duration::format(std::time::Duration::from_secs(self.expires_in)),
        ]
    }

    fn variables(&self) -> Option<Vec<(&'static str, String)>> {
        let mut variables = vec![
            ("ACS_TOKEN", self.text.clone()),
            ("ACS_TOKEN_EXPIRES_ON", self.expires_on.clone()),
        ];
        if self.user.is_some() {
            variables.push(("ACS_USER_ID", self.user()));
        }
        Some(variables)
    }
}

/// Scopes, separated by spaces.
pub(crate) fn joined(scopes: &Scopes) -> String {
    let names: Vec<&str> = scopes.as_slice().iter().map(|scope| scope.as_str()).collect();
    names.join(" ")
}

/// An identity that was created or found.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreatedIdentityView {
    #[serde(flatten)]
    identity: IdentityView,
    /// Whether the identity is new.
    #[serde(rename = "created")]
    is_new: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_token: Option<TokenView>,
}

impl CreatedIdentityView {
    /// Builds the output for a record.
    pub(crate) fn new(record: &Record, is_new: bool, access_token: Option<TokenView>) -> Self {
        Self { identity: record.into(), is_new, access_token }
    }
}

impl Row for CreatedIdentityView {
    const COLUMNS: &'static [&'static str] =
        &["external id", "ACS id", "state", "created", "token", "scopes", "expires", "note"];

    fn cells(&self) -> Vec<String> {
        let token = |cell| {
            self.access_token
                .as_ref()
                .and_then(|token| token.cells().into_iter().nth(cell))
                .unwrap_or_default()
        };
        let identity = self.identity.cells();
        let identity = |cell: usize| identity.get(cell).cloned().unwrap_or_default();
        let note = if self.is_new { "" } else { "it was there already" };
        vec![
            identity(0),
            identity(1),
            identity(2),
            identity(3),
            token(0),
            token(2),
            token(3),
            note.to_owned(),
        ]
    }

    fn variables(&self) -> Option<Vec<(&'static str, String)>> {
        self.access_token.as_ref()?.variables()
    }
}
