//! The names of invitations and devices, and the secrets from which they are derived.

use std::fmt;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::model::Secret;

/// The secret of an invitation, which is in the link that the guest receives.
///
/// Any text is accepted. A text that was never a handle is looked up and not found, with the same
/// read and the same response as an unknown one, so that no caller can tell the two apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestHandle(Secret);

impl GuestHandle {
    /// The first characters of every handle, by which scanners for leaked secrets find one.
    pub const PREFIX: &str = "gp_";

    /// Wraps the handle of a request.
    #[must_use]
    pub fn new(raw: impl Into<String>) -> Self {
        Self(Secret::new(raw))
    }

    /// The handle of a new invitation.
    pub(crate) fn generated(random: [u8; 16]) -> Self {
        Self::new(format!("{}{}", Self::PREFIX, URL_SAFE_NO_PAD.encode(random)))
    }

    /// The handle itself. Review every call of this method.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The ID of the invitation with this handle: a hash, from which the handle cannot be found.
    #[must_use]
    pub fn invitation_id(&self) -> InvitationId {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(b"guestpass invitation\0");
        hash.update(self.expose().as_bytes());
        InvitationId(URL_SAFE_NO_PAD.encode(hash.finish()))
    }
}

/// The secret of a device: random, chosen by the guest's app before its first request and kept
/// there. A request with the same handle and device is the same guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceSecret(Secret);

impl DeviceSecret {
    /// Accepts 22 to 86 characters of base64url: 16 to 64 random bytes.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        let fits = (22..=86).contains(&raw.len()) && raw.bytes().all(is_base64url);
        fits.then(|| Self(Secret::new(raw)))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }
}

/// The ID of an invitation. It can be logged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InvitationId(String);

impl InvitationId {
    /// Accepts 43 characters of base64url.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        (raw.len() == 43 && raw.bytes().all(is_base64url)).then(|| Self(raw.to_owned()))
    }

    /// The ID as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InvitationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The ID of a device in one invitation. The same device has another ID in another invitation. It
/// can be logged.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(String);

impl DeviceId {
    const LENGTH: usize = 22;

    /// Accepts 22 characters of base64url.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        (raw.len() == Self::LENGTH && raw.bytes().all(is_base64url)).then(|| Self(raw.to_owned()))
    }

    /// The ID as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Shortens a tag to an ID.
    pub(super) fn of_tag(tag: &[u8]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(tag).chars().take(Self::LENGTH).collect())
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_25_characters_and_its_id_never_changes() {
        let handle = GuestHandle::generated([7; 16]);
        assert_eq!(handle.expose(), "gp_BwcHBwcHBwcHBwcHBwcHBw");
        let id = handle.invitation_id();
        assert_eq!(id.as_str(), "4jqnY-YbPKycIv6-X4tHdDQRU9wGjlBFaCzgbayJNJk");
        assert_eq!(InvitationId::parse(id.as_str()), Some(id));
    }

    #[test]
    fn a_text_that_is_not_a_handle_has_an_id_too_so_that_it_is_looked_up() {
        for raw in ["", "gp_", "gp_BwcHBwcHBwcHBwcHBwcHBx", "é", "gp_BwcHBwcHBwcHBwcHBwcHBw "] {
            let id = GuestHandle::new(raw).invitation_id();
            assert_eq!(id.as_str().len(), 43, "{raw}");
            assert_ne!(id, GuestHandle::generated([7; 16]).invitation_id(), "{raw}");
        }
    }

    #[test]
    fn a_device_is_16_to_64_bytes_in_base64url() {
        for (length, is_accepted) in [(21, false), (22, true), (86, true), (87, false)] {
            assert_eq!(DeviceSecret::parse(&"a".repeat(length)).is_some(), is_accepted, "{length}");
        }
        for bad in ["a=", "a+", "a/", "a ", "é"] {
            assert_eq!(DeviceSecret::parse(&format!("{bad}{}", "a".repeat(22))), None, "{bad}");
        }
    }
}
