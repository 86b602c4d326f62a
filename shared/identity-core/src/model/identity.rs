//! The basic types: users, identities, scopes, tokens, invocations.

mod invocation;
mod issuer;
mod subject_claims;
mod token;

use std::fmt::{self, Write};

use serde::Serialize;

pub use invocation::Invocation;
pub use issuer::{AnotherIssuer, Issuer};
pub use subject_claims::{InvalidSubjectClaims, SubjectClaims, UnnamedUser};
pub use token::{AccessToken, Lifetime, Scope, Scopes, TokenRequest};

/// Our ID for a user, and the key of the user's record.
///
/// For a user who signed in, it is `<issuer>|<subject>`, because a subject is unique only within
/// its issuer. [`SubjectClaims`] says which claims are the subject. An administrator may choose any other ID.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExternalId(String);

impl ExternalId {
    /// `DynamoDB` accepts keys of up to 2,048 bytes; an OIDC subject has at most 255 characters.
    const MAX_LENGTH: usize = 1024;

    /// Accepts 1 to 1,024 visible ASCII characters.
    ///
    /// An ID that begins with `8:` is refused, because it would look like an ACS ID.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        let visible = raw.bytes().all(|byte| byte.is_ascii_graphic());
        let length = (1..=Self::MAX_LENGTH).contains(&raw.len());
        (visible && length && !raw.starts_with(AcsId::PREFIX)).then(|| Self(raw.to_owned()))
    }

    /// Parses an ID that an administrator, an event or a bearer names. The IDs of guests are
    /// refused: only an invitation makes a guest.
    #[must_use]
    pub fn parse_named(raw: &str) -> Option<Self> {
        Self::parse(raw).filter(|id| !id.is_guest())
    }

    /// The ID of a guest: one device of one invitation, both in base64url.
    pub(crate) fn of_guest(invitation: &str, device: &str) -> Self {
        Self(format!("{GUEST_PREFIX}{invitation}|{device}"))
    }

    /// Whether it is the ID of a guest.
    #[must_use]
    pub fn is_guest(&self) -> bool {
        self.0.starts_with(GUEST_PREFIX)
    }

    /// The invitation and the device of a guest; `None` for a user.
    pub(crate) fn guest_parts(&self) -> Option<(&str, &str)> {
        self.0.strip_prefix(GUEST_PREFIX)?.split_once('|')
    }

    /// The ID of the user with the given `subject` at `issuer`. Characters of the subject that an
    /// ID may not contain are percent-encoded, because providers are not limited to visible
    /// ASCII.
    #[must_use]
    pub fn of_subject(issuer: &str, subject: &str) -> Option<Self> {
        Self::of_values(issuer, &[subject])
    }

    /// The ID of the user at `issuer` whose [`SubjectClaims`] have these values. A `|` in one of
    /// several values is percent-encoded, so that different values never give the same ID.
    #[must_use]
    pub fn of_values(issuer: &str, values: &[impl AsRef<str>]) -> Option<Self> {
        // An issuer is a URL (OpenID Connect Core §2) and contains no `|`, so two different pairs
        // never give the same ID.
        if issuer.is_empty() || issuer.contains('|') || values.is_empty() {
            return None;
        }
        let is_alone = values.len() == 1;
        let is_plain =
            |byte: u8| byte.is_ascii_graphic() && byte != b'%' && (byte != b'|' || is_alone);
        let mut name = issuer.to_owned();
        for value in values.iter().map(AsRef::as_ref) {
            if value.is_empty() {
                return None;
            }
            name.push('|');
            for byte in value.bytes() {
                if is_plain(byte) {
                    name.push(char::from(byte));
                } else {
                    // Writing to a string cannot fail.
                    let _ = write!(name, "%{byte:02X}");
                }
            }
        }
        Self::parse_named(&name)
    }

    /// A hash that distributes IDs evenly even if they differ in one character only: FNV-1a, 64
    /// bits. Stores keep what follows from it, so it must never change.
    #[must_use]
    pub fn hash(&self) -> u64 {
        fnv1a(self.0.bytes())
    }

    /// A hash of the ID together with another text, which the ID cannot contain.
    pub(crate) fn hash_with(&self, text: &str) -> u64 {
        fnv1a(self.0.bytes().chain([0]).chain(text.bytes()))
    }

    /// The ID as text. It can contain an e-mail address and must not be logged.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExternalId(…)")
    }
}

/// The ID that ACS gave an identity, for example `8:acs:<resource>_<guid>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct AcsId(String);

impl AcsId {
    const PREFIX: &str = "8:";

    /// Accepts a raw communication identifier of a user: `8:` and up to 254 more visible ASCII
    /// characters that, except for the colon, need no escape in a path.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b":_-.".contains(&byte);
        let ok = raw.starts_with(Self::PREFIX)
            && (3..=256).contains(&raw.len())
            && raw.bytes().all(plain);
        ok.then(|| Self(raw.to_owned()))
    }

    /// The ID in the spelling of ACS.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AcsId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A reference to an identity by one of its two IDs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentityRef {
    /// By our ID for its user.
    External(ExternalId),
    /// By its ID in ACS.
    Acs(AcsId),
}

impl IdentityRef {
    /// Parses either ID: an ID that begins with `8:` is an ACS ID.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        AcsId::parse(raw).map(Self::Acs).or_else(|| ExternalId::parse(raw).map(Self::External))
    }
}

/// Only the IDs of guests begin with it.
const GUEST_PREFIX: &str = "guest|";

fn fnv1a(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests;
