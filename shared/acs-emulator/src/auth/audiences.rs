//! The audiences and permissions of Entra tokens.

/// Whether tokens for `audience` are operator credentials.
pub(crate) fn is_resource(audience: &str) -> bool {
    audience.strip_suffix('/').unwrap_or(audience) == RESOURCE
}

/// Audiences, without the trailing slash that some tokens have. Entra writes an application's URI
/// or its id, depending on the application's registration.
pub(crate) const RESOURCE: &str = "https://communication.azure.com";
pub(crate) const TEAMS: [&str; 2] =
    ["https://auth.msft.communication.azure.com", "1fd5118e-2576-4263-8130-9503064c837a"];

/// The two permissions that an application needs for Teams users.
pub(crate) const TEAMS_SCOPES: [&str; 2] = ["Teams.ManageCalls", "Teams.ManageChats"];
pub(crate) const TEAMS_EXTENSION_SCOPES: [&str; 1] = ["TeamsExtension.ManageCalls"];
