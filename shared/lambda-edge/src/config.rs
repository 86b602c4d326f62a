//! Configuration: read once from the environment, at cold start.

use identity_core::admission::TokenPace;
use identity_core::phone::PhoneSettings;
use identity_core::policy::{Condition, Policy};

pub use identity_core::ports::{ConfigError, Env, optional, required};

/// The process environment.
#[must_use]
pub fn process_env(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    std::env::var(name).ok()
}

/// Reads a condition on claims, in the form of a policy's `if`. Returns `None` if the variable
/// is not set.
pub fn condition(env: &impl Env, name: &'static str) -> Result<Option<Condition>, ConfigError> {
    let raw = env(name).filter(|raw| !raw.is_empty());
    raw.map(|raw| serde_json::from_str(&raw)).transpose().map_err(|error| {
        ConfigError::new(
            name,
            format!("is not a valid condition: {error}; example: {{\"role\": \"admin\"}}"),
        )
    })
}

/// Reads the number of calls a user may make per minute: 10 if it is not set, no limit if it is
/// 0.
pub fn pace(env: &impl Env, name: &'static str) -> Result<Option<TokenPace>, ConfigError> {
    let per_minute = optional(env, name)?.unwrap_or(PACE_PER_MINUTE);
    TokenPace::per_minute(per_minute)
        .map_err(|reason| ConfigError::new(name, format!("is invalid: {reason}")))
}

/// An app requests a token once an hour and at each start; a faulty loop does so once a second.
const PACE_PER_MINUTE: u32 = 10;

/// Reads the policy. Without one, every user may have what the default policy gives. An error
/// quotes the names in the policy, which are not secret.
pub fn policy(env: &impl Env, name: &'static str) -> Result<Policy, ConfigError> {
    match env(name).filter(|raw| !raw.is_empty()) {
        None => Ok(Policy::default()),
        Some(raw) => serde_json::from_str(&raw)
            .map_err(|error| ConfigError::new(name, format!("is not a valid policy: {error}"))),
    }
}

/// Reads the policy of Teams Phone. Returns `None` if the deployment does not use it. An error quotes
/// the names in the policy, which are not secret.
pub fn phone(env: &impl Env, name: &'static str) -> Result<Option<PhoneSettings>, ConfigError> {
    let raw = env(name).filter(|raw| !raw.trim().is_empty());
    raw.map(|raw| PhoneSettings::parse(&raw))
        .transpose()
        .map_err(|error| ConfigError::new(name, format!("is not a valid policy: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_and_a_condition_are_valid_exactly_if_make_deploy_accepts_them() {
        let values = include_str!("../../../tests/infra/parameter_values.txt");
        for line in values.lines() {
            let (name, case) = line.split_once(' ').unwrap_or_default();
            let (expected, value) = case.split_once(' ').unwrap_or_default();
            let env = |_: &str| Some(value.to_owned());
            let is_valid = match name {
                "AdminCondition" => condition(&env, "ADMIN_CONDITION").is_ok(),
                "Policy" => policy(&env, "POLICY").is_ok(),
                "TeamsPhone" => phone(&env, "TEAMS_PHONE").is_ok(),
                _ => continue,
            };
            assert_eq!(is_valid, expected == "valid", "{line}");
        }
    }

    #[test]
    fn an_administrators_condition_has_the_form_of_a_policys_if_and_may_not_be_empty() {
        let condition = |raw: &str| condition(&|_: &str| Some(raw.to_owned()), "ADMIN_CONDITION");
        assert!(condition("").unwrap().is_none());
        assert!(condition(r#"{"role": "admin"}"#).unwrap().is_some());
        for bad in ["{}", "[]", "role=admin", r#"{"role": ["admin"]}"#] {
            let problem = condition(bad).unwrap_err().to_string();
            assert!(problem.contains("ADMIN_CONDITION is not a valid condition"), "{problem}");
        }
    }

    #[test]
    fn the_default_pace_is_ten_per_minute() {
        let pace = |raw: &str| pace(&|_: &str| Some(raw.to_owned()), "PACE_PER_MINUTE");
        assert_eq!(pace("").unwrap(), TokenPace::per_minute(10).unwrap());
        assert_eq!(pace("0").unwrap(), None);
        assert!(pace("601").unwrap_err().to_string().contains("PACE_PER_MINUTE"));
    }

    #[test]
    fn an_invalid_policy_is_named_on_one_line() {
        let env = |name: &str| {
            (name == "POLICY").then(|| r#"{"otherwise": {"scopes": ["root"]}}"#.to_owned())
        };
        let wrong = policy(&env, "POLICY").unwrap_err().to_string();
        assert!(wrong.starts_with(
            "the environment variable POLICY is not a valid policy: scopes must be one"
        ));
        assert!(!wrong.contains('\n'));
        assert_eq!(policy(&env, "MISSING").unwrap(), Policy::default());
    }
}
