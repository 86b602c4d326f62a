//! Configuration: read once from the environment, at cold start.

use std::{
    fmt::{self, Debug, Display},
    str::FromStr,
};

use identity_core::{
    admission::TokenPace,
    policy::{Condition, Policy},
};

/// A variable that is missing or invalid.
///
/// Names the variable and does not quote its value, which may be a secret. `Debug` prints the
/// same text as `Display`, because Rust prints the `Debug` form when `main` returns an error.
pub struct ConfigError {
    name: &'static str,
    reason: String,
}

impl Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the environment variable {} {}", self.name, self.reason)
    }
}

impl Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl std::error::Error for ConfigError {}

/// Looks up a variable. It is a parameter, so that tests need not change the environment of the
/// process.
pub trait Env: Fn(&str) -> Option<String> {}
impl<F: Fn(&str) -> Option<String>> Env for F {}

/// The process environment.
#[must_use]
pub fn process_env(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    std::env::var(name).ok()
}

/// Reads and parses a required variable, which must not be empty.
pub fn required<T>(env: &impl Env, name: &'static str) -> Result<T, ConfigError>
where
    T: FromStr<Err: Display>,
{
    let raw = env(name).filter(|raw| !raw.is_empty());
    let raw = raw.ok_or_else(|| ConfigError { name, reason: "is not set".to_owned() })?;
    raw.parse().map_err(|error| ConfigError { name, reason: format!("is invalid: {error}") })
}

/// Reads and parses an optional variable. An empty value counts as not set.
pub fn optional<T>(env: &impl Env, name: &'static str) -> Result<Option<T>, ConfigError>
where
    T: FromStr<Err: Display>,
{
    let is_set = env(name).is_some_and(|raw| !raw.is_empty());
    is_set.then(|| required(env, name)).transpose()
}

/// Reads a condition on claims, in the form of a policy's `if`. Returns `None` if the variable
/// is not set.
pub fn condition(env: &impl Env, name: &'static str) -> Result<Option<Condition>, ConfigError> {
    let raw = env(name).filter(|raw| !raw.is_empty());
    raw.map(|raw| serde_json::from_str(&raw)).transpose().map_err(|error| ConfigError {
        name,
        reason: format!("is not a valid condition: {error}; example: {{\"role\": \"admin\"}}"),
    })
}

/// Reads the number of calls a user may make per minute: 10 if it is not set, no limit if it is
/// 0.
pub fn pace(env: &impl Env, name: &'static str) -> Result<Option<TokenPace>, ConfigError> {
    let per_minute = optional(env, name)?.unwrap_or(PACE_PER_MINUTE);
    TokenPace::per_minute(per_minute)
        .map_err(|reason| ConfigError { name, reason: format!("is invalid: {reason}") })
}

/// An app requests a token once an hour and at each start; a faulty loop does so once a second.
const PACE_PER_MINUTE: u32 = 10;

/// Reads the policy. Without one, every user may have what the default policy gives. An error
/// quotes the names in the policy, which are not secret.
pub fn policy(env: &impl Env, name: &'static str) -> Result<Policy, ConfigError> {
    match env(name).filter(|raw| !raw.is_empty()) {
        None => Ok(Policy::default()),
        Some(raw) => serde_json::from_str(&raw).map_err(|error| ConfigError {
            name,
            reason: format!("is not a valid policy: {error}"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn an_error_names_the_variable_on_one_line_without_its_value() {
        let env = |name: &str| match name {
            "EMPTY" => Some(String::new()),
            "WORD" => Some("hunter2".to_owned()),
            "POLICY" => Some(r#"{"otherwise": {"scopes": ["root"]}}"#.to_owned()),
            _ => None,
        };
        let missing = required::<String>(&env, "MISSING").unwrap_err();
        assert_eq!(missing.to_string(), "the environment variable MISSING is not set");
        assert!(required::<String>(&env, "EMPTY").is_err());
        let word = required::<u16>(&env, "WORD").unwrap_err();
        assert_eq!(format!("{word:?}"), word.to_string());
        assert!(!word.to_string().contains("hunter2"));
        let wrong = policy(&env, "POLICY").unwrap_err().to_string();
        assert!(wrong.starts_with(
            "the environment variable POLICY is not a valid policy: scopes must be one"
        ));
        assert!(!wrong.contains('\n'));
        assert_eq!(policy(&env, "MISSING").unwrap(), Policy::default());
    }
}
