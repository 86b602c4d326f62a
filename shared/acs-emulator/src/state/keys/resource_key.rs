//! An access key of the resource, with which clients sign their requests.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::state::{EmulatorStartError, random};

/// An access key. `Debug` does not show it, and it does not implement `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct ResourceKey {
    base64: String,
    bytes: Vec<u8>,
}

/// The mark of the access key that a token was issued with. The token keeps it, and a regenerated
/// key has another mark. The mark reveals nothing about the key. Zero means no key: the token was
/// requested without a key, and no regeneration ends it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct KeyMark(pub u64);

impl ResourceKey {
    /// Parses a key in the format of ACS: standard base64 with padding.
    pub fn from_base64(base64: &str) -> Result<Self, EmulatorStartError> {
        let bytes = STANDARD.decode(base64).map_err(|_| EmulatorStartError::AccessKeyNotBase64)?;
        if bytes.len() < SHORTEST {
            return Err(EmulatorStartError::AccessKeyTooShort);
        }
        Ok(Self { base64: base64.to_owned(), bytes })
    }

    /// A new random key of 64 bytes, like the keys that Azure generates.
    pub(crate) fn generate() -> Result<Self, EmulatorStartError> {
        let bytes: [u8; 64] = random::bytes().map_err(|_| EmulatorStartError::NoRandomness)?;
        Ok(Self { base64: STANDARD.encode(bytes), bytes: bytes.to_vec() })
    }

    /// The key in base64, for a connection string or a secret store.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.base64
    }

    /// The mark by which a token remembers the key that signed its request: 48 bits of an HMAC with
    /// the key, which reveal as little as any signature does.
    pub(crate) fn mark(&self) -> KeyMark {
        let tag = hmac::sign(&self.for_hmac(), b"minted with this access key");
        let bytes = tag.as_ref().iter().take(6);
        // Zero means "no key".
        KeyMark(bytes.fold(0, |mark, byte| mark << 8 | u64::from(*byte)).max(1))
    }

    pub(crate) fn for_hmac(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.bytes)
    }
}

impl fmt::Debug for ResourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResourceKey(…)")
    }
}

/// A shorter value is a mistake, such as an empty or truncated value.
const SHORTEST: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_debug_output_does_not_have_the_key() {
        let key = ResourceKey::generate().unwrap();
        assert_eq!(format!("{key:?}"), "ResourceKey(…)");
        assert_eq!(key.expose().len(), 88);
        assert_eq!(ResourceKey::from_base64(key.expose()).unwrap(), key);
    }

    #[test]
    fn an_invalid_key_is_refused_and_not_quoted() {
        for (given, expected) in [("not base64!", "base64"), ("c2hvcnQ=", "too short")] {
            let error = ResourceKey::from_base64(given).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains(given), "{error}");
        }
    }
}
