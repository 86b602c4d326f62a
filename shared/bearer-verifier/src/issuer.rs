use serde_json::{Map, Value};

use crate::{SignedToken, TokenRefusal};

/// The placeholder of the tenant in the issuer of a multi-tenant Microsoft Entra application.
const TENANT: &str = "{tenantid}";

/// An issuer whose bearers are accepted, and for which audiences.
///
/// `OpenID` Connect Core §3.1.3.7, RFC 9068 §4: the issuer is compared letter by letter, and the
/// audience must be ours.
#[derive(Clone, Debug)]
pub struct TrustedIssuer {
    issuer: String,
    audiences: Vec<String>,
    tenants: Vec<String>,
}

impl TrustedIssuer {
    /// Accepts bearers of `issuer` for one of `audiences`.
    ///
    /// An issuer with `{tenantid}` stands for the Entra tenants in `tenants`:
    /// `https://login.microsoftonline.com/{tenantid}/v2.0`. Other issuers have no tenants.
    ///
    /// # Errors
    /// The issuer is not an HTTPS URL, no audience is named, or `tenants` does not fit the issuer.
    pub fn new(
        issuer: impl Into<String>,
        audiences: Vec<String>,
        tenants: Vec<String>,
    ) -> Result<Self, TrustError> {
        let issuer = issuer.into();
        if !is_https_or_loopback(&issuer) {
            return Err(TrustError::Issuer);
        }
        Self::with_known_keys(issuer, audiences, tenants)
    }

    /// The same for an issuer whose keys are fetched from another URL than its own, which the caller
    /// must have checked. The issuer is then only compared and never asked, so it can be an http URL:
    /// that of a development issuer in the local network.
    ///
    /// # Errors
    /// As for [`new`](Self::new), but the issuer can be an http URL.
    pub fn with_known_keys(
        issuer: impl Into<String>,
        audiences: Vec<String>,
        tenants: Vec<String>,
    ) -> Result<Self, TrustError> {
        let issuer = issuer.into();
        let is_url = issuer.starts_with("https://") || issuer.starts_with("http://");
        if !is_url || issuer.contains(['?', '#', ' ']) {
            return Err(TrustError::Issuer);
        }
        if audiences.is_empty() || audiences.iter().any(String::is_empty) {
            return Err(TrustError::Audiences);
        }
        if issuer.contains(TENANT) == tenants.is_empty() || tenants.iter().any(String::is_empty) {
            return Err(TrustError::Tenants);
        }
        Ok(Self { issuer, audiences, tenants })
    }

    /// The issuer as configured, with `{tenantid}` where the tenant stands.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.issuer
    }

    /// Whether the token's `iss` is this issuer, which is not verified yet. For a multi-tenant
    /// issuer, the tenant must be on the list: the pattern alone would accept every Entra tenant of
    /// the world.
    #[must_use]
    pub fn is_named_by(&self, token: &SignedToken<'_>) -> bool {
        let Some(iss) = token.unverified_issuer() else { return false };
        if self.tenants.is_empty() {
            return iss == self.issuer;
        }
        self.tenants.iter().any(|tenant| iss == self.issuer.replace(TENANT, tenant))
    }

    /// Checks the claims that say for whom the token was made.
    pub(crate) fn check(&self, claims: &Map<String, Value>) -> Result<(), TokenRefusal> {
        self.check_audience(claims)?;
        if !self.tenants.is_empty() {
            let (iss, tid) = (text(claims, "iss"), text(claims, "tid"));
            let same = tid.is_some_and(|tid| iss == Some(&self.issuer.replace(TENANT, tid)));
            return if same { Ok(()) } else { Err(TokenRefusal::Tenant) };
        }
        Ok(())
    }

    /// `aud` must name us; if `aud` is missing, `client_id` must (as API Gateway's authorizer
    /// does, for Cognito's access tokens), or else `azp` (for Clerk's and Supabase's sessions).
    fn check_audience(&self, claims: &Map<String, Value>) -> Result<(), TokenRefusal> {
        let ours = |name: &str| self.audiences.iter().any(|audience| audience == name);
        let accepted = match claims.get("aud") {
            Some(Value::String(audience)) => ours(audience),
            Some(Value::Array(audiences)) => audiences.iter().filter_map(Value::as_str).any(ours),
            Some(_) => false,
            None => text(claims, "client_id").or_else(|| text(claims, "azp")).is_some_and(ours),
        };
        if accepted { Ok(()) } else { Err(TokenRefusal::Audience) }
    }
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claims.get(name)?.as_str()
}

/// Whether a URL is https, or http on this machine, where a development issuer runs.
#[must_use]
pub fn is_https_or_loopback(url: &str) -> bool {
    let loopback = ["localhost", "127.0.0.1", "[::1]"];
    url.starts_with("https://")
        || url.strip_prefix("http://").is_some_and(|rest| {
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            // Without the port; a user name before `@` makes another host out of it.
            let host = authority.rsplit_once(':').map_or(authority, |(host, port)| {
                if port.bytes().all(|byte| byte.is_ascii_digit()) { host } else { authority }
            });
            loopback.contains(&host)
        })
}

/// Why a trusted issuer cannot be configured like this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// The issuer is neither an HTTPS URL nor one of this machine, or it has a query or a fragment.
    #[error("invalid issuer: must be an https URL without query and fragment")]
    Issuer,
    /// No audience is named, or one is empty.
    #[error("invalid audiences: name at least one, and none may be empty")]
    Audiences,
    /// An issuer with `{tenantid}` has no tenants, or another issuer has some.
    #[error("invalid tenants: name at least one exactly if the issuer contains `{{tenantid}}`")]
    Tenants,
}
