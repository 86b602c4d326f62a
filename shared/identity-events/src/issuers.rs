//! The issuers whose users the events are about.

use identity_core::identity::{AnotherIssuer, ExternalId, Issuer};
use serde::Deserialize;

/// The placeholder of the tenant in the issuer of a multi-tenant Microsoft Entra application.
const TENANT: &str = "{tenantid}";

/// The issuers whose tokens a deployment accepts: `Issuer`, and those of `Issuers`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventIssuers {
    first: Issuer,
    others: Vec<Issuer>,
}

/// The text is not a list of issuers.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIssuers {
    /// It is not a JSON array of objects with an `issuer`.
    #[error(
        "is not a JSON array of issuers: {0}; expected [{{\"issuer\": …, \"audiences\": […]}}]"
    )]
    NotAList(String),
    /// An issuer is empty, or has `{tenantid}` without a tenant.
    #[error("is invalid at index {0}: `issuer` is empty, or has {{tenantid}} without `tenants`")]
    Unusable(usize),
}

/// The members of an entry of the parameter `Issuers` that name its users. The authorizer checks
/// the others.
#[derive(Deserialize)]
struct IssuerEntry {
    issuer: String,
    #[serde(default)]
    tenants: Vec<String>,
}

impl EventIssuers {
    /// `first` is the issuer of events that do not say to which issuer they belong.
    #[must_use]
    pub fn new(first: Issuer, others: impl IntoIterator<Item = Issuer>) -> Self {
        let mut issuers = Self { first, others: Vec::new() };
        for other in others {
            if !issuers.iter().any(|known| *known == other) {
                issuers.others.push(other);
            }
        }
        issuers
    }

    /// Reads the parameter `Issuers`, a JSON array. An issuer with `{tenantid}` stands for one
    /// issuer for each of its `tenants`.
    ///
    /// # Errors
    /// The text is not such an array, or an entry names no issuer.
    pub fn parse(first: Issuer, raw: &str) -> Result<Self, InvalidIssuers> {
        let entries: Vec<IssuerEntry> = serde_json::from_str(raw)
            .map_err(|error| InvalidIssuers::NotAList(error.to_string()))?;
        let mut others = Vec::new();
        for (index, entry) in entries.into_iter().enumerate() {
            let names: Vec<String> = if entry.issuer.contains(TENANT) {
                entry.tenants.iter().map(|tenant| entry.issuer.replace(TENANT, tenant)).collect()
            } else {
                vec![entry.issuer]
            };
            let issuers: Option<Vec<Issuer>> =
                names.iter().map(|name| Issuer::parse(name)).collect();
            let issuers = issuers.filter(|issuers| !issuers.is_empty());
            others.extend(issuers.ok_or(InvalidIssuers::Unusable(index))?);
        }
        Ok(Self::new(first, others))
    }

    /// The issuer of events that do not say to which issuer they belong.
    #[must_use]
    pub fn first(&self) -> &Issuer {
        &self.first
    }

    /// Every issuer, [`first`](Self::first) first.
    pub fn iter(&self) -> impl Iterator<Item = &Issuer> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The issuer with this spelling.
    #[must_use]
    pub fn named(&self, spelled: &str) -> Option<&Issuer> {
        self.iter().find(|issuer| issuer.is(spelled))
    }

    /// The user's ID as it is stored; see [`Issuer::resolve`].
    ///
    /// # Errors
    /// The user belongs to another issuer.
    pub fn resolve(&self, user: &ExternalId) -> Result<ExternalId, AnotherIssuer> {
        self.iter().find_map(|issuer| issuer.resolve(user.clone()).ok()).ok_or(AnotherIssuer)
    }

    /// The issuers that fit; or the first, if none fits.
    pub(crate) fn fitting_or_first(&self, fits: impl Fn(&Issuer) -> bool) -> Vec<&Issuer> {
        let fitting = self.fitting(fits);
        if fitting.is_empty() { vec![&self.first] } else { fitting }
    }

    /// The issuers that fit.
    pub(crate) fn fitting(&self, fits: impl Fn(&Issuer) -> bool) -> Vec<&Issuer> {
        self.iter().filter(|issuer| fits(issuer)).collect()
    }
}

/// The host of an issuer's URL, in lower case and without a port.
pub(crate) fn host(issuer: &Issuer) -> String {
    let (_, rest) = issuer.as_str().split_once("://").unwrap_or_default();
    let authority = rest.split('/').next().unwrap_or_default();
    authority.split(':').next().unwrap_or_default().to_ascii_lowercase()
}

/// The path of an issuer's URL, without slashes at either end.
pub(crate) fn path(issuer: &Issuer) -> &str {
    let (_, rest) = issuer.as_str().split_once("://").unwrap_or_default();
    rest.split_once('/').map_or("", |(_, path)| path.trim_matches('/'))
}

/// The first label of a host under one of `domains`: the name of the tenant at a provider that
/// gives each tenant a host of its own.
pub(crate) fn tenant_of(issuer: &Issuer, domains: &[&str]) -> Option<String> {
    let host = host(issuer);
    let is_under =
        |domain: &&str| host.strip_suffix(*domain).is_some_and(|rest| rest.ends_with('.'));
    let label = host.split('.').next().filter(|label| !label.is_empty())?;
    domains.iter().any(is_under).then(|| label.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer(name: &str) -> Issuer {
        Issuer::parse(name).unwrap()
    }

    #[test]
    fn the_list_of_issuers_is_read_with_its_tenants() {
        let raw = r#"[
            {"issuer": "https://login.example/{tenantid}/v2.0", "audiences": ["app"], "tenants": ["a", "b"]},
            {"issuer": "https://other.example", "audiences": ["app"], "jwksUri": "https://keys"},
            {"issuer": "https://first.example", "audiences": ["app"]}
        ]"#;
        let issuers = EventIssuers::parse(issuer("https://first.example"), raw).unwrap();
        let names: Vec<_> = issuers.iter().map(Issuer::as_str).collect();
        assert_eq!(
            names,
            [
                "https://first.example",
                "https://login.example/a/v2.0",
                "https://login.example/b/v2.0",
                "https://other.example"
            ]
        );
        assert_eq!(issuers.first().as_str(), "https://first.example");
    }

    #[test]
    fn an_invalid_list_of_issuers_is_refused_with_the_place() {
        for (raw, said) in [
            ("{}", "is not a JSON array of issuers"),
            (r#"[{"audiences": ["app"]}]"#, "missing field `issuer`"),
            (r#"[{"issuer": ""}]"#, "is invalid at index 0"),
            (r#"[{"issuer": "https://a"}, {"issuer": "https://b/{tenantid}"}]"#, "at index 1"),
        ] {
            let error = EventIssuers::parse(issuer("https://i"), raw).unwrap_err().to_string();
            assert!(error.contains(said), "{raw}: {error}");
        }
    }

    #[test]
    fn the_tenant_is_the_first_label_of_a_host_of_the_provider() {
        let domains = &["auth0.com"];
        for (name, tenant) in [
            ("https://tenant.eu.auth0.com/", Some("tenant")),
            ("https://Tenant.auth0.com:443/", Some("tenant")),
            ("https://login.example.com/", None),
            ("https://auth0.com/", None),
            ("https://evilauth0.com/", None),
            ("https://tenant.auth0.com.example/", None),
            ("no URL", None),
        ] {
            assert_eq!(tenant_of(&issuer(name), domains).as_deref(), tenant, "{name}");
        }
        assert_eq!(path(&issuer("https://host/oauth2/default/")), "oauth2/default");
        assert_eq!((path(&issuer("https://host")), path(&issuer("https://host/"))), ("", ""));
    }
}
