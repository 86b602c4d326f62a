use super::{ProblemType, Retry};

/// The problems of an exchanged Teams user token.
impl ProblemType {
    /// The Teams user's token is not a JWT.
    pub const TEAMS_TOKEN_MALFORMED: Self = Self {
        status: 400,
        name: "teams-token-malformed",
        title: "Malformed Teams user token",
        detail: "`token` must be the access token that your app got from Entra for the Teams \
                 user.",
        retry: Retry::Never,
    };
    /// The Teams user's token does not belong to the caller.
    pub const TEAMS_TOKEN_OF_ANOTHER_USER: Self = Self {
        status: 403,
        name: "teams-token-of-another-user",
        title: "Teams user token of another user",
        detail: "The claims `oid` and `tid` must be the same in the Teams user token and in the \
                 bearer token. The bearer token must be issued by Entra, too.",
        retry: Retry::SignIn,
    };
    /// The Teams user's token has expired.
    pub const TEAMS_TOKEN_EXPIRED: Self = Self {
        status: 401,
        name: "teams-token-expired",
        title: "Expired Teams user token",
        detail: "Get a new token from Entra, bypassing the cache of your library.",
        retry: Retry::SignIn,
    };
    /// The Teams user's token expires too soon for an exchange.
    pub const TEAMS_TOKEN_EXPIRING: Self = Self {
        status: 400,
        name: "teams-token-expiring",
        title: "Teams user token expires in less than ten minutes",
        detail: "Get a new token from Entra, bypassing the cache of your library.",
        retry: Retry::Never,
    };
    /// The Teams user's token has another audience.
    pub const TEAMS_TOKEN_AUDIENCE: Self = Self {
        status: 400,
        name: "teams-token-audience",
        title: "Wrong audience of the Teams user token",
        detail: "Request the token with the scopes \
                 https://auth.msft.communication.azure.com/Teams.ManageCalls and \
                 https://auth.msft.communication.azure.com/Teams.ManageChats.",
        retry: Retry::Never,
    };
    /// The Teams user's token lacks a permission.
    pub const TEAMS_TOKEN_PERMISSION: Self = Self {
        status: 400,
        name: "teams-token-permission",
        title: "Missing permission in the Teams user token",
        detail: "The token must have both delegated permissions, Teams.ManageCalls and \
                 Teams.ManageChats.",
        retry: Retry::Never,
    };
    /// The Teams user's token was issued to another application.
    pub const TEAMS_TOKEN_APP: Self = Self {
        status: 400,
        name: "teams-token-app",
        title: "Teams user token of another application",
        detail: "`appId` must be the id of the Entra application to which the token was issued (a \
                 GUID).",
        retry: Retry::Never,
    };
    /// ACS found another user in the Teams user's token.
    pub const TEAMS_TOKEN_USER: Self = Self {
        status: 400,
        name: "teams-token-user",
        title: "User mismatch in the Teams user token",
        detail: "ACS found another user in the token. Sign in again as the user of the bearer \
                 token.",
        retry: Retry::SignIn,
    };
    /// ACS refused the Teams user's token.
    pub const TEAMS_TOKEN_INVALID: Self = Self {
        status: 400,
        name: "teams-token-invalid",
        title: "Teams user token rejected by ACS",
        detail: "Send the token as Entra issued it. Personal accounts, app-only tokens and users \
                 without a Teams license are not supported.",
        retry: Retry::Never,
    };
}
