use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use crate::{KeySet, SignedToken, TokenRefusal, TrustedIssuer};

/// How far the clocks of the issuer and of this machine may differ.
pub const LEEWAY: Duration = Duration::from_mins(1);

/// The claims of a token that passed every check. Only [`verify`] makes them.
#[derive(Clone, Debug)]
pub struct VerifiedClaims(Map<String, Value>);

impl VerifiedClaims {
    /// The claims as the token has them: nested, and with their JSON types.
    #[must_use]
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }
}

/// The issuer among `trusted` that the token names.
///
/// # Errors
/// [`TokenRefusal::UnknownIssuer`].
pub fn find_issuer<'a>(
    trusted: &'a [TrustedIssuer],
    token: &SignedToken<'_>,
) -> Result<&'a TrustedIssuer, TokenRefusal> {
    let named = token.unverified_issuer().ok_or(TokenRefusal::UnknownIssuer)?;
    trusted.iter().find(|issuer| issuer.is_named(named)).ok_or(TokenRefusal::UnknownIssuer)
}

/// Verifies the signature with the issuer's own keys, then the claims, at the time `now`.
///
/// # Errors
/// The first check that failed.
pub fn verify(
    token: SignedToken<'_>,
    issuer: &TrustedIssuer,
    keys: &KeySet,
    now: SystemTime,
) -> Result<VerifiedClaims, TokenRefusal> {
    // The issuer is checked here, too, so that no caller can combine the keys of one issuer with
    // the claims of another.
    if !token.unverified_issuer().is_some_and(|named| issuer.is_named(named)) {
        return Err(TokenRefusal::UnknownIssuer);
    }
    keys.verify(&token)?;
    check_times(&token.claims, now)?;
    issuer.check(&token.claims)?;
    Ok(VerifiedClaims(token.claims))
}

/// RFC 7519 §4.1.4 to §4.1.6. `exp` is compulsory: a token without it would be valid forever.
fn check_times(claims: &Map<String, Value>, now: SystemTime) -> Result<(), TokenRefusal> {
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let leeway = LEEWAY.as_secs_f64();
    let expires = claims.get("exp").and_then(Value::as_f64);
    if expires.is_none_or(|at| at + leeway <= now) {
        return Err(TokenRefusal::Expired);
    }
    for name in ["nbf", "iat"] {
        let Some(value) = claims.get(name) else { continue };
        if value.as_f64().is_none_or(|at| at > now + leeway) {
            return Err(TokenRefusal::NotYetValid);
        }
    }
    Ok(())
}
