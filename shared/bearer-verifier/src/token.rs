use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::object::UniqueObject;
use crate::{Algorithm, TokenProfile, TokenRefusal};

/// A token whose signature has not been verified yet.
///
/// Its claims are private: they only choose the issuer whose keys verify the signature.
pub struct SignedToken<'a> {
    pub(crate) algorithm: Algorithm,
    pub(crate) key_id: Option<String>,
    pub(crate) signed_bytes: &'a [u8],
    pub(crate) signature: Vec<u8>,
    pub(crate) claims: Map<String, Value>,
}

impl<'a> SignedToken<'a> {
    /// Reads a bearer: a JWT in the JWS compact serialization (RFC 7515 §7.1).
    pub fn parse(token: &'a str) -> Result<Self, TokenRefusal> {
        Self::parse_as(token, TokenProfile::BEARER)
    }

    /// Reads a JWT of the kind that `profile` describes.
    pub fn parse_as(token: &'a str, profile: TokenProfile) -> Result<Self, TokenRefusal> {
        profile.check_length(token)?;
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenRefusal::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(TokenRefusal::Malformed)?;
        // A payload with a dot would be a JWE (five parts) or no token at all.
        let header = read_object(header)?;
        let claims = read_object(payload)?;
        if header.contains_key("crit") {
            return Err(TokenRefusal::CriticalExtension);
        }
        let declared = header.get("typ").map(|typ| typ.as_str().ok_or(TokenRefusal::Malformed));
        profile.check_type(declared.transpose()?)?;
        let name = header.get("alg").and_then(Value::as_str).ok_or(TokenRefusal::Malformed)?;
        Ok(Self {
            algorithm: Algorithm::from_name(name).ok_or(TokenRefusal::UnsupportedAlgorithm)?,
            key_id: header.get("kid").and_then(Value::as_str).map(str::to_owned),
            signed_bytes: signed.as_bytes(),
            signature: decode(signature)?,
            claims,
        })
    }

    /// The algorithm of the signature, which is not verified yet.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The issuer that the token names. Use it only to look up keys: it is not verified.
    #[must_use]
    pub fn unverified_issuer(&self) -> Option<&str> {
        self.claims.get("iss")?.as_str()
    }
}

fn read_object(part: &str) -> Result<Map<String, Value>, TokenRefusal> {
    let UniqueObject(members) =
        serde_json::from_slice(&decode(part)?).map_err(|_| TokenRefusal::Malformed)?;
    Ok(members)
}

fn decode(part: &str) -> Result<Vec<u8>, TokenRefusal> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenRefusal::Malformed)
}
