use std::{fmt, str::FromStr};

/// A version of the Identity API, e.g. `2026-09-23`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiVersion(String);

/// The api-version is not one. Does not quote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an api-version is like 2026-09-23: 1 to 40 letters, digits, `-` and `.`")]
pub struct ApiVersionError;

impl ApiVersion {
    /// As ACS spells it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ApiVersion {
    /// The newest stable version.
    fn default() -> Self {
        Self("2026-09-23".to_owned())
    }
}

impl FromStr for ApiVersion {
    type Err = ApiVersionError;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let spelled = raw.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
        let usable = spelled && (1..=40).contains(&raw.len());
        usable.then(|| Self(raw.to_owned())).ok_or(ApiVersionError)
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
