//! The meaning of a response of ACS.

/// The meaning of a response, as far as the client can tell.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// 401 `Denied` to a signed request. If the key comes from a
    /// [`KeySource`](crate::KeySource), the client has read it again, unless it had done so
    /// within the last 30 s.
    #[error("the access key is wrong, or belongs to another resource")]
    KeyRefused,
    /// 401 `Denied` to a request with a bearer token.
    #[error("the bearer token is not accepted, or its principal has no role on the resource")]
    Denied,
    /// ACS refused the signature because of its date.
    #[error("{}", skew_text(*.ahead_s))]
    ClockSkew {
        /// How many seconds this client's clock is ahead of ACS's clock, if the response has a
        /// date.
        ahead_s: Option<i64>,
    },
    /// 401 `IdentityNotOwned`: another resource created the identity.
    #[error(
        "the identity belongs to another resource: the record or the connection string is wrong"
    )]
    IdentityNotOwned,
    /// 401 `InvalidAccessToken`: ACS refuses to exchange the Entra token of a user. ACS does not
    /// say why: the token is malformed, expired, for another audience, or lacks the permissions
    /// `Teams.ManageCalls` and `Teams.ManageChats`.
    #[error(
        "the user's Entra token is malformed, expired, for another audience, or lacks the \
             permission Teams.ManageCalls or Teams.ManageChats"
    )]
    InvalidAccessToken,
    /// 400 `ValidationError` for `appId`, the app that the user's token was issued to.
    #[error("the appId {0}")]
    AppId(Mistake),
    /// 400 `ValidationError` for `userId`, the user that the token was issued for.
    #[error("the userId {0}")]
    UserId(Mistake),
    /// Any other 400 `ValidationError`.
    #[error("ACS does not accept a member of our request: {}", or_untold(.target))]
    Validation {
        /// The invalid member, in ACS's spelling; empty if ACS did not name it.
        target: String,
    },
    /// ACS does not know the identity.
    #[error("ACS does not know the identity; the record is kept, since ACS may be wrong")]
    IdentityLost,
    /// The endpoint does not have the operation, or not in this api-version.
    #[error(
        "there is no such operation: is the endpoint an ACS resource, and the api-version \
             new enough?"
    )]
    NoSuchOperation,
    /// 400 `UnsupportedApiVersion`.
    #[error("the api-version is not supported; supported are: {}", or_untold(.supported))]
    UnsupportedApiVersion {
        /// The versions that ACS says it supports; empty if it named none.
        supported: String,
    },
    /// 400 `ApiVersionUnspecified`: a proxy on the way removes the query.
    #[error("the api-version did not arrive, though it was sent")]
    ApiVersionUnspecified,
    /// Any other error that ACS reports about the request.
    #[error("ACS does not accept our request")]
    BadRequest,
    /// 429: more requests than ACS permits in 30 seconds.
    #[error("ACS asks for fewer requests")]
    Throttled,
    /// ACS failed, or a proxy in front of it.
    #[error("ACS failed")]
    Failed,
    /// A redirect. ACS does not redirect, and the client does not send a signature to another
    /// address.
    #[error("redirects are not followed: is the endpoint an ACS resource?")]
    Redirected,
    /// ACS does not send this status or this body.
    #[error("the answer is not what ACS documents: is the endpoint an ACS resource?")]
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
    /// It does not match the token (its claims `appid` and `oid`).
    #[error("is not that of the token")]
    Mismatched,
}

impl Mistake {
    /// ACS has one code for all mistakes, and only its English message tells them apart.
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

impl Cause {
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

fn or_untold(text: &str) -> &str {
    if text.is_empty() { "(not told)" } else { text }
}

fn skew_text(ahead_s: Option<i64>) -> String {
    match ahead_s {
        Some(ahead) if ahead < 0 => {
            format!("our clock is {} s behind ACS's, which allows 300 s", ahead.unsigned_abs())
        }
        Some(ahead) => format!("our clock is {ahead} s ahead of ACS's, which allows 300 s"),
        None => "our clock differs from ACS's by more than 300 s".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mistake_in_a_teams_exchange_is_told_apart() {
        for (target, message, cause) in [
            ("AppId", "AppId: The AppId field is required.", Cause::AppId(Mistake::Missing)),
            ("UserId", "UserId: The UserId field is required.", Cause::UserId(Mistake::Missing)),
            ("appId", "Provided AppId has invalid format.", Cause::AppId(Mistake::Malformed)),
            ("userId", "Provided UserId has invalid format.", Cause::UserId(Mistake::Malformed)),
            (
                "appId",
                "AAD application is not the expected one.",
                Cause::AppId(Mistake::Mismatched),
            ),
            (
                "userId",
                "Provided AAD token issued for unexpected user.",
                Cause::UserId(Mistake::Mismatched),
            ),
            ("appId", "No.", Cause::Validation { target: "appId".to_owned() }),
            (
                "Scopes",
                "Scopes: The Scopes field is required.",
                Cause::Validation { target: "Scopes".to_owned() },
            ),
            ("", "No.", Cause::Validation { target: String::new() }),
        ] {
            assert_eq!(Cause::of_validation(target, message), cause, "{target}: {message}");
        }
    }
}
