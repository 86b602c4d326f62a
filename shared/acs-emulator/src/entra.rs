//! Tokens of Entra ID: which tokens are trusted, and which claims each operation requires.
//!
//! A token is trusted if a trusted key signed it: the development issuer's key, or a key of a JWK
//! set from [`crate::Builder::trust_entra_keys`].

mod claims;
mod issuer;
mod minting;
mod oauth;
mod refusal;
mod trusted_key;

use hyper::HeaderMap;
use time::OffsetDateTime;

pub(crate) use claims::EntraClaims;
pub(crate) use issuer::DevelopmentIssuer;
pub(crate) use minting::mint;
pub(crate) use oauth::{Accounts, OAuthRoute};
pub(crate) use refusal::Refusal;
pub(crate) use trusted_key::TrustedKey;

/// The keys that the resource trusts.
pub(crate) struct Entra {
    pub issuer: DevelopmentIssuer,
    pub accounts: Accounts,
    /// The keys of other issuers.
    pub trusted: Vec<TrustedKey>,
    /// The role that `roles` must contain for the resource's operations.
    pub required_role: Option<String>,
}

impl Entra {
    /// Authenticates an operator of the resource by a bearer in place of its key.
    pub(crate) fn operator(
        &self,
        token: &str,
        now: OffsetDateTime,
    ) -> Result<EntraClaims, Refusal> {
        let claims = self.verified(token, &[RESOURCE], now)?;
        match &self.required_role {
            Some(role) if !claims.roles.contains(role) => Err(Refusal::RoleMissing),
            _ => Ok(claims),
        }
    }

    /// Verifies the token of a Teams user that an application exchanges.
    pub(crate) fn teams_user(
        &self,
        token: &str,
        now: OffsetDateTime,
    ) -> Result<EntraClaims, Refusal> {
        let claims = self.verified(token, &TEAMS, now)?;
        if !TEAMS_SCOPES.iter().all(|scope| claims.may(scope)) {
            return Err(Refusal::ScopeMissing);
        }
        claims.names_a_user()
    }

    /// Authenticates a Teams Phone user who exchanges their own token.
    pub(crate) fn phone_user(
        &self,
        token: &str,
        now: OffsetDateTime,
    ) -> Result<EntraClaims, Refusal> {
        let claims = self.verified(token, &TEAMS, now)?;
        if !claims.may(TEAMS_EXTENSION_SCOPE) {
            return Err(Refusal::ScopeMissing);
        }
        claims.names_a_user()
    }

    fn verified(
        &self,
        token: &str,
        audiences: &[&str],
        now: OffsetDateTime,
    ) -> Result<EntraClaims, Refusal> {
        let own = self.issuer.trusted_key();
        let claims = trusted_key::read(token, self.trusted.iter().chain(own.as_ref()))?;
        let audience = claims.aud.strip_suffix('/').unwrap_or(&claims.aud);
        if !audiences.contains(&audience) {
            return Err(Refusal::Audience);
        }
        if now.unix_timestamp() >= claims.exp {
            return Err(Refusal::Expired);
        }
        Ok(claims)
    }
}

/// The token of `Authorization: Bearer …`.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get("authorization")?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Whether tokens for `audience` are operator credentials.
fn is_resource(audience: &str) -> bool {
    audience.strip_suffix('/').unwrap_or(audience) == RESOURCE
}

/// Audiences, without the trailing slash that some tokens have. Entra writes an application's URI
/// or its id, depending on the application's registration.
const RESOURCE: &str = "https://communication.azure.com";
const TEAMS: [&str; 2] =
    ["https://auth.msft.communication.azure.com", "1fd5118e-2576-4263-8130-9503064c837a"];

/// The two permissions that an application needs for Teams users.
const TEAMS_SCOPES: [&str; 2] = ["Teams.ManageCalls", "Teams.ManageChats"];
const TEAMS_EXTENSION_SCOPE: &str = "TeamsExtension.ManageCalls";
