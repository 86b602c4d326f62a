//! Why an emulator could not be built or served.

use std::io;
use std::path::PathBuf;

/// Why an emulator could not be built or served. Never quotes a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmulatorStartError {
    /// An access key does not have Azure's format.
    #[error(
        "invalid access key: not base64 with the standard alphabet and padding; use 64 bytes in base64"
    )]
    AccessKeyNotBase64,
    /// An access key has fewer than 16 bytes.
    #[error("invalid access key: too short; use 64 bytes in base64")]
    AccessKeyTooShort,
    /// The resource id is not a GUID.
    #[error("invalid resource id: not a GUID; omit it to use a random one")]
    ResourceNotGuid,
    /// A host name is invalid.
    #[error("invalid host name: {0}")]
    HostName(String),
    /// The signing key is not an RSA key in PKCS#8.
    #[error("invalid signing key: not an RSA key of at least 2048 bits in PKCS#8 DER")]
    SigningKeyRejected,
    /// The JWK set of another Entra issuer has no RSA key.
    #[error(
        "invalid keys of an Entra issuer: expected a JWK set with RSA keys, {{\"keys\":[{{\"kty\":\"RSA\",\"n\",\"e\"}}]}}"
    )]
    EntraKeysRejected,
    /// A key could not be generated.
    #[error("failed to generate a key: the system's random generator failed")]
    NoRandomness,
    /// A file of the data directory could not be read or written.
    #[error("failed to access {path}: {source}", path = path.display())]
    DataFile {
        /// The file or directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file of the data directory was not written by this emulator.
    #[error("invalid content of {path}: delete the file to start with a new one", path = path.display())]
    DataFileUnreadable {
        /// The file.
        path: PathBuf,
    },
    /// Another emulator uses the data directory.
    #[error(
        "data directory {path} is in use by another emulator: stop that emulator, or use another directory",
        path = path.display()
    )]
    DataDirInUse {
        /// The directory.
        path: PathBuf,
    },
    /// The listener has no address, so it cannot be announced.
    #[error("failed to read the address of the listener: {0}")]
    Listener(#[source] io::Error),
    /// The certificate authority was created without a host name that it now has to sign for.
    #[error(
        "certificate authority {path} is not for `{name}`: delete the file to create another \
         authority, which clients then have to trust, or do not use the name",
        path = path.display()
    )]
    AuthorityForOtherNames {
        /// The file of its certificate.
        path: PathBuf,
        /// The host name or the IP address.
        name: String,
    },
    /// The certificate authority or the certificate could not be created.
    #[error("failed to create the certificate for https: {0}")]
    Certificate(#[source] Box<dyn std::error::Error + Send + Sync>),
}
