use std::{error::Error as StdError, time::Duration};

use identity_core::{Error, exchange_teams_token::TeamsTokenFault};
use lambda_http::http::StatusCode;
use tracing::{error, warn};

/// A failure as the client gets it: an RFC 9457 problem document.
///
/// Every text in it is a constant. Internal details are logged and not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) kind: &'static str,
    pub(crate) title: &'static str,
    /// What the client can do about it.
    pub(crate) detail: &'static str,
    pub(crate) retry: Retry,
}

/// What the client should do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// The same request will fail again.
    Never,
    /// The same request may succeed after this long.
    Later(Duration),
    /// A new sign-in is needed.
    SignIn,
}

impl Problem {
    /// The request has no valid authentication.
    pub const UNAUTHENTICATED: Self = Self {
        status: StatusCode::UNAUTHORIZED,
        kind: "unauthenticated",
        title: "No valid token was sent",
        detail: "Send the user's access token as `Authorization: Bearer …`.",
        retry: Retry::SignIn,
    };
    /// The caller's token lacks the scope.
    pub const FORBIDDEN: Self = Self {
        status: StatusCode::FORBIDDEN,
        kind: "forbidden",
        title: "The caller may not do this",
        detail: "The access token lacks the scope that this operation needs.",
        retry: Retry::Never,
    };
    /// The caller has the administrators' scope and is not an administrator.
    pub const NOT_AN_ADMINISTRATOR: Self = Self {
        status: StatusCode::FORBIDDEN,
        kind: "not-an-administrator",
        title: "The caller is not an administrator",
        detail: "Besides the scope, the claims of an administrator's token must meet the \
                 deployment's parameter AdminCondition. If it is empty, these routes are closed.",
        retry: Retry::Never,
    };
    /// The caller's bearer was issued before the user was signed out or cut off.
    pub const SIGN_IN_REQUIRED: Self = Self {
        status: StatusCode::UNAUTHORIZED,
        kind: "sign-in-required",
        title: "A new sign-in is required",
        detail: "The access token was issued before the user was signed out or cut off. Get a \
                 fresh one from your identity provider, past your library's cache (MSAL: \
                 `forceRefresh`), and send the request again.",
        retry: Retry::SignIn,
    };
    const TOO_MANY_TOKENS: Self = Self {
        status: StatusCode::TOO_MANY_REQUESTS,
        kind: "too-many-tokens",
        title: "The user asks for tokens too often",
        detail: "Keep a token until `refreshAfter`. Send the request again after the time in \
                 `Retry-After`.",
        retry: Retry::Later(Duration::from_secs(1)),
    };
    const TOO_MANY_SIGN_OUTS: Self = Self {
        status: StatusCode::TOO_MANY_REQUESTS,
        kind: "too-many-sign-outs",
        title: "The user signs out too often",
        detail: "Send the request again after the time in `Retry-After`.",
        retry: Retry::Later(Duration::from_secs(1)),
    };
    /// The request asks for more than the policy gives.
    pub const BEYOND_POLICY: Self = Self {
        status: StatusCode::FORBIDDEN,
        kind: "beyond-policy",
        title: "The policy does not allow these scopes or this lifetime",
        detail: "Ask for fewer scopes or a shorter lifetime, or for nothing in particular.",
        retry: Retry::Never,
    };
    /// The user is cut off.
    pub const BLOCKED: Self = Self {
        status: StatusCode::FORBIDDEN,
        kind: "user-blocked",
        title: "The user is blocked",
        detail: "An administrator or the identity provider has cut the user off.",
        retry: Retry::Never,
    };
    /// There is no such identity, or the caller may not know that it exists.
    pub const NOT_FOUND: Self = Self {
        status: StatusCode::NOT_FOUND,
        kind: "not-found",
        title: "There is no such identity",
        detail: "An identity is made by its user's first call of POST /v1/token.",
        retry: Retry::Never,
    };
    const STUCK: Self = Self {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        kind: "identity-stuck",
        title: "The identity is stuck",
        detail: "ACS refused again and again to revoke its tokens or to delete it. It gets no \
                 token until an administrator revokes or deletes once more.",
        retry: Retry::Never,
    };
    const FOREIGN_RESOURCE: Self = Self {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        kind: "foreign-resource",
        title: "The identity belongs to another ACS resource",
        detail: "ACS refused, and nothing happened to the identity or its tokens. An operator \
                 must check which resource the secret names: the ACS id of the identity \
                 contains the GUID of the resource that created it.",
        retry: Retry::Never,
    };
    const BUSY: Self = Self {
        status: StatusCode::CONFLICT,
        kind: "busy",
        title: "Another request is changing the identity",
        detail: "Send the request again after the time in `Retry-After`.",
        retry: Retry::Later(Duration::from_secs(1)),
    };
    /// The body is larger than any valid body.
    pub const BODY_TOO_LARGE: Self = Self {
        status: StatusCode::PAYLOAD_TOO_LARGE,
        kind: "body-too-large",
        title: "The body is too large",
        detail: "A body has 16 KiB at the most.",
        retry: Retry::Never,
    };
    /// The content type of the body is not JSON.
    pub const UNSUPPORTED_MEDIA_TYPE: Self = Self {
        status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
        kind: "unsupported-media-type",
        title: "The body must be JSON",
        detail: "Send it with `Content-Type: application/json`.",
        retry: Retry::Never,
    };
    /// The body is not valid JSON, or not the JSON that this operation takes.
    pub const INVALID_BODY: Self = Self {
        status: StatusCode::BAD_REQUEST,
        kind: "invalid-body",
        title: "The body is not the JSON that this operation takes",
        detail: "See the operation in the OpenAPI document; a field it does not list is refused.",
        retry: Retry::Never,
    };
    /// The list of scopes is empty, or a scope is unknown or repeated.
    pub const INVALID_SCOPES: Self = Self {
        status: StatusCode::BAD_REQUEST,
        kind: "invalid-scopes",
        title: "The scopes are not valid",
        detail: "Give one or more of chat, chat.join, chat.join.limited, voip and voip.join, each \
                 once; or leave `scopes` out.",
        retry: Retry::Never,
    };
    /// The lifetime is outside of ACS's range.
    pub const INVALID_LIFETIME: Self = Self {
        status: StatusCode::BAD_REQUEST,
        kind: "invalid-lifetime",
        title: "The lifetime is not valid",
        detail: "`expiresInMinutes` is a whole number from 60 to 1440; or leave it out.",
        retry: Retry::Never,
    };
    /// The external id is empty, too long, or looks like an ACS id.
    pub const INVALID_EXTERNAL_ID: Self = Self {
        status: StatusCode::BAD_REQUEST,
        kind: "invalid-external-id",
        title: "The external id is not valid",
        detail: "`externalId` has 1 to 1024 visible ASCII characters and does not begin with `8:`.",
        retry: Retry::Never,
    };
    /// The external id belongs to a user of another issuer.
    pub const ANOTHER_ISSUER: Self = Self {
        status: StatusCode::BAD_REQUEST,
        kind: "another-issuer",
        title: "The external id is of another issuer's user",
        detail: "An external id that begins with a URL is `<issuer>|<subject>`, and its issuer \
                 must be the one whose tokens this deployment accepts.",
        retry: Retry::Never,
    };
    /// There is no record of the user.
    pub const NO_SUCH_USER: Self = Self {
        status: StatusCode::NOT_FOUND,
        kind: "no-such-user",
        title: "There is no record of this user",
        detail: "Check the spelling of the external id. To block a user before their first call, \
                 send `\"createIfMissing\": true`.",
        retry: Retry::Never,
    };
    /// A query parameter is invalid.
    pub const INVALID_QUERY: Self = Self {
        status: StatusCode::BAD_REQUEST,
        kind: "invalid-query",
        title: "A query parameter is not valid",
        detail: "See the operation in the OpenAPI document; a parameter it does not list is \
                 refused.",
        retry: Retry::Never,
    };
    /// The Teams user's token is not a JWT.
    pub const TEAMS_TOKEN_MALFORMED: Self = Self {
        status: StatusCode::BAD_REQUEST,
        kind: "teams-token-malformed",
        title: "The Teams user's token is no token",
        detail: "`token` is the access token that your app got from Entra for the Teams user.",
        retry: Retry::Never,
    };
    const TEAMS_TOKEN_OF_ANOTHER_USER: Self = Self {
        status: StatusCode::FORBIDDEN,
        kind: "teams-token-of-another-user",
        title: "The Teams user's token is not the caller's own",
        detail: "Sign in here and at Teams as the same user: `oid` and `tid` must be the same in \
                 both tokens, so callers need a bearer token of Entra.",
        retry: Retry::SignIn,
    };
    const TEAMS_TOKEN_EXPIRED: Self = Self {
        status: StatusCode::UNAUTHORIZED,
        kind: "teams-token-expired",
        title: "The Teams user's token has expired",
        detail: "Get a fresh one from Entra, without the cache of your library.",
        retry: Retry::SignIn,
    };
    const TEAMS_TOKEN_EXPIRING: Self = Self {
        status: StatusCode::BAD_REQUEST,
        kind: "teams-token-expiring",
        title: "The Teams user's token has less than ten minutes left",
        detail: "Get a fresh one from Entra, without the cache of your library.",
        retry: Retry::Never,
    };
    const TEAMS_TOKEN_AUDIENCE: Self = Self {
        status: StatusCode::BAD_REQUEST,
        kind: "teams-token-audience",
        title: "The Teams user's token is for another service",
        detail: "Ask Entra for the scopes \
                 https://auth.msft.communication.azure.com/Teams.ManageCalls and \
                 https://auth.msft.communication.azure.com/Teams.ManageChats.",
        retry: Retry::Never,
    };
    const TEAMS_TOKEN_PERMISSION: Self = Self {
        status: StatusCode::BAD_REQUEST,
        kind: "teams-token-permission",
        title: "The Teams user's token lacks a permission",
        detail: "It needs the delegated permissions Teams.ManageCalls and Teams.ManageChats, both.",
        retry: Retry::Never,
    };
    const TEAMS_TOKEN_APP: Self = Self {
        status: StatusCode::BAD_REQUEST,
        kind: "teams-token-app",
        title: "The Teams user's token was issued to another application",
        detail: "`appId` is the id of the Entra application, a GUID, that the token was issued to.",
        retry: Retry::Never,
    };
    const TEAMS_TOKEN_USER: Self = Self {
        status: StatusCode::BAD_REQUEST,
        kind: "teams-token-user",
        title: "ACS takes the Teams user's token for another user's",
        detail: "Sign in again, as the user whom the bearer token names.",
        retry: Retry::SignIn,
    };
    const TEAMS_TOKEN_INVALID: Self = Self {
        status: StatusCode::BAD_REQUEST,
        kind: "teams-token-invalid",
        title: "ACS does not accept the Teams user's token",
        detail: "Send the token as Entra issued it. Personal accounts, app-only tokens and users \
                 without a Teams licence are not accepted.",
        retry: Retry::Never,
    };
    const THROTTLED: Self = Self {
        status: StatusCode::SERVICE_UNAVAILABLE,
        kind: "throttled",
        title: "The service is busy",
        detail: "Send the request again after the time in `Retry-After`.",
        retry: Retry::Later(Duration::from_secs(1)),
    };
    pub(crate) const UNAVAILABLE: Self = Self {
        status: StatusCode::SERVICE_UNAVAILABLE,
        kind: "unavailable",
        title: "Something this service depends on is unavailable",
        detail: "Send the request again after the time in `Retry-After`.",
        retry: Retry::Later(Duration::from_secs(2)),
    };
    pub(crate) const INTERNAL: Self = Self {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        kind: "internal",
        title: "Something went wrong here",
        detail: "Whoever runs this service finds the cause in its log, by the request id.",
        retry: Retry::Never,
    };

    /// All problems, for the contract.
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

    /// The `type` of the document.
    #[must_use]
    pub fn type_uri(&self) -> String {
        format!("/problems/{}", self.kind)
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    fn of_teams_token(fault: TeamsTokenFault) -> Self {
        match fault {
            TeamsTokenFault::AnotherUser => Self::TEAMS_TOKEN_OF_ANOTHER_USER,
            TeamsTokenFault::Expired => Self::TEAMS_TOKEN_EXPIRED,
            TeamsTokenFault::Expiring => Self::TEAMS_TOKEN_EXPIRING,
            TeamsTokenFault::WrongAudience => Self::TEAMS_TOKEN_AUDIENCE,
            TeamsTokenFault::MissingPermission => Self::TEAMS_TOKEN_PERMISSION,
            TeamsTokenFault::WrongApp => Self::TEAMS_TOKEN_APP,
            TeamsTokenFault::WrongUser => Self::TEAMS_TOKEN_USER,
            TeamsTokenFault::Invalid => Self::TEAMS_TOKEN_INVALID,
        }
    }

    fn after(self, wait: Duration) -> Self {
        Self { retry: Retry::Later(wait.max(Duration::from_secs(1))), ..self }
    }
}

impl From<Error> for Problem {
    /// The only table that maps an error to the problem that the client gets.
    fn from(error: Error) -> Self {
        let problem = match error {
            Error::BeyondPolicy => Self::BEYOND_POLICY,
            Error::Blocked => Self::BLOCKED,
            Error::SignInRequired => Self::SIGN_IN_REQUIRED,
            Error::TooManyTokens { retry_after } => Self::TOO_MANY_TOKENS.after(retry_after),
            Error::TooManySignOuts { retry_after } => Self::TOO_MANY_SIGN_OUTS.after(retry_after),
            Error::TeamsToken(fault) => Self::of_teams_token(fault),
            Error::NotFound => Self::NOT_FOUND,
            Error::Stuck => Self::STUCK,
            Error::ForeignIdentity(_) => Self::FOREIGN_RESOURCE,
            Error::Busy { retry_after } => Self::BUSY.after(retry_after),
            Error::Throttled { retry_after, .. } => Self::THROTTLED.after(retry_after),
            Error::AcsUnavailable { .. } | Error::StoreUnavailable(_) => Self::UNAVAILABLE,
            _ => Self::INTERNAL,
        };
        if problem.status.is_server_error() {
            error!(error = chain(&error), "the request failed");
        } else {
            warn!(error = chain(&error), "the request was refused");
        }
        problem
    }
}

/// The error and its causes on one line.
fn chain(error: &(dyn StdError + 'static)) -> String {
    std::iter::successors(Some(error), |&error| error.source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_problem_has_a_type_of_its_own() {
        let kinds: BTreeSet<_> = Problem::ALL.iter().map(|problem| problem.kind).collect();
        assert_eq!(kinds.len(), Problem::ALL.len());
    }

    #[test]
    fn waiting_is_at_least_a_second() {
        let busy = Problem::from(Error::Busy { retry_after: Duration::from_millis(3) });
        assert_eq!(busy.retry, Retry::Later(Duration::from_secs(1)));
    }

    #[test]
    fn the_causes_are_on_one_line() {
        let cause = std::io::Error::other("connection refused");
        let error = Error::AcsUnavailable { maybe_applied: false, source: cause.into() };
        assert_eq!(chain(&error), "ACS is unavailable: connection refused");
    }
}
