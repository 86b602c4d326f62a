//! The tokens: RS256 JWTs with the claims of ACS.
//!
//! The emulator adds one claim of its own, `emulator`, which numbers the token and names its
//! generation. Without it, two tokens of the same second would be the same string, and a revocation
//! between them could not distinguish them.

use std::fmt::Write as _;

use aws_lc_rs::digest;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::api::Mri;
use crate::state::{EmulatorStartError, KeyMark};

/// Signs tokens, and recognises its own tokens.
pub(crate) struct TokenSigner {
    key: RsaKeyPair,
    kid: String,
    x5t: String,
}

/// The claims of a token, in the order of a recorded token.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct TokenClaims {
    /// The identity without its leading `8:`.
    pub skypeid: String,
    scp: u32,
    csi: String,
    /// Seconds since 1970, the whole part of `expiresOn`.
    pub exp: i64,
    rgn: String,
    /// The scopes as they were requested, joined by commas.
    #[serde(rename = "acsScope")]
    pub acs_scope: String,
    #[serde(rename = "resourceId")]
    resource_id: String,
    #[serde(rename = "resourceLocation")]
    resource_location: String,
    /// Seconds since 1970.
    pub iat: i64,
    pub emulator: EmulatorClaim,
}

/// The emulator's own claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EmulatorClaim {
    /// The number of revocations of the identity before this token.
    pub generation: u64,
    /// The number of this token in this process.
    pub serial: u64,
    /// The access key that signed the request.
    #[serde(default)]
    pub key: KeyMark,
}

/// Why a string is not one of the emulator's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotOurs {
    Malformed,
    UnknownSignature,
}

impl TokenClaims {
    pub(crate) fn new(
        identity: &Mri,
        scopes: &[String],
        issued: OffsetDateTime,
        expires: OffsetDateTime,
        emulator: EmulatorClaim,
    ) -> Self {
        Self {
            skypeid: identity.skype_id().to_owned(),
            // Every recorded token has the same number, whatever its scopes.
            scp: 1792,
            csi: issued.unix_timestamp().to_string(),
            exp: expires.unix_timestamp(),
            rgn: "amer".to_owned(),
            acs_scope: scopes.join(","),
            resource_id: identity.resource().to_owned(),
            resource_location: "unitedstates".to_owned(),
            iat: issued.unix_timestamp(),
            emulator,
        }
    }

    /// Names the resource if the identity's own name does not: for a Teams user.
    pub(crate) fn of_resource(self, guid: &str) -> Self {
        Self { resource_id: guid.to_owned(), ..self }
    }
}

impl TokenSigner {
    /// Generates a new RSA key of 2048 bits.
    pub(crate) fn generate() -> Result<Self, EmulatorStartError> {
        let key =
            RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| EmulatorStartError::NoRandomness)?;
        Ok(Self::new(key))
    }

    /// Loads a key in PKCS#8 DER.
    pub(crate) fn from_pkcs8(der: &[u8]) -> Result<Self, EmulatorStartError> {
        RsaKeyPair::from_pkcs8(der)
            .map(Self::new)
            .map_err(|_| EmulatorStartError::SigningKeyRejected)
    }

    /// The private key in PKCS#8 DER, for storage.
    pub(crate) fn to_pkcs8(&self) -> Result<Vec<u8>, EmulatorStartError> {
        let der: Pkcs8V1Der<'_> =
            self.key.as_der().map_err(|_| EmulatorStartError::SigningKeyRejected)?;
        Ok(der.as_ref().to_vec())
    }

    fn new(key: RsaKeyPair) -> Self {
        // The service uses the thumbprint of its certificate. The emulator has no certificate for
        // this key, so it uses a thumbprint of the public key.
        let public = key.public_key().as_ref();
        let thumbprint = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, public);
        let mut kid = String::new();
        for byte in thumbprint.as_ref() {
            // Writing to a string cannot fail.
            let _ = write!(kid, "{byte:02X}");
        }
        let x5t = URL_SAFE_NO_PAD.encode(thumbprint);
        Self { key, kid, x5t }
    }

    /// The token for `claims`, or `None` if the key cannot sign.
    pub(crate) fn sign(&self, claims: &impl Serialize) -> Option<String> {
        let header = Header { alg: "RS256", kid: &self.kid, x5t: &self.x5t, typ: "JWT" };
        let header = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&header).ok()?);
        let claims = URL_SAFE_NO_PAD.encode(serde_json::to_vec(claims).ok()?);
        let mut token = format!("{header}.{claims}");
        let mut signature = vec![0; self.key.public_modulus_len()];
        let random = SystemRandom::new();
        self.key.sign(&RSA_PKCS1_SHA256, &random, token.as_bytes(), &mut signature).ok()?;
        token.push('.');
        token.push_str(&URL_SAFE_NO_PAD.encode(signature));
        Some(token)
    }

    /// The claims of a token that this key signed. It does not check the token's validity.
    pub(crate) fn read(&self, token: &str) -> Result<TokenClaims, NotOurs> {
        let (signed, signature) = token.rsplit_once('.').ok_or(NotOurs::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(NotOurs::Malformed)?;
        let decode = |part| URL_SAFE_NO_PAD.decode(part).map_err(|_| NotOurs::Malformed);
        let (header, claims, signature) = (decode(header)?, decode(claims)?, decode(signature)?);
        let _: Value = serde_json::from_slice(&header).map_err(|_| NotOurs::Malformed)?;
        let _: Value = serde_json::from_slice(&claims).map_err(|_| NotOurs::Malformed)?;

        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.key.public_key().as_ref())
            .verify(signed.as_bytes(), &signature)
            .map_err(|_| NotOurs::UnknownSignature)?;
        serde_json::from_slice(&claims).map_err(|_| NotOurs::Malformed)
    }

    /// The public key as a JWK set.
    pub(crate) fn jwks(&self) -> Value {
        let public = self.key.public_key();
        json!({"keys": [{
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.kid,
            "x5t": self.x5t,
            "n": URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero()),
            "e": URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero()),
        }]})
    }
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    kid: &'a str,
    x5t: &'a str,
    typ: &'a str,
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::cloud::Cloud;

    fn claims() -> TokenClaims {
        let issued = datetime!(2026-03-05 07:08:09.5 UTC);
        let mri = Mri::new(
            Cloud::Public,
            "11111111-2222-3333-4444-555555555555",
            "66666666-7777-8888-9999-aaaaaaaaaaaa",
        );
        let emulator = EmulatorClaim { generation: 2, serial: 7, key: KeyMark(9) };
        let scopes = ["chat".to_owned(), "voip".to_owned()];
        TokenClaims::new(&mri, &scopes, issued, issued + time::Duration::hours(1), emulator)
    }

    #[test]
    fn a_token_has_the_header_and_the_claims_of_a_recorded_one() {
        let signer = TokenSigner::generate().unwrap();
        let token = signer.sign(&claims()).unwrap();
        let parts: Vec<Value> = token
            .split('.')
            .take(2)
            .map(|part| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap())
            .collect();
        let kid = parts[0]["kid"].as_str().unwrap();
        assert_eq!(parts[0]["alg"], "RS256");
        assert_eq!(parts[0]["typ"], "JWT");
        assert_eq!(kid.len(), 40);
        assert!(kid.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')), "{kid}");
        assert_eq!(parts[0]["x5t"].as_str().unwrap().len(), 27);
        assert_eq!(
            parts[1],
            json!({
                "skypeid": "acs:11111111-2222-3333-4444-555555555555_66666666-7777-8888-9999-aaaaaaaaaaaa",
                "scp": 1792,
                "csi": "1772694489",
                "exp": 1_772_698_089,
                "rgn": "amer",
                "acsScope": "chat,voip",
                "resourceId": "11111111-2222-3333-4444-555555555555",
                "resourceLocation": "unitedstates",
                "iat": 1_772_694_489,
                "emulator": {"generation": 2, "serial": 7, "key": 9},
            })
        );
    }

    #[test]
    fn a_stored_key_verifies_earlier_tokens() {
        let signer = TokenSigner::generate().unwrap();
        let token = signer.sign(&claims()).unwrap();
        let restored = TokenSigner::from_pkcs8(&signer.to_pkcs8().unwrap()).unwrap();
        assert_eq!(restored.read(&token).unwrap().emulator, claims().emulator);
        assert_eq!(restored.kid, signer.kid);
    }

    #[test]
    fn another_key_and_a_changed_claim_are_unknown_signatures() {
        let signer = TokenSigner::generate().unwrap();
        let token = signer.sign(&claims()).unwrap();
        let stranger = TokenSigner::generate().unwrap();
        assert_eq!(stranger.read(&token).unwrap_err(), NotOurs::UnknownSignature);

        let (head, tail) = token.split_once('.').unwrap();
        let (_, signature) = tail.split_once('.').unwrap();
        let forged = URL_SAFE_NO_PAD.encode(r#"{"skypeid":"acs:x"}"#);
        let forged = format!("{head}.{forged}.{signature}");
        assert_eq!(signer.read(&forged).unwrap_err(), NotOurs::UnknownSignature);
    }

    #[test]
    fn text_that_is_not_a_jwt_is_malformed() {
        let signer = TokenSigner::generate().unwrap();
        for text in ["", "a.b", "a.b.c", "..", "e30.e30.%"] {
            assert_eq!(signer.read(text).unwrap_err(), NotOurs::Malformed, "{text}");
        }
    }
}
