use crate::config::{AcceptedUsers, Members, MessageIssuer, TransmitterError};

/// The settings of a transmitter of Google Cross-Account Protection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoogleSettings {
    /// Who signs the messages, for whom, and about whose users.
    pub issuer: MessageIssuer,
}

impl GoogleSettings {
    /// Takes the members of [`MessageIssuer::take`]. Without `issuer`, it is Google's own, with its
    /// keys and the issuer of its ID tokens.
    ///
    /// # Errors
    /// A member is missing or invalid.
    pub fn take(members: &mut Members, users: &AcceptedUsers) -> Result<Self, TransmitterError> {
        members.set_defaults_of_issuer(&KNOWN);
        Ok(Self { issuer: MessageIssuer::take(members, users)? })
    }
}

/// The `iss` of these tokens has a slash at the end, and that of ID tokens has none.
const KNOWN: [(&str, &str); 3] = [
    ("issuer", "https://accounts.google.com/"),
    ("jwksUri", "https://www.googleapis.com/oauth2/v3/certs"),
    ("tokenIssuer", "https://accounts.google.com"),
];
