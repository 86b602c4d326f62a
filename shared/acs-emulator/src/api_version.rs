//! The api-versions served, and what depends on them.

use crate::error::ApiError;
use crate::route;

/// A generally available api-version. Order is age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ApiVersion {
    V2021_03_07,
    V2022_06_01,
    V2022_10_01,
    V2023_10_01,
    V2025_06_30,
    V2026_09_23,
}

impl ApiVersion {
    /// Reads `api-version` out of a query string.
    pub(crate) fn of(path: &str, query: Option<&str>) -> Result<Self, ApiError> {
        let given = parameter(query).ok_or_else(ApiError::api_version_unspecified)?;
        ALL.iter()
            .find(|(_, text)| *text == given)
            .map(|(version, _)| *version)
            .ok_or_else(|| ApiError::unsupported_api_version(path, &given))
    }

    /// `expiresInMinutes` came with 2022-10-01. Before that it is ignored, as
    /// ASP.NET's model binding ignores every member it does not know.
    pub(crate) fn has_custom_expiry(self) -> bool {
        self >= Self::V2022_10_01
    }

    /// `chat.join`, `chat.join.limited` and `voip.join` came with 2023-10-01.
    pub(crate) fn has_join_scopes(self) -> bool {
        self >= Self::V2023_10_01
    }
}

/// The text of `api-supported-versions`: what this emulator serves.
///
/// The real header also names previews; announcing them here would be a lie.
pub(crate) fn supported() -> String {
    ALL.map(|(_, text)| text).join(", ")
}

/// The `api-version` of a query as it was sent, for the request log.
pub(crate) fn parameter(query: Option<&str>) -> Option<String> {
    query?
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(name, _)| name.eq_ignore_ascii_case("api-version"))
        .map(|(_, value)| route::percent_decoded(value))
        .filter(|value| !value.is_empty())
}

const ALL: [(ApiVersion, &str); 6] = [
    (ApiVersion::V2021_03_07, "2021-03-07"),
    (ApiVersion::V2022_06_01, "2022-06-01"),
    (ApiVersion::V2022_10_01, "2022-10-01"),
    (ApiVersion::V2023_10_01, "2023-10-01"),
    (ApiVersion::V2025_06_30, "2025-06-30"),
    (ApiVersion::V2026_09_23, "2026-09-23"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameter_is_found_anywhere_in_the_query() {
        let version = ApiVersion::of("/identities", Some("a=b&Api-Version=2022-10-01")).unwrap();
        assert_eq!(version, ApiVersion::V2022_10_01);
    }

    #[test]
    fn absent_and_empty_are_unspecified_and_previews_are_unsupported() {
        for query in [None, Some(""), Some("api-version="), Some("version=2022-10-01")] {
            assert_eq!(ApiVersion::of("/", query).unwrap_err().code, "ApiVersionUnspecified");
        }
        for query in ["api-version=2025-03-02-preview", "api-version=2020-07-20-preview2"] {
            assert_eq!(ApiVersion::of("/", Some(query)).unwrap_err().code, "UnsupportedApiVersion");
        }
    }
}
