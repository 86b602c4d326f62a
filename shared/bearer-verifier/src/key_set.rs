use aws_lc_rs::signature::{RsaPublicKeyComponents, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::algorithm::Scheme;
use crate::{Algorithm, SignedToken, TokenRefusal};

/// The most keys of one issuer that are read. Issuers publish two to five.
const MAX_KEYS: usize = 64;

/// The public keys of one issuer (RFC 7517 §5).
#[derive(Clone, Debug, Default)]
pub struct KeySet(Vec<Key>);

/// One public key that can verify signatures.
#[derive(Clone, Debug)]
struct Key {
    id: Option<String>,
    /// The only algorithm that the issuer uses the key with, if the issuer says so.
    algorithm: Option<String>,
    material: Material,
}

#[derive(Clone, Debug)]
enum Material {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    Curve { name: String, point: Vec<u8> },
}

/// The members of a JSON Web Key that are used (RFC 7517 §4, RFC 7518 §6, RFC 8037 §2).
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// Reads a JWK Set. Keys of other kinds are skipped (RFC 7517 §5), as are keys for encryption.
    ///
    /// # Errors
    /// The document is not a JWK Set, has more than 64 keys, or none of its keys can be used.
    pub fn from_json(document: &[u8]) -> Result<Self, KeySetError> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<serde_json::Value>,
        }
        let document: Document =
            serde_json::from_slice(document).map_err(|_| KeySetError::Malformed)?;
        if document.keys.len() > MAX_KEYS {
            return Err(KeySetError::TooManyKeys);
        }
        let keys: Vec<_> = document
            .keys
            .into_iter()
            .filter_map(|key| serde_json::from_value(key).ok())
            .filter_map(Key::from_jwk)
            .collect();
        if keys.is_empty() { Err(KeySetError::NoUsableKey) } else { Ok(Self(keys)) }
    }

    /// Whether a key with the token's `kid` is here. Ask before the signature is verified: an
    /// unknown key is a reason to fetch the set again.
    #[must_use]
    pub fn knows_key_of(&self, token: &SignedToken<'_>) -> bool {
        self.candidates(token).next().is_some()
    }

    /// The ids of the keys that can verify signatures of `algorithm`; `None` for a key without a
    /// `kid`.
    pub fn key_ids(&self, algorithm: Algorithm) -> impl Iterator<Item = Option<&str>> {
        self.0.iter().filter(move |key| key.fits(algorithm)).map(|key| key.id.as_deref())
    }

    /// The keys that may have signed the token: the one with its `kid`, or if the token has no
    /// `kid`, all that fit its algorithm.
    fn candidates(&self, token: &SignedToken<'_>) -> impl Iterator<Item = &Key> {
        self.0.iter().filter(|key| {
            let same_id = token.key_id.is_none() || key.id == token.key_id;
            same_id && key.fits(token.algorithm)
        })
    }

    pub(crate) fn verify(&self, token: &SignedToken<'_>) -> Result<(), TokenRefusal> {
        let mut candidates = self.candidates(token).peekable();
        if candidates.peek().is_none() {
            return Err(TokenRefusal::UnknownKey);
        }
        let verified = candidates.any(|key| key.verifies(token));
        verified.then_some(()).ok_or(TokenRefusal::Signature)
    }
}

impl Key {
    fn from_jwk(jwk: Jwk) -> Option<Self> {
        if jwk.usage.is_some_and(|usage| usage != "sig") {
            return None;
        }
        let material = match jwk.kty.as_str() {
            "RSA" => Material::Rsa { modulus: number(&jwk.n?)?, exponent: number(&jwk.e?)? },
            "EC" => {
                let (x, y) = (decode(&jwk.x?)?, decode(&jwk.y?)?);
                // SEC 1 §2.3.3: 4 is the prefix of an uncompressed point.
                Material::Curve { name: jwk.crv?, point: [&[4], x.as_slice(), &y].concat() }
            }
            "OKP" => Material::Curve { name: jwk.crv?, point: decode(&jwk.x?)? },
            _ => return None,
        };
        Some(Self { id: jwk.kid, algorithm: jwk.alg, material })
    }

    /// Whether the key is of the algorithm's kind. An RSA key never verifies an ECDSA signature.
    fn fits(&self, algorithm: Algorithm) -> bool {
        let same_kind = match (&self.material, algorithm.scheme()) {
            (Material::Rsa { .. }, Scheme::Rsa(_)) => true,
            (Material::Curve { name, .. }, Scheme::Curve(curve, _)) => name == curve,
            _ => false,
        };
        same_kind && self.algorithm.as_ref().is_none_or(|only| only == algorithm.name())
    }

    fn verifies(&self, token: &SignedToken<'_>) -> bool {
        match (&self.material, token.algorithm.scheme()) {
            (Material::Rsa { modulus, exponent }, Scheme::Rsa(parameters)) => {
                RsaPublicKeyComponents { n: modulus, e: exponent }
                    .verify(parameters, token.signed_bytes, &token.signature)
                    .is_ok()
            }
            (Material::Curve { point, .. }, Scheme::Curve(_, algorithm)) => {
                UnparsedPublicKey::new(algorithm, point)
                    .verify(token.signed_bytes, &token.signature)
                    .is_ok()
            }
            _ => false,
        }
    }
}

/// Why a document cannot serve as the keys of an issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// The document is not a JSON object with an array `keys`.
    #[error("invalid key set: expected a JSON object with an array `keys`")]
    Malformed,
    /// The document has more than 64 keys.
    #[error("invalid key set: more than 64 keys")]
    TooManyKeys,
    /// None of the keys is a signature key of a supported type.
    #[error("invalid key set: no RSA, EC or Ed25519 key for signatures")]
    NoUsableKey,
}

/// A number in base64url. Some issuers write leading zeros, which the library refuses.
fn number(encoded: &str) -> Option<Vec<u8>> {
    let bytes = decode(encoded)?;
    let first = bytes.iter().position(|byte| *byte != 0)?;
    bytes.get(first..).map(<[u8]>::to_vec)
}

fn decode(encoded: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(encoded.trim_end_matches('=')).ok()
}
