//! Tokens of Entra ID: which tokens are trusted, and which claims each operation requires.
//!
//! A token is trusted if a trusted key signed it: the development issuer's key, or a key of a JWK
//! set from `Builder::trust_entra_keys`.

use time::OffsetDateTime;

use super::audiences::teams_audiences;
use super::trusted_key::{self, TrustedKey};
use super::{Accounts, BearerRefusal, DevelopmentIssuer, EntraClaims};
use crate::cloud::Cloud;

/// The keys that the resource trusts.
pub(crate) struct Entra {
    pub cloud: Cloud,
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
    ) -> Result<EntraClaims, BearerRefusal> {
        let claims = self.verified(token, self.cloud.resource_audiences(), now)?;
        match &self.required_role {
            Some(role) if !claims.roles.contains(role) => Err(BearerRefusal::RoleMissing),
            _ => Ok(claims),
        }
    }

    /// Verifies the token of a Teams user with all of these permissions.
    pub(crate) fn user(
        &self,
        token: &str,
        scopes: &[&str],
        now: OffsetDateTime,
    ) -> Result<EntraClaims, BearerRefusal> {
        let claims = self.verified(token, &teams_audiences(self.cloud), now)?;
        if !scopes.iter().all(|scope| claims.may(scope)) {
            return Err(BearerRefusal::ScopeMissing);
        }
        claims.names_a_user()
    }

    /// Whether an app authenticates with the token of an issuer that it trusts: a federated identity
    /// credential.
    pub(crate) fn is_federated(&self, assertion: &str, now: OffsetDateTime) -> bool {
        self.verified(assertion, &[FEDERATED_AUDIENCE], now).is_ok()
    }

    fn verified(
        &self,
        token: &str,
        audiences: &[&str],
        now: OffsetDateTime,
    ) -> Result<EntraClaims, BearerRefusal> {
        let own = self.issuer.trusted_key();
        let keys = self.trusted.iter().chain(own.as_ref());
        let claims = trusted_key::read(token, keys, self.cloud)?;
        let audience = claims.aud.strip_suffix('/').unwrap_or(&claims.aud);
        if !audiences.contains(&audience) {
            return Err(BearerRefusal::Audience);
        }
        if now.unix_timestamp() >= claims.exp {
            return Err(BearerRefusal::Expired);
        }
        Ok(claims)
    }
}

/// The audience of a token with which an app authenticates.
const FEDERATED_AUDIENCE: &str = "api://AzureADTokenExchange";
