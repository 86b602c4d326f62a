//! The issuer's RSA key.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// An RSA key and its key id.
pub(crate) struct SigningKey {
    pair: KeyPair,
    kid: String,
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
    pub(crate) fn generate() -> Result<Self, KeyError> {
        Ok(Self::from(KeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyError::NoRandomness)?))
    }

    /// Loads the key in `file` (PKCS#8), or creates one there that only the owner can read.
    pub(crate) fn load_or_create(file: &Path) -> Result<Self, KeyError> {
        let failed = |source| KeyError::File { path: file.to_owned(), source };
        match fs::read(file) {
            Ok(der) => KeyPair::from_pkcs8(&der)
                .map(Self::from)
                .map_err(|_| KeyError::Unreadable(file.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = Self::generate()?;
                let der = key.pair.as_der().map_err(|_| KeyError::NoRandomness)?;
                let mut file = OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(file)
                    .map_err(failed)?;
                file.write_all(der.as_ref()).map_err(failed)?;
                Ok(key)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// The public half, as RFC 7517 defines it.
    pub(crate) fn jwk(&self) -> Value {
        let public = self.pair.public_key();
        json!({
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.kid,
            "n": URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero()),
            "e": URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero()),
        })
    }

    /// A signed JWT with these claims.
    pub(crate) fn sign(&self, claims: &Value) -> Result<String, Unspecified> {
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": self.kid });
        let encode = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let message = format!("{}.{}", encode(&header), encode(claims));
        let mut signature = vec![0; self.pair.public_modulus_len()];
        let random = SystemRandom::new();
        self.pair.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature)?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl From<KeyPair> for SigningKey {
    fn from(pair: KeyPair) -> Self {
        let digest = digest::digest(&digest::SHA256, pair.public_key().as_ref());
        let kid = URL_SAFE_NO_PAD.encode(digest.as_ref().get(..12).unwrap_or_default());
        Self { pair, kid }
    }
}
