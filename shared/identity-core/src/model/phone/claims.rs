use serde::Deserialize;

use super::{Guid, PhonePrincipal};

/// The claims of a user's Entra token for Teams Phone. Read alone, they are unverified.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct PhoneClaims {
    /// The issuer.
    pub iss: Option<String>,
    /// The user's object id.
    pub oid: Option<String>,
    /// The tenant's id.
    pub tid: Option<String>,
    /// When the token expires, in seconds since 1970.
    pub exp: Option<u64>,
    /// The audience of the token.
    pub aud: Option<String>,
    /// The permissions of the token, separated by spaces.
    pub scp: Option<String>,
    /// The app, in tokens of version 1.0.
    pub appid: Option<String>,
    /// The app, in tokens of version 2.0.
    pub azp: Option<String>,
}

impl PhoneClaims {
    /// The principal that the token names.
    #[must_use]
    pub fn principal(&self) -> Option<PhonePrincipal> {
        let guid = |claim: &Option<String>| claim.as_deref()?.parse().ok();
        Some(PhonePrincipal { tenant_id: guid(&self.tid)?, object_id: guid(&self.oid)? })
    }

    /// The app that the token was issued to.
    #[must_use]
    pub fn client(&self) -> Option<Guid> {
        self.appid.as_deref().or(self.azp.as_deref())?.parse().ok()
    }

    /// Whether the token is for ACS.
    #[must_use]
    pub fn is_for_acs(&self) -> bool {
        let audience = self.aud.as_deref().unwrap_or_default().trim_end_matches('/');
        AUDIENCES.contains(&audience)
    }

    /// Whether the app has a delegated permission.
    #[must_use]
    pub fn permits(&self, permission: &str) -> bool {
        self.scp.as_deref().unwrap_or_default().split(' ').any(|one| one == permission)
    }
}

/// The resource whose permissions the token contains: its URI in the public cloud and in that of the
/// government of the USA, and its id.
const AUDIENCES: [&str; 3] = [
    "https://auth.msft.communication.azure.com",
    "https://auth.msft.communication.azure.us",
    "1fd5118e-2576-4263-8130-9503064c837a",
];
