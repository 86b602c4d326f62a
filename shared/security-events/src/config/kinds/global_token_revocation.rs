use crate::config::{AcceptedUsers, Members, MessageIssuer, TransmitterError};

/// The settings of a transmitter of Global Token Revocation (Okta Universal Logout).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlobalTokenRevocationSettings {
    /// Who signs the messages, for whom, and about whose users.
    pub issuer: MessageIssuer,
    /// The clients that may revoke tokens: `sub` of the bearer of a request.
    pub client_ids: Vec<String>,
    /// Whether a subject of the format `opaque` is the subject of a bearer.
    pub opaque_names_users: bool,
}

impl GlobalTokenRevocationSettings {
    /// Takes the members of [`MessageIssuer::take`], of which `audiences` has the URL of the
    /// endpoint, then `clientIds` and the optional `opaqueIsSubject`.
    ///
    /// # Errors
    /// A member is missing or invalid.
    pub fn take(members: &mut Members, users: &AcceptedUsers) -> Result<Self, TransmitterError> {
        Ok(Self {
            issuer: MessageIssuer::take(members, users)?,
            client_ids: members.texts("clientIds")?,
            opaque_names_users: members.optional_flag("opaqueIsSubject")?.unwrap_or_default(),
        })
    }
}
