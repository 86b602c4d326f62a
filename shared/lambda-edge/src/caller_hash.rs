use hmac::{Hmac, KeyInit, Mac};
use identity_core::{identity::ExternalId, secret::Secret};
use sha2::Sha256;

/// Names callers in log lines without identifying them: an HMAC of the external id, with a key
/// of this deployment. A caller has the same name in every line, and only a holder of the key
/// can tell which user it is.
#[derive(Clone, Debug)]
pub struct CallerHash(Option<Secret>);

impl CallerHash {
    /// Uses this key. Without a key, log lines name no callers.
    #[must_use]
    pub fn new(key: Option<Secret>) -> Self {
        Self(key)
    }

    /// The first 16 hexadecimal digits of HMAC-SHA256.
    pub(crate) fn of(&self, user: &ExternalId) -> Option<String> {
        let key = self.0.as_ref()?.expose().as_bytes();
        let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
        mac.update(user.as_str().as_bytes());
        let digest = mac.finalize().into_bytes();
        digest.first_chunk().map(|first| format!("{:016x}", u64::from_be_bytes(*first)))
    }
}

#[cfg(test)]
mod tests {
    use identity_core::testing::user;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn r62_a_caller_has_one_name_per_key_and_it_is_an_hmac() {
        let hash = |key: &str, name: &str| {
            CallerHash::new(Some(Secret::new(key))).of(&user(name)).unwrap()
        };
        // printf %s https://idp.example|alice | openssl dgst -sha256 -hmac key
        let alice = hash("key", "https://idp.example|alice");
        assert_eq!(alice, "fdabe22082b9edd8");
        assert_ne!(hash("key", "https://idp.example|bob"), alice);
        assert_ne!(hash("other", "https://idp.example|alice"), alice);
        assert_eq!(CallerHash::new(None).of(&user("alice")), None);
    }

    proptest! {
        #[test]
        fn r51_the_key_is_not_printed(raw in "[!-~]{12,60}") {
            let callers = CallerHash::new(Some(Secret::new(&raw)));
            let text = format!("{callers:?} {callers:#?}");
            prop_assert!(!text.contains(&raw), "{text}");
        }
    }
}
