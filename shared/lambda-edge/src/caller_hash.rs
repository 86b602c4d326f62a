use hmac::{Hmac, KeyInit, Mac};
use identity_core::identity::{ExternalId, SubjectClaims};
use identity_core::secret::Secret;
use lambda_http::Request;
use sha2::Sha256;

use crate::Caller;

/// Names callers in log lines without identifying them: an HMAC of the external id, with a key
/// of this deployment. A caller has the same name in every line, and only a holder of the key
/// can tell which user it is.
#[derive(Clone, Debug)]
pub(crate) struct CallerHash {
    key: Option<Secret>,
    subject: SubjectClaims,
}

impl CallerHash {
    /// Uses this key. Without a key, log lines name no callers. `subject` names the claims that
    /// say which user of the issuer a caller is.
    pub(crate) fn new(key: Option<Secret>, subject: &SubjectClaims) -> Self {
        Self { key, subject: subject.clone() }
    }

    /// The hash of the caller of a request; `None` if the request has no caller.
    pub(crate) fn of_request(&self, request: &Request) -> Option<String> {
        Caller::of(request, &self.subject).ok().and_then(|caller| self.of(caller.user()))
    }

    /// The first 16 hexadecimal digits of HMAC-SHA256.
    fn of(&self, user: &ExternalId) -> Option<String> {
        let key = self.key.as_ref()?.expose().as_bytes();
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
    use crate::testing::TestRequest;

    fn new(key: Option<Secret>) -> CallerHash {
        CallerHash::new(key, &SubjectClaims::default())
    }

    #[test]
    fn r62_a_caller_is_the_user_that_the_configured_claims_name() {
        let request = TestRequest::new("GET /v1/token").claim("oid", "carol").request();
        let callers =
            CallerHash::new(Some(Secret::new("key")), &"oid".parse::<SubjectClaims>().unwrap());
        assert_eq!(callers.of_request(&request), callers.of(&user("https://idp.example|carol")));
        assert!(callers.of_request(&request).is_some());
        assert_eq!(callers.of_request(&TestRequest::new("GET /v1/token").request()), None);
    }

    #[test]
    fn r62_a_caller_has_one_name_per_key_and_it_is_an_hmac() {
        let hash = |key: &str, name: &str| new(Some(Secret::new(key))).of(&user(name)).unwrap();
        // printf %s https://idp.example|alice | openssl dgst -sha256 -hmac key
        let alice = hash("key", "https://idp.example|alice");
        assert_eq!(alice, "fdabe22082b9edd8");
        assert_ne!(hash("key", "https://idp.example|bob"), alice);
        assert_ne!(hash("other", "https://idp.example|alice"), alice);
        assert_eq!(new(None).of(&user("alice")), None);
    }

    proptest! {
        #[test]
        fn r51_the_key_is_not_printed(raw in "[!-~]{12,60}") {
            let callers = new(Some(Secret::new(&raw)));
            let text = format!("{callers:?} {callers:#?}");
            prop_assert!(!text.contains(&raw), "{text}");
        }
    }
}
