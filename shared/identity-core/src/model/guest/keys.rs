//! The keys that are derived from a handle.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::{constant_time, hkdf, hmac};

use super::handle::{DeviceId, DeviceSecret, GuestHandle, InvitationId};
use super::meeting::InvitedMeeting;
use super::pin::{GuestPin, PinTag};
use crate::model::Error;

/// The keys of one invitation, one for each purpose.
pub(crate) struct GuestKeys {
    device: hmac::Key,
    pin: hmac::Key,
    seal: LessSafeKey,
}

impl GuestKeys {
    /// Derives the keys (HKDF with SHA-256, RFC 5869).
    pub(crate) fn of(handle: &GuestHandle) -> Result<Self, Error> {
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"guestpass invitation");
        let root = salt.extract(handle.expose().as_bytes());
        let key = |purpose: &str| -> Result<[u8; 32], Unspecified> {
            let mut key = [0; 32];
            root.expand(&[purpose.as_bytes()], hkdf::HKDF_SHA256)?.fill(&mut key)?;
            Ok(key)
        };
        let keys = || -> Result<Self, Unspecified> {
            Ok(Self {
                device: hmac::Key::new(hmac::HMAC_SHA256, &key("device")?),
                pin: hmac::Key::new(hmac::HMAC_SHA256, &key("pin")?),
                seal: LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key("seal")?)?),
            })
        };
        keys().map_err(|Unspecified| Error::Internal("failed to derive the keys of a handle"))
    }

    /// The ID of a device in this invitation.
    pub(crate) fn device_id(&self, device: &DeviceSecret) -> DeviceId {
        DeviceId::of_tag(hmac::sign(&self.device, device.as_bytes()).as_ref())
    }

    /// The tag of a PIN.
    pub(crate) fn pin_tag(&self, pin: &GuestPin) -> PinTag {
        let mut tag = [0; 16];
        let full = hmac::sign(&self.pin, pin.expose().as_bytes());
        tag.iter_mut().zip(full.as_ref()).for_each(|(to, from)| *to = *from);
        PinTag(tag)
    }

    /// Whether the PIN has this tag. The comparison takes the same time for every PIN.
    pub(crate) fn is_pin(&self, pin: &GuestPin, tag: PinTag) -> bool {
        constant_time::verify_slices_are_equal(&self.pin_tag(pin).0, &tag.0).is_ok()
    }

    /// Seals what the guest is invited to. `nonce` must be random: a key seals once.
    pub(crate) fn seal(
        &self,
        id: &InvitationId,
        invited: &InvitedMeeting,
        nonce: [u8; NONCE_LEN],
    ) -> Result<Vec<u8>, Error> {
        let mut text = invited.to_text()?;
        let aad = Aad::from(id.as_str());
        let unique = Nonce::assume_unique_for_key(nonce);
        self.seal
            .seal_in_place_append_tag(unique, aad, &mut text)
            .map_err(|Unspecified| Error::Internal("failed to seal an invitation"))?;
        Ok([&nonce[..], &text].concat())
    }

    /// Opens what [`seal`](Self::seal) made, for the same invitation only.
    pub(crate) fn open(&self, id: &InvitationId, sealed: &[u8]) -> Result<InvitedMeeting, Error> {
        const INVALID: Error = Error::Internal("the sealed part of an invitation is invalid");
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(INVALID)?;
        let mut sealed = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.seal.open_in_place(nonce, Aad::from(id.as_str()), &mut sealed);
        InvitedMeeting::of_text(opened.map_err(|Unspecified| INVALID)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;
    use crate::model::guest::Meeting;

    fn keys(byte: u8) -> (InvitationId, GuestKeys) {
        let handle = GuestHandle::generated([byte; 16]);
        (handle.invitation_id(), GuestKeys::of(&handle).unwrap())
    }

    fn invited() -> InvitedMeeting {
        let meeting = Meeting::Id {
            meeting_id: Secret::new("123 456 789 012"),
            passcode: Some(Secret::new("CANARY")),
        };
        InvitedMeeting { meeting, display_name: Some(Secret::new("Ada CANARY")) }
    }

    #[test]
    fn only_the_handle_of_the_invitation_opens_what_is_sealed() {
        let ((id, own), (other_id, other)) = (keys(1), keys(2));
        let link = InvitedMeeting {
            meeting: Meeting::Link(Secret::new("https://teams.microsoft.com/l/meetup-join/1")),
            display_name: None,
        };
        for invited in [invited(), link] {
            let sealed = own.seal(&id, &invited, [9; NONCE_LEN]).unwrap();
            assert_eq!(own.open(&id, &sealed).unwrap(), invited);
            assert!(!sealed.windows(6).any(|part| part == b"CANARY"));
            // Sealed for another invitation, under another key, cut, or changed in one bit.
            assert!(own.open(&other_id, &sealed).is_err());
            assert!(other.open(&id, &sealed).is_err());
            assert!(own.open(&id, &sealed[..sealed.len() - 1]).is_err());
            assert!(own.open(&id, &[]).is_err());
            for index in 0..sealed.len() {
                let mut changed = sealed.clone();
                changed[index] ^= 1;
                assert!(own.open(&id, &changed).is_err(), "{index}");
            }
        }
    }

    #[test]
    fn a_device_and_a_pin_have_another_id_and_tag_in_another_invitation() {
        let ((_, own), (_, other)) = (keys(1), keys(2));
        let device = DeviceSecret::parse(&"d".repeat(22)).unwrap();
        assert_eq!(own.device_id(&device), own.device_id(&device));
        assert_ne!(own.device_id(&device), other.device_id(&device));
        let [right, wrong] = ["483920", "483921"].map(|raw| GuestPin::parse(raw).unwrap());
        let tag = own.pin_tag(&right);
        assert!(own.is_pin(&right, tag) && !own.is_pin(&wrong, tag) && !other.is_pin(&right, tag));
    }

    /// Stored values follow from these, so they must never change. Computed with Python's hmac module.
    #[test]
    fn the_derived_values_never_change() {
        let (_, keys) = keys(7);
        let device = DeviceSecret::parse(&"d".repeat(22)).unwrap();
        assert_eq!(keys.device_id(&device).as_str(), "OAtI-A2NgOgC3XUPugRrR3");
        let tag = keys.pin_tag(&GuestPin::parse("483920").unwrap());
        assert_eq!(u128::from_be_bytes(tag.0), 0x42ac_24a8_516c_0675_a2a9_e2b1_9447_0e76);
    }
}
