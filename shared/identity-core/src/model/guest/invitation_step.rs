use std::time::SystemTime;

use super::handle::DeviceId;
use super::invitation::{
    Invitation, InvitationRevocation, InvitationState, PIN_ATTEMPTS, PinCheck,
};

/// One conditional change of an invitation.
///
/// Each step can be sent twice: a retry after a lost response changes nothing more, except that
/// [`CountPin`](Self::CountPin) then counts one attempt that was not made.
#[derive(Clone, Copy, Debug)]
pub enum InvitationStep<'a> {
    /// Counts a PIN *before* it is compared, so that no more are compared at once than are left.
    CountPin,
    /// No PIN is left: locks the invitation, unless a right one was given back in the meantime.
    Lock,
    /// Admits a new device, if there is room. This is the write that makes a guest.
    Admit {
        /// The device.
        device: &'a DeviceId,
        /// When it was admitted.
        at: SystemTime,
        /// Whether it sent the right PIN, so that the counted attempt is given back. If all attempts
        /// are left, because the invitation was unlocked after it was counted, the step is refused.
        gives_pin_back: bool,
    },
    /// Extends the invitation; nothing gets less.
    Extend {
        /// The end.
        closes_at: SystemTime,
        /// When the identities of the guests are deleted.
        delete_at: SystemTime,
        /// The number of devices.
        most: u8,
        /// Whether new devices may try PINs again.
        unlock: bool,
        /// The time: after `deleteAt`, the guests are being deleted.
        now: SystemTime,
    },
    /// Begins a revocation. It is refused if another request has begun one, which keeps its receipt.
    Revoke(&'a InvitationRevocation),
    /// Every guest is cut off, and ACS has confirmed it.
    ConfirmRevocation {
        /// When it was confirmed.
        at: SystemTime,
    },
}

impl InvitationStep<'_> {
    /// The invitation after the step; `None` if the step is refused. A store makes the same decision
    /// in one conditional write.
    #[must_use]
    pub fn apply(&self, found: &Invitation) -> Option<Invitation> {
        let is_open = found.state == InvitationState::Open;
        let mut next = found.clone();
        match *self {
            Self::CountPin => {
                let pin = next.pin.as_mut().filter(|pin| is_open && pin.left > 0)?;
                pin.left -= 1;
            }
            Self::Lock => {
                next.pin.filter(|pin| is_open && pin.left == 0)?;
                next.state = InvitationState::Locked;
            }
            Self::Admit { device, at, gives_pin_back } => {
                let has_room = found.devices.len() < usize::from(found.most);
                let is_new = !found.devices.contains_key(device);
                if !(is_open && at < found.closes_at && has_room && is_new) {
                    return None;
                }
                next.devices.insert(device.clone(), at);
                if gives_pin_back {
                    let counted = next.pin.as_mut().filter(|pin| pin.left < PIN_ATTEMPTS);
                    counted?.left += 1;
                }
            }
            Self::Extend { closes_at, delete_at, most, unlock, now } => {
                let is_less = closes_at < found.closes_at || most < found.most;
                if found.is_revoked() || is_less || found.delete_at <= now {
                    return None;
                }
                next = Invitation { most, closes_at, delete_at, ..next };
                if unlock {
                    next.state = InvitationState::Open;
                    next.pin = next.pin.map(|pin| PinCheck { left: PIN_ATTEMPTS, ..pin });
                }
            }
            Self::Revoke(revocation) => {
                if found.is_revoked() {
                    return None;
                }
                next.state = InvitationState::Revoking;
                next.revocation = Some(revocation.clone());
            }
            Self::ConfirmRevocation { at } => {
                let revocation = next.revocation.as_mut();
                revocation.filter(|_| found.state == InvitationState::Revoking)?.revoked_at =
                    Some(at);
                next.state = InvitationState::Revoked;
            }
        }
        Some(next)
    }
}
