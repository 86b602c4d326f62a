//! The issuers whose bearers are accepted.

use bearer_verifier::{TrustedIssuer, is_https_or_loopback};
use lambda_edge::config::{ConfigError, Env, required};
use serde::Deserialize;

/// The configuration from the environment.
pub(crate) struct AuthorizerConfig {
    pub(crate) issuers: Vec<AcceptedIssuer>,
}

/// An issuer, and where its keys are.
#[derive(Debug)]
pub(crate) struct AcceptedIssuer {
    pub(crate) trusted: TrustedIssuer,
    /// The URL of the key set, if it is not the `jwks_uri` of the issuer's discovery document.
    pub(crate) jwks_uri: Option<String>,
    /// By how many seconds the issuer dates its tokens too early; `None` for the issuer of the
    /// template, which has a parameter of its own.
    pub(crate) issued_early_seconds: Option<u16>,
}

/// An entry of `ISSUERS`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct IssuerEntry {
    issuer: String,
    audiences: Vec<String>,
    jwks_uri: Option<String>,
    #[serde(default)]
    tenants: Vec<String>,
    issued_early_seconds: Option<u16>,
}

impl AuthorizerConfig {
    /// Reads `ISSUER` with `AUDIENCE` (separated by commas), and `ISSUERS`, a JSON array of more
    /// issuers.
    pub(crate) fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        let audiences: String = required(env, "AUDIENCE")?;
        let first = IssuerEntry {
            issuer: required(env, "ISSUER")?,
            audiences: audiences.split(',').map(|one| one.trim().to_owned()).collect(),
            jwks_uri: None,
            tenants: Vec::new(),
            issued_early_seconds: None,
        };
        let mut issuers: Vec<AcceptedIssuer> = Vec::new();
        let raw = env("ISSUERS").filter(|raw| !raw.trim().is_empty());
        let more: Vec<IssuerEntry> = raw
            .map_or_else(|| Ok(Vec::new()), |raw| serde_json::from_str(&raw))
            .map_err(|error| {
                let expected = "expected [{\"issuer\": …, \"audiences\": […]}]";
                ConfigError::new("ISSUERS", format!("is invalid: {error}; {expected}"))
            })?;
        for (index, entry) in more.into_iter().enumerate() {
            let issuer = entry.accepted().map_err(|why| {
                ConfigError::new("ISSUERS", format!("is invalid at index {index}: {why}"))
            })?;
            if issuers.iter().any(|other| other.trusted.name() == issuer.trusted.name()) {
                let why = format!("is invalid at index {index}: the issuer is listed twice");
                return Err(ConfigError::new("ISSUERS", why));
            }
            issuers.push(issuer);
        }
        // An entry for the first issuer replaces it, so that it can have a `jwksUri`, too.
        if !issuers.iter().any(|other| other.trusted.name() == first.issuer) {
            let first = first.accepted().map_err(|why| ConfigError::new("ISSUER", why))?;
            issuers.insert(0, first);
        }
        Ok(Self { issuers })
    }
}

impl IssuerEntry {
    fn accepted(self) -> Result<AcceptedIssuer, String> {
        let trust = match self.jwks_uri {
            Some(_) => TrustedIssuer::with_known_keys,
            None => TrustedIssuer::new,
        };
        let trusted =
            trust(self.issuer, self.audiences, self.tenants).map_err(|error| error.to_string())?;
        if self.jwks_uri.as_deref().is_some_and(|uri| !is_https_or_loopback(uri)) {
            return Err("invalid jwksUri: must be an https URL".to_owned());
        }
        let issued_early_seconds = self.issued_early_seconds;
        if issued_early_seconds.is_some_and(|seconds| seconds > MAX_ISSUED_EARLY) {
            return Err("invalid issuedEarlySeconds: must be at most 600".to_owned());
        }
        Ok(AcceptedIssuer { trusted, jwks_uri: self.jwks_uri, issued_early_seconds })
    }
}

/// As for the parameter `IssuedEarlySeconds`.
const MAX_ISSUED_EARLY: u16 = 600;

#[cfg(test)]
mod tests {
    use super::*;

    fn config(issuers: &str) -> Result<Vec<AcceptedIssuer>, String> {
        let env = |name: &str| match name {
            "ISSUER" => Some("https://idp.example/".to_owned()),
            "AUDIENCE" => Some("app, web".to_owned()),
            "ISSUERS" => Some(issuers.to_owned()),
            _ => None,
        };
        let config = AuthorizerConfig::from_env(&env);
        config.map(|config| config.issuers).map_err(|error| error.to_string())
    }

    #[test]
    fn the_first_issuer_is_that_of_the_template_and_others_follow() {
        assert_eq!(config("").unwrap().len(), 1);
        let issuers = config(
            r#"[{"issuer": "https://login.microsoftonline.com/{tenantid}/v2.0",
                 "audiences": ["app"], "tenants": ["t1"]},
                {"issuer": "https://b2c.example/x/v2.0/", "audiences": ["app"],
                 "jwksUri": "https://b2c.example/x/flow/discovery/v2.0/keys"}]"#,
        );
        let issuers = issuers.unwrap();
        let names: Vec<_> = issuers.iter().map(|issuer| issuer.trusted.name()).collect();
        assert_eq!(
            names,
            [
                "https://idp.example/",
                "https://login.microsoftonline.com/{tenantid}/v2.0",
                "https://b2c.example/x/v2.0/"
            ]
        );
        let uri = issuers[2].jwks_uri.as_deref();
        assert_eq!(uri, Some("https://b2c.example/x/flow/discovery/v2.0/keys"));
    }

    #[test]
    fn an_entry_for_the_issuer_of_the_template_replaces_it() {
        let issuers = config(
            r#"[{"issuer": "https://idp.example/", "audiences": ["other"],
                 "jwksUri": "https://keys.example/jwks"}]"#,
        );
        let issuers = issuers.unwrap();
        assert_eq!(issuers.len(), 1);
        assert_eq!(issuers[0].jwks_uri.as_deref(), Some("https://keys.example/jwks"));
    }

    #[test]
    fn an_invalid_issuer_is_named_by_its_index() {
        for (issuers, problem) in [
            (r#"{"issuer": 1}"#, "ISSUERS is invalid: invalid type: map"),
            (r#"[{"issuer": "https://a.example"}]"#, "missing field `audiences`"),
            (
                r#"[{"issuer": "https://a.example", "audiences": []}]"#,
                "ISSUERS is invalid at index 0: invalid audiences",
            ),
            (
                r#"[{"issuer": "http://a.example", "audiences": ["app"]}]"#,
                "at index 0: invalid issuer: must be an https URL",
            ),
            (
                r#"[{"issuer": "https://a.example", "audiences": ["app"], "jwksUri": "http://a.example"}]"#,
                "at index 0: invalid jwksUri: must be an https URL",
            ),
            (
                r#"[{"issuer": "https://a.example", "audiences": ["app"], "issuedEarlySeconds": 601}]"#,
                "at index 0: invalid issuedEarlySeconds: must be at most 600",
            ),
            (
                r#"[{"issuer": "https://a.example", "audiences": ["app"], "jwks": ""}]"#,
                "unknown field `jwks`",
            ),
            (
                r#"[{"issuer": "https://a.example", "audiences": ["app"]},
                    {"issuer": "https://a.example", "audiences": ["other"]}]"#,
                "at index 1: the issuer is listed twice",
            ),
        ] {
            let found = config(issuers).unwrap_err();
            assert!(found.contains(problem), "{found}");
        }
    }

    #[test]
    fn an_issuer_is_valid_exactly_if_make_deploy_accepts_it() {
        let values = include_str!("../../../tests/infra/parameter_values.txt");
        let cases = values.lines().filter_map(|line| line.strip_prefix("Issuers "));
        for (expected, issuers) in cases.filter_map(|case| case.split_once(' ')) {
            assert_eq!(config(issuers).is_ok(), expected == "valid", "{issuers}");
        }
    }

    #[test]
    fn an_issuer_whose_keys_are_elsewhere_is_only_a_name() {
        let named = |issuer: &str, keys: &str| {
            config(&format!(
                r#"[{{"issuer": "{issuer}", "audiences": ["app"], "jwksUri": "{keys}"}}]"#
            ))
        };
        let keys = "http://127.0.0.1:3001/issuer/jwks";
        let issuers = named("http://192.168.1.5:3002", keys).unwrap();
        assert_eq!(issuers[1].trusted.name(), "http://192.168.1.5:3002");
        for issuer in ["ftp://idp.example", "idp.example", "http://idp.example/?x"] {
            assert!(named(issuer, keys).unwrap_err().contains("invalid issuer"), "{issuer}");
        }
        let insecure = named("http://192.168.1.5:3002", "http://192.168.1.5:3002/jwks");
        assert!(insecure.unwrap_err().contains("invalid jwksUri"));
    }

    #[test]
    fn issuer_and_audience_are_required() {
        for missing in ["ISSUER", "AUDIENCE"] {
            let env = |name: &str| (name != missing).then(|| "https://idp.example".to_owned());
            let error = AuthorizerConfig::from_env(&env).err().unwrap().to_string();
            assert_eq!(error, format!("the environment variable {missing} is not set"));
        }
    }
}
