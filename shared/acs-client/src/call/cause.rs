//! The causes of the errors that ACS reports.

/// The cause of an error response, as far as the client can tell.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorCause {
    /// 401 `Denied` to a signed request. If the key comes from a
    /// [`KeySource`](crate::KeySource), the client has already read the source again, at most
    /// once per 30 s.
    #[error("the access key is wrong, or belongs to another resource")]
    KeyRefused,
    /// 401 `Denied` to a request with a bearer token.
    #[error("the bearer token is invalid, or its principal has no role on the resource")]
    Denied,
    /// ACS refused the signature because its date differs too much from ACS's clock.
    #[error("{}", skew_text(*.ahead_s))]
    ClockSkew {
        /// How many seconds this client's clock is ahead of ACS's clock; `None` if the response
        /// has no date.
        ahead_s: Option<i64>,
    },
    /// 401 `IdentityNotOwned`: another resource created the identity, or the id is mistyped.
    #[error("the identity belongs to another resource, or the id is mistyped")]
    IdentityNotOwned,
    /// 401 `InvalidAccessToken`: ACS refuses to exchange the Entra token of a user. The token is
    /// malformed, expired, for another audience, or lacks the permissions `Teams.ManageCalls` and
    /// `Teams.ManageChats`; ACS does not report which.
    #[error(
        "the user's Entra token is malformed, expired, for another audience, or lacks the \
         permission Teams.ManageCalls or Teams.ManageChats"
    )]
    InvalidAccessToken,
    /// 400 `ValidationError` for `appId`, the app that the user's token was issued to.
    #[error("invalid `appId`: it {0}")]
    AppId(Mistake),
    /// 400 `ValidationError` for `userId`, the user that the token was issued for.
    #[error("invalid `userId`: it {0}")]
    UserId(Mistake),
    /// Any other 400 `ValidationError`.
    #[error("ACS refused a member of the request as invalid: {}", or_unspecified(.target))]
    Validation {
        /// The invalid member, as ACS spells it; empty if ACS did not name it.
        target: String,
    },
    /// 400 to an assignment of a resource account: ACS may expect the other spelling of its kind, see
    /// [`Config::resource_account_name`](crate::Config).
    #[error(
        "ACS refused the assignment of a resource account, whose `principalType` was `{sent}`: it \
         may expect `{other}`"
    )]
    PrincipalType {
        /// The name that was sent.
        sent: &'static str,
        /// The other name.
        other: &'static str,
    },
    /// ACS does not know the identity.
    #[error("identity not found in ACS; its record is kept, because ACS may be wrong")]
    IdentityLost,
    /// The endpoint does not have the operation, or not in this api-version.
    #[error(
        "operation not found: check that the endpoint is an ACS resource, and that the \
         api-version is new enough"
    )]
    NoSuchOperation,
    /// 400 `UnsupportedApiVersion`.
    #[error("unsupported api-version; supported: {}", or_unspecified(.supported))]
    UnsupportedApiVersion {
        /// The versions that ACS supports; empty if ACS did not list them.
        supported: String,
    },
    /// 400 `ApiVersionUnspecified`: a proxy removes the query.
    #[error("ACS did not receive the api-version: check whether a proxy removes the query")]
    ApiVersionUnspecified,
    /// Any other error in the request.
    #[error("ACS refused the request as invalid")]
    BadRequest,
    /// 429: more requests than ACS permits in 30 seconds.
    #[error("too many requests for the rate limit of ACS")]
    Throttled,
    /// An error of ACS, or of a proxy in front of it.
    #[error("internal error of ACS")]
    Failed,
    /// A redirect. ACS does not redirect, and the client does not send a signature to another
    /// address.
    #[error("ACS redirected the request, and redirects are not followed: check the endpoint")]
    Redirected,
    /// ACS does not document this status or this body.
    #[error("unexpected response: check that the endpoint is an ACS resource")]
    Nonsense,
}

/// What is wrong with an id that was sent with a Teams user's token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// It is empty.
    #[error("is missing")]
    Missing,
    /// It is not a GUID.
    #[error("is not a GUID")]
    Malformed,
    /// It does not match the token's claim `appid` or `oid`.
    #[error("does not match the token")]
    Mismatched,
}

impl Mistake {
    /// ACS has one code for all mistakes, so they can only be distinguished by its message.
    fn read(message: &str) -> Option<Self> {
        let has = |text| message.contains(text);
        if has("required") {
            Some(Self::Missing)
        } else if has("invalid format") {
            Some(Self::Malformed)
        } else {
            // "not the expected one", "for unexpected user"
            has("expected").then_some(Self::Mismatched)
        }
    }
}

impl ErrorCause {
    /// Whether a 400 with this cause may be about the kind of a principal.
    pub(crate) fn may_be_about_the_principal(&self) -> bool {
        match self {
            Self::Validation { target } => {
                target.is_empty() || target.eq_ignore_ascii_case("principalType")
            }
            cause => *cause == Self::BadRequest,
        }
    }

    /// The cause for a `ValidationError` with this target and message.
    pub(crate) fn of_validation(target: &str, message: &str) -> Self {
        let mistake = Mistake::read(message);
        match mistake {
            Some(mistake) if target.eq_ignore_ascii_case("appId") => Self::AppId(mistake),
            Some(mistake) if target.eq_ignore_ascii_case("userId") => Self::UserId(mistake),
            _ => Self::Validation { target: target.to_owned() },
        }
    }
}

fn or_unspecified(text: &str) -> &str {
    if text.is_empty() { "(not specified)" } else { text }
}

fn skew_text(ahead_s: Option<i64>) -> String {
    match ahead_s {
        Some(ahead) if ahead < 0 => {
            format!("the clock is {} s behind ACS's; 300 s are allowed", ahead.unsigned_abs())
        }
        Some(ahead) => format!("the clock is {ahead} s ahead of ACS's; 300 s are allowed"),
        None => "the clock differs from ACS's by more than 300 s".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mistake_in_a_teams_exchange_has_its_own_cause() {
        for (target, message, cause) in [
            ("AppId", "AppId: The AppId field is required.", ErrorCause::AppId(Mistake::Missing)),
            (
                "UserId",
                "UserId: The UserId field is required.",
                ErrorCause::UserId(Mistake::Missing),
            ),
            ("appId", "Provided AppId has invalid format.", ErrorCause::AppId(Mistake::Malformed)),
            (
                "userId",
                "Provided UserId has invalid format.",
                ErrorCause::UserId(Mistake::Malformed),
            ),
            (
                "appId",
                "AAD application is not the expected one.",
                ErrorCause::AppId(Mistake::Mismatched),
            ),
            (
                "userId",
                "Provided AAD token issued for unexpected user.",
                ErrorCause::UserId(Mistake::Mismatched),
            ),
            ("appId", "No.", ErrorCause::Validation { target: "appId".to_owned() }),
            (
                "Scopes",
                "Scopes: The Scopes field is required.",
                ErrorCause::Validation { target: "Scopes".to_owned() },
            ),
            ("", "No.", ErrorCause::Validation { target: String::new() }),
        ] {
            assert_eq!(ErrorCause::of_validation(target, message), cause, "{target}: {message}");
        }
    }
}
