//! The versions of the Identity API.

use std::fmt;
use std::str::FromStr;

/// A version of the Identity API, e.g. `2026-09-23`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiVersion(String);

/// The api-version is invalid. The error does not quote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid api-version: must be a date like 2026-09-23, or a preview like 2025-03-02-preview"
)]
pub struct ApiVersionError;

impl ApiVersion {
    /// The version as ACS spells it.
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
        let (date, rest) = raw.split_at_checked(DATE.len()).unwrap_or_default();
        let is_date = date.bytes().zip(DATE.bytes()).all(|(byte, expected)| match expected {
            b'-' => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
        let number = rest.strip_prefix("-preview");
        let is_preview = number.is_some_and(|it| it.bytes().all(|byte| byte.is_ascii_digit()));
        let is_valid = !date.is_empty() && is_date && (rest.is_empty() || is_preview);
        is_valid.then(|| Self(raw.to_owned())).ok_or(ApiVersionError)
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const DATE: &str = "yyyy-mm-dd";
