use crate::config::{AcceptedUsers, Members, MessageIssuer, TransmitterError};

/// The settings of a transmitter of Sign in with Apple, server-to-server notifications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppleSettings {
    /// Who signs the messages, for whom, and about whose users.
    pub issuer: MessageIssuer,
}

impl AppleSettings {
    /// Takes the members of [`MessageIssuer::take`]. Without `issuer`, it is Apple's own, with its
    /// keys and the issuer of its ID tokens.
    ///
    /// # Errors
    /// A member is missing or invalid.
    pub fn take(members: &mut Members, users: &AcceptedUsers) -> Result<Self, TransmitterError> {
        members.set_defaults_of_issuer(&KNOWN);
        Ok(Self { issuer: MessageIssuer::take(members, users)? })
    }
}

const KNOWN: [(&str, &str); 3] = [
    ("issuer", "https://appleid.apple.com"),
    ("jwksUri", "https://appleid.apple.com/auth/keys"),
    ("tokenIssuer", "https://appleid.apple.com"),
];
