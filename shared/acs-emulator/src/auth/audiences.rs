//! The audiences and permissions of Entra tokens.

use crate::cloud::Cloud;

/// Whether tokens for `audience` are operator credentials, in any cloud.
pub(crate) fn is_resource(audience: &str) -> bool {
    let audience = audience.strip_suffix('/').unwrap_or(audience);
    Cloud::ALL.iter().any(|cloud| cloud.resource_audiences().contains(&audience))
}

/// The audiences of the tokens of Teams users.
pub(crate) fn teams_audiences(cloud: Cloud) -> [&'static str; 2] {
    [cloud.teams_audience(), "1fd5118e-2576-4263-8130-9503064c837a"]
}

/// The two permissions that an application needs for Teams users.
pub(crate) const TEAMS_SCOPES: [&str; 2] = ["Teams.ManageCalls", "Teams.ManageChats"];
pub(crate) const TEAMS_EXTENSION_SCOPES: [&str; 1] = ["TeamsExtension.ManageCalls"];
