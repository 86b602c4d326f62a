//! Invitations for tests, and a random source that is not random.

#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "a test may die")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use super::user;
use crate::model::guest::{PIN_ATTEMPTS, PinCheck};
use crate::model::identity::{Lifetime, Scopes};
use crate::model::{
    DeviceId, DeviceSecret, Error, GuestHandle, GuestKeys, GuestPin, GuestPolicy, Invitation,
    InvitationRevocation, InvitationState, InvitedMeeting, Meeting, ReceiptId, Secret,
};
use crate::ports::{Clock, RandomSource};
use crate::testing::ManualClock;

/// The PIN of an invitation [`with_pin`].
pub const PIN: &str = "483920";

/// An open invitation for two devices, from now for an hour. Its guests are deleted two hours later.
#[must_use]
pub fn invitation(handle: &str) -> Invitation {
    let now = ManualClock::default().now();
    let handle = GuestHandle::new(handle);
    let id = handle.invitation_id();
    let link = "https://teams.microsoft.com/l/meetup-join/1";
    let invited = InvitedMeeting {
        meeting: Meeting::Link(Secret::new(link)),
        display_name: Some(Secret::new("Ada")),
    };
    Invitation {
        sealed: keys(handle.expose()).seal(&id, &invited, [9; 12]).expect("a text to seal"),
        id,
        state: InvitationState::Open,
        most: 2,
        devices: BTreeMap::new(),
        opens_at: now,
        closes_at: now + Duration::from_hours(1),
        delete_at: now + Duration::from_hours(3),
        scopes: Scopes::parse(["voip.join"]).expect("a scope"),
        max_lifetime: Lifetime::HOUR,
        pin: None,
        reference: Some(Secret::new("order 7")),
        created_by: user("inviter"),
        created_at: now,
        revocation: None,
    }
}

/// A policy that permits guests.
#[must_use]
pub fn guest_policy() -> GuestPolicy {
    serde_json::from_str("{}").expect("a policy for guests")
}

/// The secret of a device whose characters are all the same.
#[must_use]
pub fn device(letter: char) -> DeviceSecret {
    DeviceSecret::parse(&letter.to_string().repeat(22)).expect("a device")
}

/// The ID of [`device`] in the invitation with the handle `handle`.
#[must_use]
pub fn device_id(letter: char) -> DeviceId {
    device_of("handle", letter)
}

/// The ID of [`device`] in another invitation.
#[must_use]
pub fn device_of(handle: &str, letter: char) -> DeviceId {
    keys(handle).device_id(&device(letter))
}

/// Gives the invitation with the handle `handle` the PIN [`PIN`].
pub fn with_pin(invitation: &mut Invitation) {
    let pin = GuestPin::parse(PIN).expect("a PIN");
    let tag = keys("handle").pin_tag(&pin);
    invitation.pin = Some(PinCheck { tag, left: PIN_ATTEMPTS });
}

/// Admits the device `a`.
pub fn known(invitation: &mut Invitation) {
    invitation.devices.insert(device_id('a'), invitation.opens_at);
}

/// Admits two other devices.
pub fn full(invitation: &mut Invitation) {
    let others = ['x', 'y'].map(|letter| (device_id(letter), invitation.opens_at));
    invitation.devices.extend(others);
}

/// Locks the invitation.
pub fn locked(invitation: &mut Invitation) {
    invitation.state = InvitationState::Locked;
}

/// Closes the invitation before it opens.
pub fn closed(invitation: &mut Invitation) {
    invitation.closes_at = invitation.opens_at;
}

/// Begins a revocation.
pub fn revoking(invitation: &mut Invitation) {
    invitation.state = InvitationState::Revoking;
    invitation.revocation = Some(InvitationRevocation {
        receipt: ReceiptId("receipt".to_owned()),
        by: user("inviter"),
        reason: None,
        accepted_at: invitation.opens_at,
        revoked_at: None,
    });
}

/// Revokes the invitation.
pub fn revoked(invitation: &mut Invitation) {
    revoking(invitation);
    invitation.state = InvitationState::Revoked;
    let at: Option<SystemTime> = Some(invitation.opens_at);
    if let Some(revocation) = &mut invitation.revocation {
        revocation.revoked_at = at;
    }
}

fn keys(handle: &str) -> GuestKeys {
    GuestKeys::of(&GuestHandle::new(handle)).expect("keys")
}

/// A random source that counts: each fill gives other bytes, and the same ones in every run.
#[derive(Debug, Default)]
pub struct CountingRandom(AtomicU64);

impl RandomSource for CountingRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Error> {
        let number = self.0.fetch_add(1, Relaxed).to_be_bytes();
        bytes.iter_mut().rev().zip(number.iter().rev()).for_each(|(to, from)| *to = *from);
        Ok(())
    }
}
