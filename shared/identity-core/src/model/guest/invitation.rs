use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use super::handle::{DeviceId, InvitationId};
use super::pin::PinTag;
use crate::model::identity::{Lifetime, Scopes};
use crate::model::{ExternalId, Reason, Receipt, ReceiptId, Secret, TokenRequest};

/// An invitation, as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// The hash of its handle.
    pub id: InvitationId,
    /// The state. That an invitation is closed follows from the time.
    pub state: InvitationState,
    /// The number of devices that it admits.
    pub most: u8,
    /// The admitted devices, each with the time of its admission.
    pub devices: BTreeMap<DeviceId, SystemTime>,
    /// It gives no token before this time.
    pub opens_at: SystemTime,
    /// It gives no token from this time on.
    pub closes_at: SystemTime,
    /// When the identities of its guests are deleted.
    pub delete_at: SystemTime,
    /// The scopes of the guests' tokens.
    pub scopes: Scopes,
    /// The longest lifetime of a token.
    pub max_lifetime: Lifetime,
    /// The check of the PIN that a new device must send; `None` if it needs none.
    pub pin: Option<PinCheck>,
    /// The meeting and the guest's name, sealed under the handle.
    pub sealed: Vec<u8>,
    /// The creator's own name for it.
    pub reference: Option<Secret>,
    /// Who created it.
    pub created_by: ExternalId,
    /// When it was created.
    pub created_at: SystemTime,
    /// The revocation, once there is one.
    pub revocation: Option<InvitationRevocation>,
}

/// The state of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvitationState {
    /// New devices are admitted.
    Open,
    /// Too many wrong PINs were sent: no new device is admitted until it is unlocked.
    Locked,
    /// It gives no token any more; not all of its guests are cut off yet.
    Revoking,
    /// It gives no token any more, and ACS has confirmed that no token of its guests is valid.
    Revoked,
}

impl InvitationState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Open, Self::Locked, Self::Revoking, Self::Revoked];

    /// The name as stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Locked => "locked",
            Self::Revoking => "revoking",
            Self::Revoked => "revoked",
        }
    }

    /// Parses a name.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == raw)
    }
}

/// The state of an invitation at a time, as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvitationStatus {
    /// It admits guests, now or from `opensAt` on.
    Open,
    /// It admits no new device until it is unlocked.
    Locked,
    /// `closesAt` has passed.
    Closed,
    /// See [`InvitationState::Revoking`].
    Revoking,
    /// See [`InvitationState::Revoked`].
    Revoked,
}

impl InvitationStatus {
    /// Every status.
    pub const ALL: [Self; 5] =
        [Self::Open, Self::Locked, Self::Closed, Self::Revoking, Self::Revoked];

    /// The name as shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Locked => "locked",
            Self::Closed => "closed",
            Self::Revoking => "revoking",
            Self::Revoked => "revoked",
        }
    }

    /// Parses a name.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == raw)
    }
}

/// What checks the PIN of new devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinCheck {
    /// The tag of the PIN.
    pub tag: PinTag,
    /// How many more PINs may be compared.
    pub left: u8,
}

/// How many PINs may be compared until the invitation is locked.
pub const PIN_ATTEMPTS: u8 = 10;

/// The revocation of an invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvitationRevocation {
    /// The ID of the receipt, which the receipts of the guests have, too.
    pub receipt: ReceiptId,
    /// Who revoked it.
    pub by: ExternalId,
    /// The free-text reason. It must not be logged.
    pub reason: Option<Reason>,
    /// When it was recorded. Since then, the invitation gives no token.
    pub accepted_at: SystemTime,
    /// When ACS had confirmed it for every guest.
    pub revoked_at: Option<SystemTime>,
}

impl InvitationRevocation {
    /// When the revocation has reached every ACS service; `None` until ACS has confirmed it.
    #[must_use]
    pub fn effective_by(&self) -> Option<SystemTime> {
        self.revoked_at.map(|at| at + Receipt::REACHES_EVERYWHERE_WITHIN)
    }
}

impl Invitation {
    /// The state at a time, as it is shown.
    #[must_use]
    pub fn status(&self, now: SystemTime) -> InvitationStatus {
        match self.state {
            InvitationState::Revoking => InvitationStatus::Revoking,
            InvitationState::Revoked => InvitationStatus::Revoked,
            _ if now >= self.closes_at => InvitationStatus::Closed,
            InvitationState::Locked => InvitationStatus::Locked,
            InvitationState::Open if self.has_no_attempt_left() => InvitationStatus::Locked,
            InvitationState::Open => InvitationStatus::Open,
        }
    }

    /// Whether a new device must send a PIN.
    #[must_use]
    pub fn wants_pin(&self) -> bool {
        self.pin.is_some()
    }

    /// Whether it was revoked, confirmed or not.
    #[must_use]
    pub fn is_revoked(&self) -> bool {
        matches!(self.state, InvitationState::Revoking | InvitationState::Revoked)
    }

    /// The external ID of the guest with this device.
    #[must_use]
    pub fn guest(&self, device: &DeviceId) -> ExternalId {
        ExternalId::of_guest(self.id.as_str(), device.as_str())
    }

    /// The token of a guest at `now`. It ends with the invitation if ACS permits so short a
    /// lifetime: the shortest is an hour.
    pub(crate) fn token(&self, now: SystemTime, policy_max: Lifetime) -> TokenRequest {
        let minutes = self.closes_at.duration_since(now).unwrap_or_default().as_secs() / 60;
        let rest = Lifetime::from_minutes(minutes.max(60)).unwrap_or(Lifetime::DAY);
        let lifetime = rest.min(self.max_lifetime).min(policy_max);
        TokenRequest { scopes: self.scopes.clone(), lifetime }
    }

    /// How long after `closesAt` the identities of the guests are deleted.
    pub(crate) fn delete_after(&self) -> Duration {
        self.delete_at.duration_since(self.closes_at).unwrap_or_default()
    }

    /// A process that compared the last PIN may have died before it locked the invitation.
    pub(super) fn has_no_attempt_left(&self) -> bool {
        self.pin.is_some_and(|pin| pin.left == 0)
    }
}

impl InvitationId {
    /// The invitation and the device of a guest; `None` for a user.
    #[must_use]
    pub fn of_guest(user: &ExternalId) -> Option<(Self, DeviceId)> {
        let (invitation, device) = user.guest_parts()?;
        Self::parse(invitation).zip(DeviceId::parse(device))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_and_each_status_is_read_back_by_its_name_and_no_other() {
        for state in InvitationState::ALL {
            assert_eq!(InvitationState::parse(state.as_str()), Some(state));
        }
        for status in InvitationStatus::ALL {
            assert_eq!(InvitationStatus::parse(status.as_str()), Some(status));
        }
        assert_eq!(InvitationState::parse("closed"), None, "a matter of the time");
        assert_eq!(InvitationStatus::parse("Open"), None);
    }
}
