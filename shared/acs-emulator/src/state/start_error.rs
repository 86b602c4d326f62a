//! Why an emulator could not be built or served.

use std::io;
use std::path::PathBuf;

/// Why an emulator could not be built or served. Never quotes a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmulatorStartError {
    /// An access key does not have Azure's format.
    #[error("the access key is not base64 (standard alphabet, padded); give 64 bytes in base64")]
    AccessKeyNotBase64,
    /// An access key has fewer than 16 bytes.
    #[error("the access key is too short: 64 bytes in base64 are expected")]
    AccessKeyTooShort,
    /// The resource id is not a GUID.
    #[error("the resource id is not a GUID; leave it out to get a random one")]
    ResourceNotGuid,
    /// The signing key is not an RSA key in PKCS#8.
    #[error("the signing key is not an RSA key of 2048 bits or more in PKCS#8 DER")]
    SigningKeyRejected,
    /// The JWK set of another Entra issuer has no RSA key.
    #[error(
        "the keys of an Entra issuer are not a JWK set with RSA keys: {{\"keys\":[{{\"kty\":\"RSA\",\"n\",\"e\"}}]}}"
    )]
    EntraKeysRejected,
    /// A key could not be generated.
    #[error("the system gave no randomness for a key")]
    NoRandomness,
    /// A file of the data directory could not be read or written.
    #[error("{path}: {source}", path = path.display())]
    DataFile {
        /// The file or directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file of the data directory was not written by this emulator.
    #[error("{path} is not readable; delete it to start with a new one", path = path.display())]
    DataFileUnreadable {
        /// The file.
        path: PathBuf,
    },
    /// Another emulator uses the data directory.
    #[error(
        "{path} is in use by another emulator; stop that one, or give this one a directory of its own",
        path = path.display()
    )]
    DataDirInUse {
        /// The directory.
        path: PathBuf,
    },
    /// The listener has no address, so it cannot be announced.
    #[error("the listener has no local address: {0}")]
    Listener(#[source] io::Error),
    /// The certificate authority or the certificate could not be created.
    #[error("no certificate could be made for https: {0}")]
    Certificate(#[source] Box<dyn std::error::Error + Send + Sync>),
}
