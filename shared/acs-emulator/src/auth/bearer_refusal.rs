//! Why an Entra token is refused.

/// One variant per cause, for the log; the caller gets less detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BearerRefusal {
    #[error("the token is not a JWT with the claims aud, iss and exp")]
    Malformed,
    #[error("the token is not signed with RS256")]
    Algorithm,
    #[error("the token names a key that no trusted issuer has published")]
    UnknownKey,
    #[error("the token's signature does not fit the key it names")]
    Signature,
    #[error("the token's iss is not the issuer that its key belongs to, for its tid")]
    Issuer,
    #[error("the token's aud is another application's")]
    Audience,
    #[error("the token has expired")]
    Expired,
    #[error("the token's roles do not have the one that is required")]
    RoleMissing,
    #[error("the token's scp lacks a permission that this needs")]
    ScopeMissing,
    #[error("the token is an application's, or says not who its user is: oid, tid, appid or azp")]
    NoUser,
    #[error("this route takes the user's own Entra token, as a bearer")]
    NoBearer,
    #[error("no assignment lets this user in with this application")]
    NotAssigned,
}
