//! The issuer's keys.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// The algorithms of the issuer's signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IssuerAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256, which API Gateway's JWT authorizer accepts.
    Rs256,
    /// ECDSA on P-256 with SHA-256, which it does not accept.
    Es256,
}

impl IssuerAlgorithm {
    /// The name in a JOSE header.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }
}

/// A key and its key id.
pub(crate) struct SigningKey {
    pair: SigningPair,
    kid: String,
}

enum SigningPair {
    Rsa(KeyPair),
    Ec(EcdsaKeyPair),
}

/// Why the key is not available.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file could not be read or written.
    #[error("cannot use the issuer's key {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file does not contain such a key.
    #[error("invalid issuer key {}: delete the file to create a new key", .0.display())]
    Unreadable(PathBuf),
    /// The system's random generator failed.
    #[error("cannot create the issuer's key: the system's random generator failed")]
    NoRandomness,
}

impl SigningKey {
    /// A new RSA key.
    #[cfg(test)]
    pub(crate) fn generate() -> Result<Self, KeyError> {
        SigningPair::generate(IssuerAlgorithm::Rs256).map(Self::from)
    }

    /// Loads the key in `file` (PKCS#8), or creates one there that only the owner can read. Without
    /// a file, each start creates a new key.
    pub(crate) fn load_or_create(
        file: Option<&Path>,
        algorithm: IssuerAlgorithm,
    ) -> Result<Self, KeyError> {
        let Some(file) = file else { return SigningPair::generate(algorithm).map(Self::from) };
        let failed = |source| KeyError::File { path: file.to_owned(), source };
        match fs::read(file) {
            Ok(der) => SigningPair::from_pkcs8(algorithm, &der)
                .map(Self::from)
                .map_err(|_| KeyError::Unreadable(file.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let pair = SigningPair::generate(algorithm)?;
                let der = pair.to_pkcs8().map_err(|_| KeyError::NoRandomness)?;
                let mut file = OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(file)
                    .map_err(failed)?;
                file.write_all(&der).map_err(failed)?;
                Ok(pair.into())
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// The public half, as RFC 7517 and RFC 7518 §6 define it.
    pub(crate) fn jwk(&self) -> Value {
        let (alg, kid) = (self.algorithm().name(), &self.kid);
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match &self.pair {
            SigningPair::Rsa(pair) => {
                let public = pair.public_key();
                let n = encode(public.modulus().big_endian_without_leading_zero());
                let e = encode(public.exponent().big_endian_without_leading_zero());
                json!({ "kty": "RSA", "use": "sig", "alg": alg, "kid": kid, "n": n, "e": e })
            }
            SigningPair::Ec(pair) => {
                // SEC 1 §2.3.3: the byte 4, then two coordinates of 32 bytes.
                let point = pair.public_key().as_ref().get(1..).unwrap_or_default();
                let (x, y) = point.split_at_checked(32).unwrap_or_default();
                let (x, y) = (encode(x), encode(y));
                json!({
                    "kty": "EC", "crv": "P-256", "use": "sig", "alg": alg, "kid": kid,
                    "x": x, "y": y,
                })
            }
        }
    }

    /// A signed JWT with these claims.
    pub(crate) fn sign(&self, claims: &Value) -> Result<String, Unspecified> {
        self.sign_with(&self.header(Some("JWT")), claims)
    }

    /// The header of a message of this `typ`.
    pub(crate) fn header(&self, token_type: Option<&str>) -> Value {
        let mut header = json!({ "alg": self.algorithm().name(), "kid": self.kid });
        if let (Some(header), Some(token_type)) = (header.as_object_mut(), token_type) {
            header.insert("typ".to_owned(), token_type.into());
        }
        header
    }

    /// A signed message with this header. Its `alg` is not changed, also if it is wrong.
    pub(crate) fn sign_with(&self, header: &Value, claims: &Value) -> Result<String, Unspecified> {
        let encode = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = self.pair.sign(message.as_bytes())?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn algorithm(&self) -> IssuerAlgorithm {
        match self.pair {
            SigningPair::Rsa(_) => IssuerAlgorithm::Rs256,
            SigningPair::Ec(_) => IssuerAlgorithm::Es256,
        }
    }
}

impl SigningPair {
    fn generate(algorithm: IssuerAlgorithm) -> Result<Self, KeyError> {
        let pair = match algorithm {
            IssuerAlgorithm::Rs256 => KeyPair::generate(KeySize::Rsa2048).map(Self::Rsa),
            IssuerAlgorithm::Es256 => {
                EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map(Self::Ec)
            }
        };
        pair.map_err(|_| KeyError::NoRandomness)
    }

    fn from_pkcs8(algorithm: IssuerAlgorithm, der: &[u8]) -> Result<Self, KeyRejected> {
        match algorithm {
            IssuerAlgorithm::Rs256 => KeyPair::from_pkcs8(der).map(Self::Rsa),
            IssuerAlgorithm::Es256 => {
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map(Self::Ec)
            }
        }
    }

    fn to_pkcs8(&self) -> Result<Vec<u8>, Unspecified> {
        match self {
            Self::Rsa(pair) => Ok(pair.as_der()?.as_ref().to_vec()),
            Self::Ec(pair) => Ok(pair.to_pkcs8v1()?.as_ref().to_vec()),
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)?;
                Ok(signature)
            }
            Self::Ec(pair) => Ok(pair.sign(&random, message)?.as_ref().to_vec()),
        }
    }
}

impl From<SigningPair> for SigningKey {
    fn from(pair: SigningPair) -> Self {
        let public = match &pair {
            SigningPair::Rsa(pair) => pair.public_key().as_ref(),
            SigningPair::Ec(pair) => pair.public_key().as_ref(),
        };
        let digest = digest::digest(&digest::SHA256, public);
        let kid = URL_SAFE_NO_PAD.encode(digest.as_ref().get(..12).unwrap_or_default());
        Self { pair, kid }
    }
}
