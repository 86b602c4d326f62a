//! The problems that a response can report (RFC 9457).

use serde::Serialize;

/// A type of problem. All its texts are constants; internal details are logged and not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProblemType {
    /// The HTTP status.
    pub status: u16,
    /// The last part of the `type` URI.
    pub name: &'static str,
    /// A summary.
    pub title: &'static str,
    /// What the client can do.
    pub detail: &'static str,
    /// Whether the same request can succeed later.
    pub retry: Retry,
}

/// What the client should do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Retry {
    /// The same request will fail again.
    Never,
    /// The same request may succeed after the time in `Retry-After`.
    Later,
    /// A new sign-in is needed.
    SignIn,
}

/// A problem document: the body of a response that reports a problem.
#[derive(Serialize)]
pub struct ProblemDocument<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    retry: Retry,
}

impl ProblemType {
    /// The `type` of the document.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("/problems/{}", self.name)
    }

    /// The document.
    #[must_use]
    pub fn document<'a>(&self, detail: &'a str) -> ProblemDocument<'a> {
        let Self { status, title, retry, .. } = *self;
        ProblemDocument { r#type: self.uri(), title, status, detail, retry }
    }
}

impl ProblemType {
    /// The request has no valid authentication.
    pub const UNAUTHENTICATED: Self = Self {
        status: 401,
        name: "unauthenticated",
        title: "No valid token was sent",
        detail: "Send the user's access token as `Authorization: Bearer …`.",
        retry: Retry::SignIn,
    };
    /// The caller's token lacks the scope.
    pub const FORBIDDEN: Self = Self {
        status: 403,
        name: "forbidden",
        title: "The caller may not do this",
        detail: "The access token lacks the scope that this operation needs.",
        retry: Retry::Never,
    };
    /// The caller has the administrators' scope and is not an administrator.
    pub const NOT_AN_ADMINISTRATOR: Self = Self {
        status: 403,
        name: "not-an-administrator",
        title: "The caller is not an administrator",
        detail: "Besides the scope, the claims of an administrator's token must meet the \
                 deployment's parameter AdminCondition. If it is empty, these routes are closed.",
        retry: Retry::Never,
    };
    /// The caller's bearer was issued before the user was signed out or cut off.
    pub const SIGN_IN_REQUIRED: Self = Self {
        status: 401,
        name: "sign-in-required",
        title: "A new sign-in is required",
        detail: "The access token was issued before the user was signed out or cut off. Get a \
                 fresh one from your identity provider, past your library's cache (MSAL: \
                 `forceRefresh`), and send the request again.",
        retry: Retry::SignIn,
    };
    /// The user requested more tokens than the rate limit allows.
    pub const TOO_MANY_TOKENS: Self = Self {
        status: 429,
        name: "too-many-tokens",
        title: "The user asks for tokens too often",
        detail: "Keep a token until `refreshAfter`. Send the request again after the time in \
                 `Retry-After`.",
        retry: Retry::Later,
    };
    /// The user signed out more often than the rate limit allows.
    pub const TOO_MANY_SIGN_OUTS: Self = Self {
        status: 429,
        name: "too-many-sign-outs",
        title: "The user signs out too often",
        detail: "Send the request again after the time in `Retry-After`.",
        retry: Retry::Later,
    };
    /// The request asks for more than the policy gives.
    pub const BEYOND_POLICY: Self = Self {
        status: 403,
        name: "beyond-policy",
        title: "The policy does not allow these scopes or this lifetime",
        detail: "Ask for fewer scopes or a shorter lifetime, or for nothing in particular.",
        retry: Retry::Never,
    };
    /// The user is cut off.
    pub const BLOCKED: Self = Self {
        status: 403,
        name: "user-blocked",
        title: "The user is blocked",
        detail: "An administrator or the identity provider has cut the user off.",
        retry: Retry::Never,
    };
    /// There is no such identity, or the caller may not know that it exists.
    pub const NOT_FOUND: Self = Self {
        status: 404,
        name: "not-found",
        title: "There is no such identity",
        detail: "An identity is made by its user's first call of POST /v1/token.",
        retry: Retry::Never,
    };
    /// ACS refused repeatedly to revoke the tokens of the identity or to delete it.
    pub const STUCK: Self = Self {
        status: 500,
        name: "identity-stuck",
        title: "The identity is stuck",
        detail: "ACS refused again and again to revoke its tokens or to delete it. It gets no \
                 token until an administrator revokes or deletes once more.",
        retry: Retry::Never,
    };
    /// The identity was created by another ACS resource than the configured one.
    pub const FOREIGN_RESOURCE: Self = Self {
        status: 500,
        name: "foreign-resource",
        title: "The identity belongs to another ACS resource",
        detail: "ACS refused, and nothing happened to the identity or its tokens. An operator \
                 must check which resource the secret names: the ACS id of the identity \
                 contains the GUID of the resource that created it.",
        retry: Retry::Never,
    };
    /// Another request is changing the identity.
    pub const BUSY: Self = Self {
        status: 409,
        name: "busy",
        title: "Another request is changing the identity",
        detail: "Send the request again after the time in `Retry-After`.",
        retry: Retry::Later,
    };
    /// The body is larger than any valid body.
    pub const BODY_TOO_LARGE: Self = Self {
        status: 413,
        name: "body-too-large",
        title: "The body is too large",
        detail: "A body has 16 KiB at the most.",
        retry: Retry::Never,
    };
    /// The content type of the body is not JSON.
    pub const UNSUPPORTED_MEDIA_TYPE: Self = Self {
        status: 415,
        name: "unsupported-media-type",
        title: "The body must be JSON",
        detail: "Send it with `Content-Type: application/json`.",
        retry: Retry::Never,
    };
    /// The body is not valid JSON, or not the JSON that this operation takes.
    pub const INVALID_BODY: Self = Self {
        status: 400,
        name: "invalid-body",
        title: "The body is not the JSON that this operation takes",
        detail: "See the operation in the OpenAPI document; a field it does not list is refused.",
        retry: Retry::Never,
    };
    /// The list of scopes is empty, or a scope is unknown or repeated.
    pub const INVALID_SCOPES: Self = Self {
        status: 400,
        name: "invalid-scopes",
        title: "The scopes are not valid",
        detail: "Give one or more of chat, chat.join, chat.join.limited, voip and voip.join, each \
                 once; or leave `scopes` out.",
        retry: Retry::Never,
    };
    /// The lifetime is outside of ACS's range.
    pub const INVALID_LIFETIME: Self = Self {
        status: 400,
        name: "invalid-lifetime",
        title: "The lifetime is not valid",
        detail: "`expiresInMinutes` is a whole number from 60 to 1440; or leave it out.",
        retry: Retry::Never,
    };
    /// The external id is empty, too long, or looks like an ACS id.
    pub const INVALID_EXTERNAL_ID: Self = Self {
        status: 400,
        name: "invalid-external-id",
        title: "The external id is not valid",
        detail: "`externalId` has 1 to 1024 visible ASCII characters and does not begin with `8:`.",
        retry: Retry::Never,
    };
    /// The external id belongs to a user of another issuer.
    pub const ANOTHER_ISSUER: Self = Self {
        status: 400,
        name: "another-issuer",
        title: "The external id is of another issuer's user",
        detail: "An external id that begins with a URL is `<issuer>|<subject>`, and its issuer \
                 must be the one whose tokens this deployment accepts.",
        retry: Retry::Never,
    };
    /// There is no record of the user.
    pub const NO_SUCH_USER: Self = Self {
        status: 404,
        name: "no-such-user",
        title: "There is no record of this user",
        detail: "Check the spelling of the external id. To block a user before their first call, \
                 send `\"createIfMissing\": true`.",
        retry: Retry::Never,
    };
    /// A query parameter is invalid.
    pub const INVALID_QUERY: Self = Self {
        status: 400,
        name: "invalid-query",
        title: "A query parameter is not valid",
        detail: "See the operation in the OpenAPI document; a parameter it does not list is \
                 refused.",
        retry: Retry::Never,
    };
    /// The Teams user's token is not a JWT.
    pub const TEAMS_TOKEN_MALFORMED: Self = Self {
        status: 400,
        name: "teams-token-malformed",
        title: "The Teams user's token is no token",
        detail: "`token` is the access token that your app got from Entra for the Teams user.",
        retry: Retry::Never,
    };
    /// The Teams user's token does not belong to the caller.
    pub const TEAMS_TOKEN_OF_ANOTHER_USER: Self = Self {
        status: 403,
        name: "teams-token-of-another-user",
        title: "The Teams user's token is not the caller's own",
        detail: "Sign in here and at Teams as the same user: `oid` and `tid` must be the same in \
                 both tokens, so callers need a bearer token of Entra.",
        retry: Retry::SignIn,
    };
    /// The Teams user's token has expired.
    pub const TEAMS_TOKEN_EXPIRED: Self = Self {
        status: 401,
        name: "teams-token-expired",
        title: "The Teams user's token has expired",
        detail: "Get a fresh one from Entra, without the cache of your library.",
        retry: Retry::SignIn,
    };
    /// The Teams user's token expires too soon for an exchange.
    pub const TEAMS_TOKEN_EXPIRING: Self = Self {
        status: 400,
        name: "teams-token-expiring",
        title: "The Teams user's token has less than ten minutes left",
        detail: "Get a fresh one from Entra, without the cache of your library.",
        retry: Retry::Never,
    };
    /// The Teams user's token has another audience.
    pub const TEAMS_TOKEN_AUDIENCE: Self = Self {
        status: 400,
        name: "teams-token-audience",
        title: "The Teams user's token is for another service",
        detail: "Ask Entra for the scopes \
                 https://auth.msft.communication.azure.com/Teams.ManageCalls and \
                 https://auth.msft.communication.azure.com/Teams.ManageChats.",
        retry: Retry::Never,
    };
    /// The Teams user's token lacks a permission.
    pub const TEAMS_TOKEN_PERMISSION: Self = Self {
        status: 400,
        name: "teams-token-permission",
        title: "The Teams user's token lacks a permission",
        detail: "It needs the delegated permissions Teams.ManageCalls and Teams.ManageChats, both.",
        retry: Retry::Never,
    };
    /// The Teams user's token was issued to another application.
    pub const TEAMS_TOKEN_APP: Self = Self {
        status: 400,
        name: "teams-token-app",
        title: "The Teams user's token was issued to another application",
        detail: "`appId` is the id of the Entra application, a GUID, that the token was issued to.",
        retry: Retry::Never,
    };
    /// ACS found another user in the Teams user's token.
    pub const TEAMS_TOKEN_USER: Self = Self {
        status: 400,
        name: "teams-token-user",
        title: "ACS takes the Teams user's token for another user's",
        detail: "Sign in again, as the user whom the bearer token names.",
        retry: Retry::SignIn,
    };
    /// ACS refused the Teams user's token.
    pub const TEAMS_TOKEN_INVALID: Self = Self {
        status: 400,
        name: "teams-token-invalid",
        title: "ACS does not accept the Teams user's token",
        detail: "Send the token as Entra issued it. Personal accounts, app-only tokens and users \
                 without a Teams licence are not accepted.",
        retry: Retry::Never,
    };
    /// ACS throttled the request.
    pub const THROTTLED: Self = Self {
        status: 503,
        name: "throttled",
        title: "The service is busy",
        detail: "Send the request again after the time in `Retry-After`.",
        retry: Retry::Later,
    };
    /// ACS or the identity store is unavailable.
    pub const UNAVAILABLE: Self = Self {
        status: 503,
        name: "unavailable",
        title: "Something this service depends on is unavailable",
        detail: "Send the request again after the time in `Retry-After`.",
        retry: Retry::Later,
    };
    /// The service failed.
    pub const INTERNAL: Self = Self {
        status: 500,
        name: "internal",
        title: "Something went wrong here",
        detail: "Whoever runs this service finds the cause in its log, by the request id.",
        retry: Retry::Never,
    };

    /// All types, for the contract.
    pub const ALL: [&Self; 33] = [
        &Self::UNAUTHENTICATED,
        &Self::FORBIDDEN,
        &Self::NOT_AN_ADMINISTRATOR,
        &Self::SIGN_IN_REQUIRED,
        &Self::TOO_MANY_TOKENS,
        &Self::TOO_MANY_SIGN_OUTS,
        &Self::BEYOND_POLICY,
        &Self::BLOCKED,
        &Self::NOT_FOUND,
        &Self::BUSY,
        &Self::BODY_TOO_LARGE,
        &Self::UNSUPPORTED_MEDIA_TYPE,
        &Self::INVALID_BODY,
        &Self::INVALID_SCOPES,
        &Self::INVALID_LIFETIME,
        &Self::INVALID_EXTERNAL_ID,
        &Self::ANOTHER_ISSUER,
        &Self::NO_SUCH_USER,
        &Self::INVALID_QUERY,
        &Self::TEAMS_TOKEN_MALFORMED,
        &Self::TEAMS_TOKEN_OF_ANOTHER_USER,
        &Self::TEAMS_TOKEN_EXPIRED,
        &Self::TEAMS_TOKEN_EXPIRING,
        &Self::TEAMS_TOKEN_AUDIENCE,
        &Self::TEAMS_TOKEN_PERMISSION,
        &Self::TEAMS_TOKEN_APP,
        &Self::TEAMS_TOKEN_USER,
        &Self::TEAMS_TOKEN_INVALID,
        &Self::THROTTLED,
        &Self::UNAVAILABLE,
        &Self::STUCK,
        &Self::FOREIGN_RESOURCE,
        &Self::INTERNAL,
    ];
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_problem_has_its_own_type() {
        let names: BTreeSet<_> = ProblemType::ALL.iter().map(|problem| problem.name).collect();
        assert_eq!(names.len(), ProblemType::ALL.len());
    }
}
