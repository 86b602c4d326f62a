use bearer_verifier::is_https_or_loopback;

use crate::config::members::invalid;
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
    /// How the messages arrive.
    pub delivery: SsfDelivery,
}

/// How the messages of a stream arrive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SsfDelivery {
    /// The transmitter sends each of them (RFC 8935).
    Push,
    /// They are fetched (RFC 8936).
    Poll {
        /// The stream's `endpoint_url`.
        url: String,
    },
}

impl SsfDelivery {
    /// Takes the members `delivery` (`push`, the default, or `poll`) and, for `poll`, `pollUrl`.
    fn take(members: &mut Members) -> Result<Self, TransmitterError> {
        match members.optional_text("delivery")?.as_deref() {
            None | Some("push") => Ok(Self::Push),
            Some("poll") => {
                let url = members.text("pollUrl")?;
                // The access token of the stream is sent there.
                if !is_https_or_loopback(&url) {
                    return Err(invalid("pollUrl", "an https URL"));
                }
                Ok(Self::Poll { url })
            }
            Some(_) => Err(invalid("delivery", "push or poll")),
        }
    }
}

impl SsfSettings {
    /// Takes the members of [`MessageIssuer::take`], and the optional `claims`,
    /// `criticalSubjectMembers`, `delivery` and `pollUrl`.
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
            delivery: SsfDelivery::take(members)?,
        })
    }
}
