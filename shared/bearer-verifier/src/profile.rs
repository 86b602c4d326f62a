use crate::TokenRefusal;

/// The longest bearer that is read, in bytes. API Gateway limits all headers together to 10,240.
pub const MAX_TOKEN_BYTES: usize = 10_240;

/// What kind of token is expected: the values of its header `typ`, and its length.
///
/// Tokens of one issuer are signed with the same keys, whatever they are for. The type is what
/// keeps one kind from being taken for another (RFC 8725 §3.11).
#[derive(Clone, Copy, Debug)]
pub struct TokenProfile {
    types: &'static [&'static str],
    is_typed: bool,
    max_bytes: usize,
}

impl TokenProfile {
    /// A bearer: an access token (RFC 9068), an ID token, or a token without a type.
    pub const BEARER: Self = Self::untyped(&["jwt", "at+jwt"], MAX_TOKEN_BYTES);

    /// A token that must have one of these types, and at most `max_bytes` bytes. Types are in lower
    /// case and without `application/`.
    #[must_use]
    pub const fn typed(types: &'static [&'static str], max_bytes: usize) -> Self {
        Self { types, is_typed: true, max_bytes }
    }

    /// A token that has one of these types or none.
    #[must_use]
    pub const fn untyped(types: &'static [&'static str], max_bytes: usize) -> Self {
        Self { types, is_typed: false, max_bytes }
    }

    pub(crate) fn check_length(&self, token: &str) -> Result<(), TokenRefusal> {
        if token.len() > self.max_bytes { Err(TokenRefusal::TooLong) } else { Ok(()) }
    }

    pub(crate) fn check_type(&self, declared: Option<&str>) -> Result<(), TokenRefusal> {
        let Some(declared) = declared else {
            return if self.is_typed { Err(TokenRefusal::TokenType) } else { Ok(()) };
        };
        let declared = declared.to_ascii_lowercase();
        // RFC 7515 §4.1.9: a value without a slash stands for the media type application/<value>.
        let declared = declared.strip_prefix("application/").unwrap_or(&declared);
        if self.types.contains(&declared) { Ok(()) } else { Err(TokenRefusal::TokenType) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_token_has_one_of_its_types_in_any_case_and_no_other() {
        let set = TokenProfile::typed(&["secevent+jwt"], 10);
        let logout = TokenProfile::untyped(&["logout+jwt", "jwt"], 10);
        for (declared, is_set, is_logout) in [
            (Some("secevent+jwt"), true, false),
            (Some("SecEvent+JWT"), true, false),
            (Some("application/secevent+jwt"), true, false),
            (Some("text/secevent+jwt"), false, false),
            (Some("logout+jwt"), false, true),
            (Some("JWT"), false, true),
            (Some("at+jwt"), false, false),
            (Some(""), false, false),
            (None, false, true),
        ] {
            assert_eq!(set.check_type(declared).is_ok(), is_set, "{declared:?}");
            assert_eq!(logout.check_type(declared).is_ok(), is_logout, "{declared:?}");
        }
        assert_eq!(set.check_length(&"x".repeat(10)), Ok(()));
        assert_eq!(set.check_length(&"x".repeat(11)), Err(TokenRefusal::TooLong));
    }
}
