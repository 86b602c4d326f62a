//! Who the caller is: by the signature of an access key, or by a token of Entra ID.

mod accounts;
mod audiences;
mod authenticator;
mod bearer_refusal;
mod claims;
mod entra;
pub(crate) mod issuer;
mod signature;
mod trusted_key;

pub(crate) use accounts::{
    Accounts, DEVELOPMENT_APP, DEVELOPMENT_PRINCIPAL, DEVELOPMENT_TENANT, DEVELOPMENT_USER,
};
pub(crate) use audiences::{TEAMS_SCOPES, is_resource, teams_audiences};
pub(crate) use authenticator::{AuthenticatedCaller, Authenticator};
pub(crate) use bearer_refusal::BearerRefusal;
pub(crate) use claims::EntraClaims;
pub(crate) use entra::Entra;
pub(crate) use issuer::DevelopmentIssuer;
pub(crate) use trusted_key::TrustedKey;
