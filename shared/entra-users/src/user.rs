//! The look-up of a user.

use std::time::SystemTime;

use https_client::Method;
use identity_core::ports::Clock;
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::app::ClientSecretSource;
use crate::client::{GraphClient, GraphRequest};
use crate::directory_id::DirectoryUser;
use crate::error::GraphError;

/// What Graph says about a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserStatus {
    /// The user does not exist: deleted, also if an administrator can still restore them.
    Missing,
    /// The user exists.
    Present {
        /// Whether the user may sign in (`accountEnabled`).
        is_enabled: bool,
        /// Sessions and tokens from before this time are invalid, in whole seconds
        /// (`signInSessionsValidFromDateTime`). It changes if the user's password changes, or if
        /// an administrator revokes the user's sessions.
        sessions_valid_from: Option<SystemTime>,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserBody {
    account_enabled: Option<bool>,
    sign_in_sessions_valid_from_date_time: Option<String>,
}

impl<S: ClientSecretSource, C: Clock> GraphClient<S, C> {
    /// Asks Graph about a user. The answer must be there at `until`.
    pub async fn user_status(
        &self,
        user: &DirectoryUser,
        until: SystemTime,
    ) -> Result<UserStatus, GraphError> {
        let url = format!(
            "{}/v1.0/users/{}?$select=accountEnabled,signInSessionsValidFromDateTime",
            self.app.graph_url, user.id
        );
        let request = GraphRequest { method: Method::GET, url: &url, body: None, until };
        let response = self.send(&user.tenant, &request).await?;
        // A 404 without this code is of another service: a wrong address must not block all users.
        if response.status == 404 && response.error_code() == "Request_ResourceNotFound" {
            return Ok(UserStatus::Missing);
        }
        read(&response.read("Graph's user")?)
    }
}

/// A value that is missing is an error: a user who is not known to be disabled is not enabled.
fn read(body: &UserBody) -> Result<UserStatus, GraphError> {
    let is_enabled =
        body.account_enabled.ok_or(GraphError::Invalid("Graph's user: no `accountEnabled`"))?;
    let raw = body.sign_in_sessions_valid_from_date_time.as_deref();
    let sessions_valid_from = raw.map(parse_time).transpose()?;
    Ok(UserStatus::Present { is_enabled, sessions_valid_from })
}

/// Parses a time of Graph, which can have seven fractional digits.
pub(crate) fn parse_time(raw: &str) -> Result<SystemTime, GraphError> {
    let parsed = OffsetDateTime::parse(raw, &Rfc3339);
    parsed.map(SystemTime::from).map_err(|_| GraphError::Invalid("Graph: not an RFC 3339 time"))
}
