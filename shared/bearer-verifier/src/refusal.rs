/// Why a bearer is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// The token is longer than tokens of its kind may be: 10,240 bytes for a bearer.
    #[error("invalid token: longer than tokens of this kind may be")]
    TooLong,
    /// The token is not a signed JWT in the compact serialization.
    #[error("invalid token: expected a signed JWT of three base64url parts")]
    Malformed,
    /// The header has `crit`: an extension that must be understood.
    #[error("invalid token: unsupported header `crit`")]
    CriticalExtension,
    /// `typ` names another kind of token, for example a logout token.
    #[error("invalid token: `typ` names another kind of token")]
    TokenType,
    /// `alg` is not on the list of accepted algorithms.
    #[error("invalid token: unsupported `alg`")]
    UnsupportedAlgorithm,
    /// `iss` is missing or is not a trusted issuer.
    #[error("invalid token: `iss` is not a trusted issuer")]
    UnknownIssuer,
    /// The issuer's keys are not available.
    #[error("the keys of the issuer are not available")]
    KeysUnavailable,
    /// The issuer publishes no key with this `kid` for this algorithm.
    #[error("invalid token: the issuer has no key with this `kid` and `alg`")]
    UnknownKey,
    /// The signature is not valid: the token was changed, or made by another party.
    #[error("invalid token: signature verification failed")]
    Signature,
    /// The token is for another audience or application.
    #[error("invalid token: `aud`, `client_id` or `azp` is not accepted")]
    Audience,
    /// `exp` is missing or has passed.
    #[error("invalid token: expired, or `exp` is missing")]
    Expired,
    /// `iat` is missing.
    #[error("invalid token: `iat` is missing")]
    NoIssueTime,
    /// `nbf` or `iat` is in the future.
    #[error("invalid token: `nbf` or `iat` is in the future")]
    NotYetValid,
    /// `tid` is not a tenant that may sign in, or does not match `iss`.
    #[error("invalid token: `tid` is not an accepted tenant of `iss`")]
    Tenant,
}
