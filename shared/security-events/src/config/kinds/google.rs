use crate::config::{AcceptedUsers, Members, MessageIssuer, TransmitterError};

/// The settings of a transmitter of Google Cross-Account Protection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoogleSettings {
    /// Who signs the messages, for whom, and about whose users.
    pub issuer: MessageIssuer,
}

impl GoogleSettings {
    /// Takes the members of [`MessageIssuer::take`].
    ///
    /// # Errors
    /// A member is missing or invalid.
    pub fn take(members: &mut Members, users: &AcceptedUsers) -> Result<Self, TransmitterError> {
        Ok(Self { issuer: MessageIssuer::take(members, users)? })
    }
}
