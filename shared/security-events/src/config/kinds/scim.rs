use crate::config::{AcceptedUsers, Members, MessageIssuer, TransmitterError};

/// The settings of a transmitter of SCIM 2.0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScimSettings {
    /// Who signs the messages, for whom, and about whose users.
    pub issuer: MessageIssuer,
}

impl ScimSettings {
    /// Takes the members of [`MessageIssuer::take`].
    ///
    /// # Errors
    /// A member is missing or invalid.
    pub fn take(members: &mut Members, users: &AcceptedUsers) -> Result<Self, TransmitterError> {
        Ok(Self { issuer: MessageIssuer::take(members, users)? })
    }
}
