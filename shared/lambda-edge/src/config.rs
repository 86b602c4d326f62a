//! Configuration: read once, at cold start, from the environment.

use std::{
    fmt::{self, Debug, Display},
    str::FromStr,
};

use identity_core::policy::Policy;

/// A variable that is missing or does not parse.
///
/// Names the variable and does not quote its value, which may be a secret. Its
/// `Debug` is its `Display`, because that is what `main` prints when it ends with it.
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

/// Looks a variable up. A parameter, so that tests need not touch the process.
pub trait Env: Fn(&str) -> Option<String> {}
impl<F: Fn(&str) -> Option<String>> Env for F {}

/// The process environment.
#[must_use]
pub fn process_env(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    std::env::var(name).ok()
}

/// Reads and parses a variable that must be set, and not to nothing.
pub fn required<T>(env: &impl Env, name: &'static str) -> Result<T, ConfigError>
where
    T: FromStr<Err: Display>,
{
    let raw = env(name).filter(|raw| !raw.is_empty());
    let raw = raw.ok_or_else(|| ConfigError { name, reason: "is not set".to_owned() })?;
    raw.parse().map_err(|error| ConfigError { name, reason: format!("is not usable: {error}") })
}

/// Reads the policy; without one, everybody may have what the default gives. What is
/// wrong with it is said by the names in it: a policy is no secret.
pub fn policy(env: &impl Env, name: &'static str) -> Result<Policy, ConfigError> {
    match env(name).filter(|raw| !raw.is_empty()) {
        None => Ok(Policy::default()),
        Some(raw) => serde_json::from_str(&raw)
            .map_err(|error| ConfigError { name, reason: format!("is no policy: {error}") }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_variable_is_said_in_one_line_without_its_value() {
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
        assert!(wrong.starts_with("the environment variable POLICY is no policy: scopes are one"));
        assert!(!wrong.contains('\n'));
        assert_eq!(policy(&env, "MISSING").unwrap(), Policy::default());
    }
}
