//! Signs tokens with every accepted algorithm, and with some that must be refused.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaEncoding,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::KeySet;

/// An issuer, or an attacker with other keys.
pub struct Signer {
    rsa: RsaKeyPair,
    p256: EcdsaKeyPair,
    p384: EcdsaKeyPair,
    p521: EcdsaKeyPair,
    ed25519: Ed25519KeyPair,
}

impl Default for Signer {
    /// Generates a key for every algorithm.
    fn default() -> Self {
        let curve =
            |algorithm: &'static EcdsaSigningAlgorithm| EcdsaKeyPair::generate(algorithm).unwrap();
        Self {
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).unwrap(),
            p256: curve(&ECDSA_P256_SHA256_FIXED_SIGNING),
            p384: curve(&ECDSA_P384_SHA384_FIXED_SIGNING),
            p521: curve(&ECDSA_P521_SHA512_FIXED_SIGNING),
            ed25519: Ed25519KeyPair::generate().unwrap(),
        }
    }
}

impl Signer {
    /// The public keys: `rsa`, `p256`, `p384`, `p521` and `ed`.
    #[must_use]
    pub fn jwks(&self) -> Value {
        let rsa = PublicKeyComponents::<Vec<u8>>::from(self.rsa.public_key());
        json!({"keys": [
            {"kty": "RSA", "kid": "rsa", "use": "sig", "n": b64(&rsa.n), "e": b64(&rsa.e)},
            curve_key("p256", "P-256", self.p256.public_key().as_ref()),
            curve_key("p384", "P-384", self.p384.public_key().as_ref()),
            curve_key("p521", "P-521", self.p521.public_key().as_ref()),
            {"kty": "OKP", "kid": "ed", "crv": "Ed25519",
             "x": b64(self.ed25519.public_key().as_ref())},
        ]})
    }

    /// The public keys, parsed.
    #[must_use]
    pub fn keys(&self) -> KeySet {
        KeySet::from_json(self.jwks().to_string().as_bytes()).unwrap()
    }

    /// Signs a token with the key of the algorithm that `header` names.
    #[must_use]
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    /// Signs the texts as they are, for tokens with an unusual header or payload.
    #[must_use]
    pub fn sign_text(&self, header: &str, claims: &str) -> String {
        let alg = serde_json::from_str::<Value>(header).unwrap()["alg"].clone();
        let signed = format!("{}.{}", b64(header.as_bytes()), b64(claims.as_bytes()));
        let signature = self.signature(alg.as_str().unwrap_or_default(), signed.as_bytes());
        format!("{signed}.{}", b64(&signature))
    }

    fn signature(&self, alg: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        let rsa = |encoding: &'static dyn RsaEncoding| {
            let mut signature = vec![0; self.rsa.public_modulus_len()];
            self.rsa.sign(encoding, &random, message, &mut signature).unwrap();
            signature
        };
        let curve = |key: &EcdsaKeyPair| key.sign(&random, message).unwrap().as_ref().to_vec();
        match alg {
            "RS256" => rsa(&RSA_PKCS1_SHA256),
            "RS384" => rsa(&RSA_PKCS1_SHA384),
            "RS512" => rsa(&RSA_PKCS1_SHA512),
            "PS256" => rsa(&RSA_PSS_SHA256),
            "PS384" => rsa(&RSA_PSS_SHA384),
            "PS512" => rsa(&RSA_PSS_SHA512),
            "ES256" => curve(&self.p256),
            "ES384" => curve(&self.p384),
            "ES512" => curve(&self.p521),
            "EdDSA" => self.ed25519.sign(message).as_ref().to_vec(),
            // The classic attack: the issuer's public key as the secret of an HMAC.
            "HS256" => {
                let public = self.rsa.public_key().as_ref();
                hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, public), message).as_ref().to_vec()
            }
            _ => Vec::new(),
        }
    }
}

fn curve_key(id: &str, curve: &str, point: &[u8]) -> Value {
    let (x, y) = point[1..].split_at(point.len() / 2);
    json!({"kty": "EC", "kid": id, "crv": curve, "x": b64(x), "y": b64(y)})
}

/// Encodes in base64url without padding.
#[must_use]
pub fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
