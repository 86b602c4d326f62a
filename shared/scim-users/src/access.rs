use identity_core::secret::Secret;
use subtle::ConstantTimeEq as _;

/// The secret that a provider sends as a bearer.
#[derive(Clone, Debug)]
pub struct BearerSecret(Secret);

impl BearerSecret {
    /// Wraps a secret; `None` if it has fewer than 16 characters and could be guessed.
    #[must_use]
    pub fn new(secret: Secret) -> Option<Self> {
        (secret.expose().len() >= 16).then_some(Self(secret))
    }

    /// Whether this is the secret in the header `Authorization`. The comparison takes the same
    /// time for every secret of this length.
    #[must_use]
    pub fn is_in(&self, authorization: &str) -> bool {
        let Some((scheme, token)) = authorization.trim().split_once(' ') else { return false };
        let is_equal = token.trim_start().as_bytes().ct_eq(self.0.expose().as_bytes());
        scheme.eq_ignore_ascii_case("bearer") && bool::from(is_equal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r26_scim_accepts_only_the_whole_secret_as_a_bearer() {
        let secret = BearerSecret::new(Secret::new("0123456789abcdef")).unwrap();
        for accepted in
            ["Bearer 0123456789abcdef", "bearer  0123456789abcdef", " BEARER 0123456789abcdef "]
        {
            assert!(secret.is_in(accepted), "{accepted}");
        }
        for refused in [
            "",
            "Bearer",
            "Bearer ",
            "0123456789abcdef",
            "Basic 0123456789abcdef",
            "Bearer 0123456789abcdeF",
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdef0",
        ] {
            assert!(!secret.is_in(refused), "{refused}");
        }
    }

    #[test]
    fn r26_scim_has_no_secret_that_could_be_guessed() {
        assert!(BearerSecret::new(Secret::new("")).is_none());
        assert!(BearerSecret::new(Secret::new("0123456789abcde")).is_none());
    }
}
