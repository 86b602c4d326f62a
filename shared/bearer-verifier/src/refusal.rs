/// Why a bearer is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRefusal {
    /// The token is longer than 10,240 bytes.
    TooLong,
    /// The token is not a signed JWT in the compact serialization.
    Malformed,
    /// The header has `crit`: an extension that must be understood.
    CriticalExtension,
    /// `typ` names another kind of token, for example a logout token.
    TokenType,
    /// `alg` is not on the list of accepted algorithms.
    UnsupportedAlgorithm,
    /// `iss` is missing or is not a trusted issuer.
    UnknownIssuer,
    /// The issuer's keys are not available.
    KeysUnavailable,
    /// The issuer publishes no key with this `kid` for this algorithm.
    UnknownKey,
    /// The signature is not valid: the token was changed, or made by another party.
    Signature,
    /// The token is for another audience or application.
    Audience,
    /// `exp` is missing or has passed.
    Expired,
    /// `nbf` or `iat` is in the future.
    NotYetValid,
    /// `tid` is not a tenant that may sign in, or does not match `iss`.
    Tenant,
}

impl std::error::Error for TokenRefusal {}

impl std::fmt::Display for TokenRefusal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::TooLong => "invalid token: longer than 10240 bytes",
            Self::Malformed => "invalid token: expected a signed JWT of three base64url parts",
            Self::CriticalExtension => "invalid token: unsupported header `crit`",
            Self::TokenType => "invalid token: `typ` must be `JWT` or `at+jwt`",
            Self::UnsupportedAlgorithm => "invalid token: unsupported `alg`",
            Self::UnknownIssuer => "invalid token: `iss` is not a trusted issuer",
            Self::KeysUnavailable => "the keys of the issuer are not available",
            Self::UnknownKey => "invalid token: the issuer has no key with this `kid` and `alg`",
            Self::Signature => "invalid token: signature verification failed",
            Self::Audience => "invalid token: `aud`, `client_id` or `azp` is not accepted",
            Self::Expired => "invalid token: expired, or `exp` is missing",
            Self::NotYetValid => "invalid token: `nbf` or `iat` is in the future",
            Self::Tenant => "invalid token: `tid` is not an accepted tenant of `iss`",
        })
    }
}
