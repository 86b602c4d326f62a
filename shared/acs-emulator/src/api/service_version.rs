//! The supported api-versions, and the features of each.

use crate::api::{ApiError, RouteMatch, route};

/// A supported api-version. The order is by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ServiceVersion {
    V2021_03_07,
    V2021_03_31Preview1,
    V2021_10_31Preview,
    V2021_11_01,
    V2022_06_01,
    V2022_10_01,
    V2023_08_01,
    V2023_10_01,
    V2025_03_31Preview,
    V2025_06_30,
    V2026_09_23,
}

impl ServiceVersion {
    /// Reads `api-version` from a query string, and returns it if that version has `route`.
    pub(crate) fn of(
        route: &RouteMatch,
        path: &str,
        query: Option<&str>,
    ) -> Result<Self, ApiError> {
        let given = parameter(query).ok_or_else(ApiError::api_version_unspecified)?;
        ALL.iter()
            .find(|(_, text)| *text == given)
            .map(|(version, _)| *version)
            .filter(|version| version.has(route))
            .ok_or_else(|| ApiError::unsupported_api_version(path, &given))
    }

    fn has(self, route: &RouteMatch) -> bool {
        match route {
            RouteMatch::IssueAccessToken(_) => true,
            // Of the recorded `api-supported-versions`, only those of issuing name it.
            _ if self == Self::V2025_03_31Preview => false,
            // The recorded versions of the exchange go from 2021-10-31-preview to 2022-06-01.
            RouteMatch::ExchangeTeamsToken => {
                self >= Self::V2021_03_31Preview1 && self != Self::V2021_11_01
            }
            RouteMatch::ExchangePhoneAccess | RouteMatch::Assignment(..) => {
                self >= Self::V2025_06_30
            }
            _ => true,
        }
    }

    /// The Teams exchange of the first two previews took only the token.
    pub(crate) fn names_app_and_user(self) -> bool {
        self > Self::V2021_10_31Preview
    }

    /// `expiresInMinutes` exists since 2022-10-01. Before that it is ignored, as ASP.NET's model
    /// binding ignores every unknown member.
    pub(crate) fn has_custom_expiry(self) -> bool {
        self >= Self::V2022_10_01
    }

    /// `chat.join`, `chat.join.limited` and `voip.join` exist since 2023-08-01, which was served
    /// until 2023-10-01 replaced it.
    pub(crate) fn has_join_scopes(self) -> bool {
        self >= Self::V2023_08_01
    }
}

/// The text of `api-supported-versions` on a route: as recorded in October 2023 and April 2025,
/// with the two later stable versions. So it names 2020-07-20-preview2 and 2025-03-02-preview, which
/// had other routes and are refused here, and does not name 2021-03-31-preview1 and 2023-08-01, which were already
/// withdrawn.
pub(crate) fn supported(route: &RouteMatch) -> &'static str {
    match route {
        RouteMatch::IssueAccessToken(_) => {
            "2020-07-20-preview2, 2021-03-07, 2021-10-31-preview, 2021-11-01, 2022-06-01, \
             2022-10-01, 2023-10-01, 2025-03-02-preview, 2025-03-31-preview, 2025-06-30, \
             2026-09-23"
        }
        RouteMatch::ExchangeTeamsToken => {
            "2021-10-31-preview, 2022-06-01, 2022-10-01, 2023-10-01, 2025-03-02-preview, \
             2025-06-30, 2026-09-23"
        }
        RouteMatch::ExchangePhoneAccess | RouteMatch::Assignment(..) => {
            "2025-03-02-preview, 2025-06-30, 2026-09-23"
        }
        _ => {
            "2020-07-20-preview2, 2021-03-07, 2021-10-31-preview, 2021-11-01, 2022-06-01, \
             2022-10-01, 2023-10-01, 2025-03-02-preview, 2025-06-30, 2026-09-23"
        }
    }
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

const ALL: [(ServiceVersion, &str); 11] = [
    (ServiceVersion::V2021_03_07, "2021-03-07"),
    (ServiceVersion::V2021_03_31Preview1, "2021-03-31-preview1"),
    (ServiceVersion::V2021_10_31Preview, "2021-10-31-preview"),
    (ServiceVersion::V2021_11_01, "2021-11-01"),
    (ServiceVersion::V2022_06_01, "2022-06-01"),
    (ServiceVersion::V2022_10_01, "2022-10-01"),
    (ServiceVersion::V2023_08_01, "2023-08-01"),
    (ServiceVersion::V2023_10_01, "2023-10-01"),
    (ServiceVersion::V2025_03_31Preview, "2025-03-31-preview"),
    (ServiceVersion::V2025_06_30, "2025-06-30"),
    (ServiceVersion::V2026_09_23, "2026-09-23"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameter_is_found_anywhere_in_the_query() {
        let query = Some("a=b&Api-Version=2022-10-01");
        let version =
            ServiceVersion::of(&RouteMatch::CreateIdentity, "/identities", query).unwrap();
        assert_eq!(version, ServiceVersion::V2022_10_01);
    }

    #[test]
    fn absent_and_empty_are_unspecified_and_unknown_ones_unsupported() {
        let code =
            |query| ServiceVersion::of(&RouteMatch::CreateIdentity, "/", query).unwrap_err().code;
        for query in [None, Some(""), Some("api-version="), Some("version=2022-10-01")] {
            assert_eq!(code(query), "ApiVersionUnspecified");
        }
        for query in [
            "api-version=2025-03-31-preview",
            "api-version=2020-07-20-preview2",
            "api-version=2025-03-02-preview",
        ] {
            assert_eq!(code(Some(query)), "UnsupportedApiVersion");
        }
    }
}
