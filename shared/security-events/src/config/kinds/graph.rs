use crate::config::{AcceptedUsers, Members, MessageIssuer, TransmitterError};

/// The settings of a transmitter of change notifications of Microsoft Graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphSettings {
    /// Who signs the messages, for whom, and about whose users.
    pub issuer: MessageIssuer,
}

impl GraphSettings {
    /// Takes the members of [`MessageIssuer::take`].
    ///
    /// # Errors
    /// A member is missing or invalid.
    pub fn take(members: &mut Members, users: &AcceptedUsers) -> Result<Self, TransmitterError> {
        Ok(Self { issuer: MessageIssuer::take(members, users)? })
    }
}
