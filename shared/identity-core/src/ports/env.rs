//! The environment of a process: the lookup of a variable is a parameter.

use std::fmt::{self, Debug, Display};
use std::str::FromStr;

/// A variable that is missing or invalid.
///
/// Names the variable and does not quote its value, which may be a secret. `Debug` prints the
/// same text as `Display`, because Rust prints the `Debug` form when `main` returns an error.
pub struct ConfigError {
    name: &'static str,
    reason: String,
}

impl ConfigError {
    /// The variable `name` does not have a usable value: "is not set", "is invalid: …".
    #[must_use]
    pub fn new(name: &'static str, reason: impl Into<String>) -> Self {
        Self { name, reason: reason.into() }
    }
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

/// Reads and parses a required variable, which must not be empty.
pub fn required<T>(env: &impl Env, name: &'static str) -> Result<T, ConfigError>
where
    T: FromStr<Err: Display>,
{
    let raw = env(name).filter(|raw| !raw.is_empty());
    let raw = raw.ok_or_else(|| ConfigError::new(name, "is not set"))?;
    raw.parse().map_err(|error| ConfigError::new(name, format!("is invalid: {error}")))
}

/// Reads and parses an optional variable. An empty value counts as not set.
pub fn optional<T>(env: &impl Env, name: &'static str) -> Result<Option<T>, ConfigError>
where
    T: FromStr<Err: Display>,
{
    let is_set = env(name).is_some_and(|raw| !raw.is_empty());
    is_set.then(|| required(env, name)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_variable_on_one_line_without_its_value() {
        let env = |name: &str| match name {
            "EMPTY" => Some(String::new()),
            "WORD" => Some("hunter2".to_owned()),
            "NUMBER" => Some("7".to_owned()),
            _ => None,
        };
        let missing = required::<String>(&env, "MISSING").unwrap_err();
        assert_eq!(missing.to_string(), "the environment variable MISSING is not set");
        assert!(required::<String>(&env, "EMPTY").is_err());
        assert_eq!(optional::<String>(&env, "EMPTY").unwrap(), None);
        assert_eq!(optional(&env, "NUMBER").unwrap(), Some(7_u16));
        let word = required::<u16>(&env, "WORD").unwrap_err();
        assert_eq!(format!("{word:?}"), word.to_string());
        assert!(!word.to_string().contains("hunter2"));
    }
}
