use super::{ProblemType, Retry};

/// The problems of Teams Phone.
impl ProblemType {
    /// The deployment does not use Teams Phone.
    pub const TEAMS_PHONE_OFF: Self = Self {
        status: 403,
        name: "teams-phone-off",
        title: "Teams Phone is not configured",
        detail: "An operator must set the deployment parameter TeamsPhone.",
        retry: Retry::Never,
    };
    /// The Entra token is not genuine.
    pub const TEAMS_PHONE_TOKEN_INVALID: Self = Self {
        status: 401,
        name: "teams-phone-token-invalid",
        title: "Invalid Entra token",
        detail: "`token` must be an access token that Entra signed for the user's tenant. Get a new \
                 token from Entra, bypassing the cache of your library.",
        retry: Retry::SignIn,
    };
    /// The Entra token is for another service.
    pub const TEAMS_PHONE_TOKEN_AUDIENCE: Self = Self {
        status: 400,
        name: "teams-phone-token-audience",
        title: "Wrong audience of the Entra token",
        detail: "Request the token with the scope \
                 https://auth.msft.communication.azure.com/TeamsExtension.ManageCalls.",
        retry: Retry::Never,
    };
    /// The app has no consent for Teams Phone.
    pub const TEAMS_PHONE_CONSENT: Self = Self {
        status: 403,
        name: "teams-phone-consent",
        title: "Missing consent for Teams Phone",
        detail: "The Entra token lacks the delegated permission TeamsExtension.ManageCalls. An \
                 administrator of the tenant must consent to it for the app.",
        retry: Retry::Never,
    };
    /// The tenant is not allowed.
    pub const TEAMS_PHONE_TENANT: Self = Self {
        status: 403,
        name: "teams-phone-tenant",
        title: "Tenant not allowed for Teams Phone",
        detail: "The tenant is not in `tenants` of the deployment parameter TeamsPhone.",
        retry: Retry::Never,
    };
    /// The Entra app is not allowed.
    pub const TEAMS_PHONE_APP: Self = Self {
        status: 403,
        name: "teams-phone-app",
        title: "App not allowed for Teams Phone",
        detail: "The id of the Entra app is not in `clients` of the deployment parameter TeamsPhone.",
        retry: Retry::Never,
    };
    /// The kind of a principal is not allowed.
    pub const TEAMS_PHONE_KIND: Self = Self {
        status: 403,
        name: "teams-phone-kind",
        title: "Kind of principal not allowed for Teams Phone",
        detail: "`principalType` is not in `principalTypes` of the deployment parameter TeamsPhone.",
        retry: Retry::Never,
    };
    /// The user is not assigned.
    pub const TEAMS_PHONE_NOT_ASSIGNED: Self = Self {
        status: 403,
        name: "teams-phone-not-assigned",
        title: "User not assigned to Teams Phone",
        detail: "ACS has no assignment of the user for this app. An administrator assigns with `PUT \
                 /v1/teams-phone/assignments/{tenant}/{object}`.",
        retry: Retry::Never,
    };
    /// The user has no license.
    pub const TEAMS_PHONE_LICENSE: Self = Self {
        status: 403,
        name: "teams-phone-license",
        title: "Missing Teams license",
        detail: "ACS refused the user because Teams is disabled in their licenses. An agent needs a \
                 Teams Phone license with Enterprise Voice.",
        retry: Retry::Never,
    };
    /// The subscription is not enabled.
    pub const TEAMS_PHONE_SUBSCRIPTION: Self = Self {
        status: 403,
        name: "teams-phone-subscription",
        title: "Azure subscription not enabled for Teams Phone",
        detail: "ACS does not allow this operation with the Azure subscription of the resource. \
                 Microsoft's support can enable it.",
        retry: Retry::Never,
    };
    /// Neither ACS nor the inventory has the assignment.
    pub const TEAMS_PHONE_NO_ASSIGNMENT: Self = Self {
        status: 404,
        name: "teams-phone-no-assignment",
        title: "Assignment not found",
        detail: "Neither ACS nor the inventory has an assignment of this principal. The path has the \
                 id of the tenant and the object id, both as GUIDs.",
        retry: Retry::Never,
    };
}
