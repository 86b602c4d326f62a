use crate::config::{AcceptedUsers, Members, MessageIssuer, TransmitterError};

/// The settings of a transmitter of the Shared Signals Framework 1.0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SsfSettings {
    /// Who signs the messages, for whom, and about whose users.
    pub issuer: MessageIssuer,
    /// The claims whose change revokes a user's tokens, for the event `token-claims-change`. Without
    /// it, every change does: it is not known here which claims the policy uses.
    pub claims: Option<Vec<String>>,
    /// The members of a complex subject that must be understood (SSF 1.0, `critical_subject_members`
    /// of the transmitter's metadata).
    pub critical_subject_members: Vec<String>,
}

impl SsfSettings {
    /// Takes the members of [`MessageIssuer::take`], and the optional `claims` and
    /// `criticalSubjectMembers`.
    ///
    /// # Errors
    /// A member is missing or invalid.
    pub fn take(members: &mut Members, users: &AcceptedUsers) -> Result<Self, TransmitterError> {
        Ok(Self {
            issuer: MessageIssuer::take(members, users)?,
            claims: members.optional_texts("claims")?,
            critical_subject_members: members
                .optional_texts("criticalSubjectMembers")?
                .unwrap_or_default(),
        })
    }
}
