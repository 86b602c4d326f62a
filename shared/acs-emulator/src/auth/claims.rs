//! The claims of an Entra token.

use serde::{Deserialize, Serialize};

use super::BearerRefusal;

/// The claims that the emulator reads; other claims are ignored. It has no `Debug`, because they
/// are personal data.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct EntraClaims {
    pub aud: String,
    pub iss: String,
    #[serde(default)]
    pub iat: i64,
    #[serde(default)]
    pub nbf: i64,
    /// Seconds since 1970.
    pub exp: i64,
    /// The application, in tokens of version 1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appid: Option<String>,
    /// The application, in tokens of version 2.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azp: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// The user, or the service principal of the application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oid: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Delegated permissions, separated by spaces; only a user's token has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scp: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tid: Option<String>,
    #[serde(default)]
    pub ver: String,
}

impl EntraClaims {
    /// The application that requested the token.
    pub(crate) fn application(&self) -> Option<&str> {
        self.appid.as_deref().or(self.azp.as_deref())
    }

    /// Whether the application has the delegated permission `scope`.
    pub(super) fn may(&self, scope: &str) -> bool {
        self.scp.as_deref().unwrap_or_default().split(' ').any(|given| given == scope)
    }

    /// Returns the claims if they name user, tenant and application.
    pub(super) fn names_a_user(self) -> Result<Self, BearerRefusal> {
        let complete = self.oid.is_some() && self.tid.is_some() && self.application().is_some();
        if complete && self.scp.is_some() { Ok(self) } else { Err(BearerRefusal::NoUser) }
    }
}
