//! The error of an invalid configuration.

/// Why a client could not be created.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The additional roots are not certificates.
    #[error("the extra roots hold no certificate in PEM (-----BEGIN CERTIFICATE-----)")]
    ExtraRoots,
    /// The endpoint is http, and the credential is a bearer token.
    #[error(
        "a bearer token goes over https only; for an emulator on this machine, set \
         `bearer_over_loopback_http`"
    )]
    BearerOverHttp,
    /// The authority is not a valid address of Entra.
    #[error("the authority is not `https://` and a host; leave it out for Entra's own")]
    Authority,
    /// The tenant is not a GUID and not a domain.
    #[error("the tenant is not a GUID or a domain: letters, digits, `-` and `.`")]
    Tenant,
    /// The HTTP client could not be created.
    #[error("cannot make the HTTP client: {0}")]
    Http(String),
}
