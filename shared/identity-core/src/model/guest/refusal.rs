use std::borrow::Cow;
use std::time::Duration;

/// The reason why an invitation gives no token. Only a caller with a real handle learns any other
/// reason than [`Unknown`](Self::Unknown).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvitationRefusal {
    /// No invitation has this handle, or it is not a handle at all.
    #[error("no invitation has this handle")]
    Unknown,
    /// The invitation opens later.
    #[error("the invitation is not open yet")]
    NotOpen {
        /// How long until it opens.
        opens_in: Duration,
    },
    /// The invitation has ended.
    #[error("the invitation is closed")]
    Closed,
    /// The invitation was revoked.
    #[error("the invitation was revoked")]
    Revoked,
    /// Other devices have used the invitation as often as it allows.
    #[error("the invitation is used up")]
    UsedUp,
    /// A new device must send the PIN.
    #[error("the invitation requires a PIN")]
    PinRequired,
    /// The PIN is wrong.
    #[error("the PIN is wrong")]
    PinWrong,
    /// Too many wrong PINs were sent: new devices must wait until the invitation is unlocked.
    #[error("the invitation is locked")]
    Locked,
}

impl InvitationRefusal {
    /// The name in log lines.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::NotOpen { .. } => "not-open",
            Self::Closed => "closed",
            Self::Revoked => "revoked",
            Self::UsedUp => "used-up",
            Self::PinRequired => "pin-required",
            Self::PinWrong => "pin-wrong",
            Self::Locked => "locked",
        }
    }
}

/// A member of an invitation that is out of bounds. The reason never quotes the value, which may be
/// a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid invitation: `{member}` {reason}")]
pub struct InvalidInvitation {
    /// The member, as the API names it.
    pub member: &'static str,
    /// What is wrong with it.
    pub reason: Cow<'static, str>,
}

impl InvalidInvitation {
    /// The member is out of bounds: "must be …".
    pub fn new(member: &'static str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { member, reason: reason.into() }
    }
}
