//! What an answer of ACS means.

/// What an answer means, as far as we can tell.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// 401 `Denied` to a signed request. If the key comes from a
    /// [`KeySource`](crate::KeySource), it was read again, unless that had been done
    /// within the last 30 s.
    #[error("the access key is wrong, or belongs to another resource")]
    KeyRefused,
    /// 401 `Denied` to a request with a bearer token.
    #[error("the bearer token is not accepted, or its principal has no role on the resource")]
    Denied,
    /// The signature was not accepted because of its date.
    #[error("{}", skew_text(*.ahead_s))]
    ClockSkew {
        /// By how many seconds our clock is ahead of ACS's, if it said its time.
        ahead_s: Option<i64>,
    },
    /// 401 `IdentityNotOwned`: the identity was made by another resource.
    #[error(
        "the identity belongs to another resource: the record or the connection string is wrong"
    )]
    IdentityNotOwned,
    /// 401 `InvalidAccessToken`: ACS does not accept the Entra token of a user that it
    /// was to exchange. ACS does not say which it is: not a token, expired, for
    /// another audience, or without the permissions `Teams.ManageCalls` or
    /// `Teams.ManageChats`.
    #[error(
        "the user's Entra token is malformed, expired, for another audience, or lacks the \
             permission Teams.ManageCalls or Teams.ManageChats"
    )]
    InvalidAccessToken,
    /// 400 `ValidationError` for `appId`, which names the app the user's token was
    /// issued to.
    #[error("the appId {0}")]
    AppId(Mistake),
    /// 400 `ValidationError` for `userId`, which names the user the token was issued
    /// for.
    #[error("the userId {0}")]
    UserId(Mistake),
    /// Any other 400 `ValidationError`.
    #[error("ACS does not accept a member of our request: {}", or_untold(.target))]
    Validation {
        /// Which member, in ACS's spelling; empty if it did not say.
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
        /// What ACS says it supports; empty if it did not say.
        supported: String,
    },
    /// 400 `ApiVersionUnspecified`: something on the way removes the query.
    #[error("the api-version did not arrive, though it was sent")]
    ApiVersionUnspecified,
    /// ACS finds something else wrong with our request.
    #[error("ACS does not accept our request")]
    BadRequest,
    /// 429: more requests than ACS takes in 30 seconds.
    #[error("ACS asks for fewer requests")]
    Throttled,
    /// ACS, or what is in front of it, failed.
    #[error("ACS failed")]
    Failed,
    /// ACS does not redirect; and a signature is not carried elsewhere.
    #[error("redirects are not followed: is the endpoint an ACS resource?")]
    Redirected,
    /// The status or the body is nothing that ACS answers.
    #[error("the answer is not what ACS documents: is the endpoint an ACS resource?")]
    Nonsense,
}

/// What is wrong with an id that came with a Teams user's token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// It is empty.
    #[error("is missing")]
    Missing,
    /// It is not a GUID.
    #[error("is not a GUID")]
    Malformed,
    /// The token says otherwise (in its claims `appid` and `oid`).
    #[error("is not that of the token")]
    Mismatched,
}

impl Mistake {
    /// ACS has one code for all of them, and tells them apart in English only.
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
    /// What a `ValidationError` with this target and message means.
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
