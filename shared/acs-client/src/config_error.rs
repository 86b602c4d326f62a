//! The error for an invalid configuration.

/// Why a client could not be created.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientConfigError {
    /// `extra_roots_pem` contains no valid certificate.
    #[error(
        "invalid `extra_roots_pem`: no certificate in PEM format (-----BEGIN CERTIFICATE-----)"
    )]
    ExtraRoots,
    /// The endpoint is http, and the credential is a bearer token.
    #[error(
        "bearer tokens are sent over https only; for an emulator on this machine, set \
         `bearer_over_loopback_http`"
    )]
    BearerOverHttp,
    /// The authority is not a valid address.
    #[error("invalid `authority`: must be `https://` and a host; omit it to use Entra's own")]
    Authority,
    /// The tenant is neither a GUID nor a domain.
    #[error("invalid `tenant`: must be a GUID or a domain (letters, digits, `-` and `.`)")]
    Tenant,
    /// The HTTP client could not be created.
    #[error("failed to create the HTTP client: {0}")]
    Http(String),
}
