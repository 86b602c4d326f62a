//! Decides whether a device may have a token of an invitation.

use std::time::SystemTime;

use super::handle::DeviceId;
use super::invitation::{Invitation, InvitationState};
use super::refusal::InvitationRefusal;

/// A device that an open invitation has admitted. Only `decide` makes
/// one, and the admission check of a guest requires it.
#[derive(Clone, Debug)]
pub struct AdmittedGuest(());

/// What an invitation says to a device.
#[derive(Debug)]
pub(crate) enum GuestEntry {
    /// The device is in the map: it may have a token.
    Admitted(AdmittedGuest),
    /// The device is new, and there is room for it. With a PIN, it must be compared first.
    New { with_pin: bool },
}

/// Decides about a device, at the time of our clock. The order of the checks matters: what holds
/// for every device comes first, and a device in the map is affected by no later check.
pub(crate) fn decide(
    invitation: &Invitation,
    device: &DeviceId,
    sends_pin: bool,
    now: SystemTime,
) -> Result<GuestEntry, InvitationRefusal> {
    if invitation.is_revoked() {
        return Err(InvitationRefusal::Revoked);
    }
    if now >= invitation.closes_at {
        return Err(InvitationRefusal::Closed);
    }
    if let Ok(opens_in) = invitation.opens_at.duration_since(now)
        && !opens_in.is_zero()
    {
        return Err(InvitationRefusal::NotOpen { opens_in });
    }
    if invitation.devices.contains_key(device) {
        return Ok(GuestEntry::Admitted(AdmittedGuest(())));
    }
    if invitation.state == InvitationState::Locked || invitation.has_no_attempt_left() {
        return Err(InvitationRefusal::Locked);
    }
    if invitation.devices.len() >= usize::from(invitation.most) {
        return Err(InvitationRefusal::UsedUp);
    }
    match (invitation.wants_pin(), sends_pin) {
        (true, false) => Err(InvitationRefusal::PinRequired),
        (with_pin, _) => Ok(GuestEntry::New { with_pin }),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::testing::{device_id, invitation};

    /// The result as text: `admitted`, `new`, `new, PIN`, or the reason of the refusal.
    fn decided(change: fn(&mut Invitation), sends_pin: bool, seconds: u64) -> String {
        let mut invitation = invitation("handle");
        change(&mut invitation);
        let now = invitation.opens_at + Duration::from_secs(seconds) - Duration::from_secs(10);
        match decide(&invitation, &device_id('a'), sends_pin, now) {
            Ok(GuestEntry::Admitted(_)) => "admitted".to_owned(),
            Ok(GuestEntry::New { with_pin: true }) => "new, PIN".to_owned(),
            Ok(GuestEntry::New { with_pin: false }) => "new".to_owned(),
            Err(refusal) => refusal.as_str().to_owned(),
        }
    }

    /// Every rule, and which of two comes first. The invitation opens after ten seconds, closes an
    /// hour later, and admits two devices.
    #[test]
    fn every_rule_decides_in_its_order() {
        use crate::testing::invitations::{
            closed, full, known, locked, revoked, revoking, with_pin,
        };
        type Change = fn(&mut Invitation);
        let end = 10 + 3600;
        let table: [(Change, bool, u64, &str); 24] = [
            (|_| {}, false, 9, "not-open"),
            (|_| {}, false, 10, "new"),
            (|_| {}, true, 10, "new"),
            (|_| {}, false, end - 1, "new"),
            (|_| {}, false, end, "closed"),
            (with_pin, false, 10, "pin-required"),
            (with_pin, true, 10, "new, PIN"),
            (with_pin, true, 9, "not-open"),
            (with_pin, true, end, "closed"),
            (known, false, 10, "admitted"),
            (known, false, 9, "not-open"),
            (known, false, end, "closed"),
            (|it| (known(it), with_pin(it)).1, false, 10, "admitted"),
            (|it| (known(it), locked(it)).1, false, 10, "admitted"),
            (|it| (known(it), full(it)).1, false, 10, "admitted"),
            (|it| (known(it), revoking(it)).1, false, 10, "revoked"),
            (|it| (known(it), revoked(it)).1, false, 10, "revoked"),
            (full, false, 10, "used-up"),
            (|it| (full(it), with_pin(it)).1, false, 10, "used-up"),
            (|it| (full(it), locked(it)).1, false, 10, "locked"),
            (|it| (with_pin(it), locked(it)).1, true, 10, "locked"),
            (|it| (with_pin(it), it.pin.as_mut().unwrap().left = 0).1, true, 10, "locked"),
            (|it| (revoked(it), closed(it)).1, false, 10, "revoked"),
            (|it| (locked(it), closed(it)).1, false, 10, "closed"),
        ];
        for (number, (change, sends_pin, seconds, expected)) in table.into_iter().enumerate() {
            assert_eq!(decided(change, sends_pin, seconds), expected, "row {number}");
        }
    }
}
