//! The problems that a response can report (RFC 9457).

mod invitation;
mod phone;
mod teams;

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

    /// The request has no valid authentication.
    pub const UNAUTHENTICATED: Self = Self {
        status: 401,
        name: "unauthenticated",
        title: "Missing or invalid access token",
        detail: "Send the user's access token in the header `Authorization: Bearer <token>`.",
        retry: Retry::SignIn,
    };
    /// The caller's token lacks the scope.
    pub const FORBIDDEN: Self = Self {
        status: 403,
        name: "forbidden",
        title: "Insufficient scope",
        detail: "The access token lacks the scope that this operation requires.",
        retry: Retry::Never,
    };
    /// The caller has the administrators' scope and is not an administrator.
    pub const NOT_AN_ADMINISTRATOR: Self = Self {
        status: 403,
        name: "not-an-administrator",
        title: "Caller is not an administrator",
        detail: "The claims of the access token do not meet the deployment parameter \
                 AdminCondition. If the parameter is empty, all routes for administrators are \
                 closed.",
        retry: Retry::Never,
    };
    /// The caller's bearer was issued before the user was signed out or cut off.
    pub const SIGN_IN_REQUIRED: Self = Self {
        status: 401,
        name: "sign-in-required",
        title: "New sign-in required",
        detail: "The access token was issued before the user signed out, or before their tokens \
                 were revoked. Get a new access token from your identity provider, bypassing the \
                 cache of your library (MSAL: `forceRefresh`), and send the request again.",
        retry: Retry::SignIn,
    };
    /// The user requested more tokens than the rate limit allows.
    pub const TOO_MANY_TOKENS: Self = Self {
        status: 429,
        name: "too-many-tokens",
        title: "Too many token requests",
        detail: "The user exceeded their rate limit. Reuse a token until `refreshAfter`. Retry \
                 after the time in `Retry-After`.",
        retry: Retry::Later,
    };
    /// The user signed out more often than the rate limit allows.
    pub const TOO_MANY_SIGN_OUTS: Self = Self {
        status: 429,
        name: "too-many-sign-outs",
        title: "Too many sign-out requests",
        detail: "The user exceeded their rate limit. Retry after the time in `Retry-After`.",
        retry: Retry::Later,
    };
    /// The request asks for more than the policy gives.
    pub const BEYOND_POLICY: Self = Self {
        status: 403,
        name: "beyond-policy",
        title: "Scopes or lifetime not allowed by the policy",
        detail: "Request fewer scopes or a shorter lifetime, or omit both fields to get the \
                 defaults.",
        retry: Retry::Never,
    };
    /// The user is cut off.
    pub const BLOCKED: Self = Self {
        status: 403,
        name: "user-blocked",
        title: "User is blocked",
        detail: "An administrator or the identity provider blocked the user.",
        retry: Retry::Never,
    };
    /// The identity or the invitation does not exist, or the caller may not know that it exists.
    pub const NOT_FOUND: Self = Self {
        status: 404,
        name: "not-found",
        title: "Not found",
        detail: "It does not exist, or the caller may not see it. A user's first request to \
                 `POST /v1/token` creates their identity.",
        retry: Retry::Never,
    };
    /// ACS refused repeatedly to revoke the tokens of the identity or to delete it.
    pub const STUCK: Self = Self {
        status: 500,
        name: "identity-stuck",
        title: "Identity is stuck",
        detail: "ACS refused repeatedly to revoke its tokens or to delete it. No token is issued \
                 until an administrator revokes or deletes it again.",
        retry: Retry::Never,
    };
    /// The identity was created by another ACS resource than the configured one.
    pub const FOREIGN_RESOURCE: Self = Self {
        status: 500,
        name: "foreign-resource",
        title: "Identity belongs to another ACS resource",
        detail: "ACS refused the request and changed nothing. An operator must check which ACS \
                 resource the secret names: the ACS id of the identity contains the GUID of the \
                 resource that created it.",
        retry: Retry::Never,
    };
    /// Another request is changing the identity.
    pub const BUSY: Self = Self {
        status: 409,
        name: "busy",
        title: "Identity is being changed by another request",
        detail: "Retry after the time in `Retry-After`.",
        retry: Retry::Later,
    };
    /// The body is larger than any valid body.
    pub const BODY_TOO_LARGE: Self = Self {
        status: 413,
        name: "body-too-large",
        title: "Request body too large",
        detail: "The maximum size of a request body is 16 KiB.",
        retry: Retry::Never,
    };
    /// The content type of the body is not JSON.
    pub const UNSUPPORTED_MEDIA_TYPE: Self = Self {
        status: 415,
        name: "unsupported-media-type",
        title: "Unsupported media type",
        detail: "Send the request body as JSON, with `Content-Type: application/json`.",
        retry: Retry::Never,
    };
    /// The body is not valid JSON, or not the JSON that this operation takes.
    pub const INVALID_BODY: Self = Self {
        status: 400,
        name: "invalid-body",
        title: "Invalid request body",
        detail: "The request body does not match the schema of this operation in the OpenAPI \
                 document.",
        retry: Retry::Never,
    };
    /// The list of scopes is empty, or a scope is unknown or repeated.
    pub const INVALID_SCOPES: Self = Self {
        status: 400,
        name: "invalid-scopes",
        title: "Invalid scopes",
        detail: "`scopes` must contain one or more of chat, chat.join, chat.join.limited, voip \
                 and voip.join, each at most once.",
        retry: Retry::Never,
    };
    /// The lifetime is outside of ACS's range.
    pub const INVALID_LIFETIME: Self = Self {
        status: 400,
        name: "invalid-lifetime",
        title: "Invalid lifetime",
        detail: "`expiresInMinutes` must be a whole number from 60 to 1440.",
        retry: Retry::Never,
    };
    /// The external id is empty, too long, or looks like an ACS id.
    pub const INVALID_EXTERNAL_ID: Self = Self {
        status: 400,
        name: "invalid-external-id",
        title: "Invalid external id",
        detail: "`externalId` must have 1 to 1024 visible ASCII characters and must not begin \
                 with `8:`.",
        retry: Retry::Never,
    };
    /// The external id belongs to a user of another issuer.
    pub const ANOTHER_ISSUER: Self = Self {
        status: 400,
        name: "another-issuer",
        title: "External id of another issuer",
        detail: "An external id that begins with a URL has the form `<issuer>|<subject>`. Its \
                 issuer must be the one whose tokens this deployment accepts.",
        retry: Retry::Never,
    };
    /// The user has no record.
    pub const NO_SUCH_USER: Self = Self {
        status: 404,
        name: "no-such-user",
        title: "User not found",
        detail: "Check the spelling of the external id. To block a user before their first \
                 request, send `\"createIfMissing\": true`.",
        retry: Retry::Never,
    };
    /// A query parameter is invalid.
    pub const INVALID_QUERY: Self = Self {
        status: 400,
        name: "invalid-query",
        title: "Invalid query parameter",
        detail: "A query parameter does not match the parameters of this operation in the OpenAPI \
                 document.",
        retry: Retry::Never,
    };
    /// ACS throttled the request.
    pub const THROTTLED: Self = Self {
        status: 503,
        name: "throttled",
        title: "Service is busy",
        detail: "ACS throttles the requests of this service. Retry after the time in \
                 `Retry-After`.",
        retry: Retry::Later,
    };
    /// ACS or the identity store is unavailable.
    pub const UNAVAILABLE: Self = Self {
        status: 503,
        name: "unavailable",
        title: "Service temporarily unavailable",
        detail: "ACS or the identity store did not respond. Retry after the time in \
                 `Retry-After`.",
        retry: Retry::Later,
    };
    /// The service failed.
    pub const INTERNAL: Self = Self {
        status: 500,
        name: "internal",
        title: "Internal error",
        detail: "The operator of this service can find the cause in the log, by the request id.",
        retry: Retry::Never,
    };

    /// All types, for the contract.
    pub const ALL: [&Self; 53] = [
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
        &Self::INVITATION_UNKNOWN,
        &Self::INVITATION_NOT_OPEN,
        &Self::INVITATION_CLOSED,
        &Self::INVITATION_REVOKED,
        &Self::INVITATION_USED_UP,
        &Self::PIN_REQUIRED,
        &Self::PIN_WRONG,
        &Self::INVITATION_LOCKED,
        &Self::INVALID_INVITATION,
        &Self::TEAMS_PHONE_OFF,
        &Self::TEAMS_PHONE_TOKEN_INVALID,
        &Self::TEAMS_PHONE_TOKEN_AUDIENCE,
        &Self::TEAMS_PHONE_CONSENT,
        &Self::TEAMS_PHONE_TENANT,
        &Self::TEAMS_PHONE_APP,
        &Self::TEAMS_PHONE_KIND,
        &Self::TEAMS_PHONE_NOT_ASSIGNED,
        &Self::TEAMS_PHONE_LICENSE,
        &Self::TEAMS_PHONE_SUBSCRIPTION,
        &Self::TEAMS_PHONE_NO_ASSIGNMENT,
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
