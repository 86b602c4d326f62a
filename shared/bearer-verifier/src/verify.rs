use std::fmt;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use crate::{Algorithm, KeySet, SignedToken, TokenRefusal, TrustedIssuer};

/// How far the clocks of the issuer and of this machine may differ.
pub const LEEWAY: Duration = Duration::from_mins(1);

/// The claims of a token that passed every check. Only [`verify`] makes them.
#[derive(Clone)]
pub struct VerifiedClaims(Map<String, Value>);

impl fmt::Debug for VerifiedClaims {
    /// Claims can be personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifiedClaims(…)")
    }
}

impl VerifiedClaims {
    /// The claims as the token has them: nested, and with their JSON types.
    #[must_use]
    pub fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The claims as the token has them, without a copy.
    #[must_use]
    pub fn into_map(self) -> Map<String, Value> {
        self.0
    }
}

/// Verifies the signature with the issuer's own keys, then the claims, at the time `now`.
///
/// # Errors
/// The first check that failed. [`TokenRefusal::Expired`] means that no other check failed, except
/// perhaps that `nbf` or `iat` is in the future.
pub fn verify(
    token: SignedToken<'_>,
    issuer: &TrustedIssuer,
    keys: &KeySet,
    now: SystemTime,
) -> Result<VerifiedClaims, TokenRefusal> {
    // The issuer is checked here, too, so that no caller can combine the keys of one issuer with
    // the claims of another.
    if !issuer.is_named_by(&token) {
        return Err(TokenRefusal::UnknownIssuer);
    }
    keys.verify(&token)?;
    issuer.check(&token.claims)?;
    // Last, so that a token that is refused as expired is genuine and for us.
    check_times(&token.claims, now)?;
    Ok(VerifiedClaims(token.claims))
}

/// Verifies only the signature, and returns the claims. It is for a caller that checks the claims
/// by other rules.
///
/// # Errors
/// [`TokenRefusal::UnknownKey`] or [`TokenRefusal::Signature`].
pub fn verify_signature(
    token: SignedToken<'_>,
    keys: &KeySet,
) -> Result<Map<String, Value>, TokenRefusal> {
    keys.verify(&token)?;
    Ok(token.claims)
}

/// Verifies only the signature of a message, whose header and claims the caller reads itself, by the
/// rules of another product.
///
/// # Errors
/// [`TokenRefusal::UnknownKey`] or [`TokenRefusal::Signature`].
pub fn verify_message(
    algorithm: Algorithm,
    key_id: Option<String>,
    signed_bytes: &[u8],
    signature: Vec<u8>,
    keys: &KeySet,
) -> Result<(), TokenRefusal> {
    keys.verify(&SignedToken { algorithm, key_id, signed_bytes, signature, claims: Map::new() })
}

/// RFC 7519 §4.1.4 to §4.1.6. `exp` is compulsory: a token without it would be valid forever. So is
/// `iat`, as in RFC 9068 §2.2 and `OpenID` Connect Core §2: a user who was cut off is refused by it.
fn check_times(claims: &Map<String, Value>, now: SystemTime) -> Result<(), TokenRefusal> {
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let leeway = LEEWAY.as_secs_f64();
    let expires = claims.get("exp").and_then(Value::as_f64);
    if expires.is_none_or(|at| at + leeway <= now) {
        return Err(TokenRefusal::Expired);
    }
    if !claims.contains_key("iat") {
        return Err(TokenRefusal::NoIssueTime);
    }
    for name in ["nbf", "iat"] {
        let Some(value) = claims.get(name) else { continue };
        if value.as_f64().is_none_or(|at| at > now + leeway) {
            return Err(TokenRefusal::NotYetValid);
        }
    }
    Ok(())
}
