//! Why an Entra token is refused.

/// One variant per cause, for the log; the caller gets less detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BearerRefusal {
    #[error("invalid token: not a JWT with the claims aud, iss and exp")]
    Malformed,
    #[error("unsupported signature algorithm: expected RS256")]
    Algorithm,
    #[error("unknown signing key: the kid is not a key of a trusted issuer")]
    UnknownKey,
    #[error("invalid signature")]
    Signature,
    #[error("invalid issuer: iss is not the issuer of the signing key for this tid")]
    Issuer,
    #[error("invalid audience: aud is another application")]
    Audience,
    #[error("expired token")]
    Expired,
    #[error("missing role: roles does not have the required role")]
    RoleMissing,
    #[error("missing permission: scp does not have a permission that the operation requires")]
    ScopeMissing,
    #[error(
        "missing user: the token is an application's, or does not have oid, tid, scp, and appid or azp"
    )]
    NoUser,
    #[error("missing bearer: the operation requires the user's own Entra token")]
    NoBearer,
    #[error("missing assignment: the user is not assigned for this application")]
    NotAssigned,
}
