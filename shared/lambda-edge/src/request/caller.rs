use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use api_types::ProblemType;
use identity_core::admission::Bearer;
use identity_core::identity::{ExternalId, SubjectClaims};
use identity_core::policy::Claims;
use lambda_http::{Request, RequestExt, request::RequestContext};
use serde_json::Value;

use crate::Problem;

/// The user behind the request, as verified by the authorizer: API Gateway's JWT authorizer or
/// the function `authorize-caller`.
///
/// Nothing else makes one: neither a header nor a body can name the caller.
#[derive(Clone)]
pub struct Caller {
    user: ExternalId,
    bearer: Bearer,
    claims: Claims,
    /// How much earlier than the real time the issuer dates its tokens, if the authorizer says so.
    issued_early: Option<Duration>,
}

impl Caller {
    /// Reads the caller the authorizer put in the request context. `subject` names the claims
    /// that say which user of the issuer it is.
    pub(crate) fn of(request: &Request, subject: &SubjectClaims) -> Result<Self, Problem> {
        let (claims, issued_early) = verified(request).ok_or(ProblemType::UNAUTHENTICATED)?;
        let user = subject.external_id(|name| claims.name(name)).map_err(|unnamed| {
            let detail =
                format!("The access token does not name a user of this service: {unnamed}.");
            Problem::new(ProblemType::UNAUTHENTICATED, detail)
        })?;
        let at = |name: &str| claims.text(name).and_then(|value| numeric_date(&value));
        let bearer = Bearer { issued_at: at("iat"), authenticated_at: at("auth_time") };
        Ok(Self { user, bearer, claims, issued_early })
    }

    /// Checks that the token has `scope` in its claim `scope` or `scp`.
    ///
    /// API Gateway checks the scope of each route, too. A function that serves more than one
    /// route does not rely on that check.
    pub(crate) fn has_scope(&self, scope: &str) -> Result<(), Problem> {
        let mut words = ["scope", "scp"].iter().flat_map(|name| self.claims.words(name));
        let carries = words.any(|word| word == scope);
        Ok(carries.then_some(()).ok_or(ProblemType::FORBIDDEN)?)
    }

    /// Returns the caller with a bearer that was issued later than its `iat` says: by what the
    /// authorizer says about its issuer, otherwise by `usual`.
    ///
    /// Microsoft Entra dates its tokens five minutes early, for services whose clocks are slow.
    /// Without this correction, a new bearer of the first five minutes after a sign-out would
    /// seem to be older than the sign-out.
    pub(crate) fn issued_later(mut self, usual: Duration) -> Self {
        let by = self.issued_early.unwrap_or(usual);
        self.bearer.issued_at = self.bearer.issued_at.and_then(|at| at.checked_add(by));
        self
    }

    /// The issuer of the bearer.
    pub(crate) fn issuer(&self) -> Cow<'_, str> {
        self.claims.text("iss").unwrap_or_default()
    }

    /// The external id of the caller.
    #[must_use]
    pub fn user(&self) -> &ExternalId {
        &self.user
    }

    /// When the bearer was issued, and when the user last signed in.
    #[must_use]
    pub fn bearer(&self) -> Bearer {
        self.bearer
    }

    /// The claims of the caller's identity provider.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.claims
    }
}

/// The claims that the authorizer verified: `jwt.claims` of API Gateway's JWT authorizer, or the
/// object `claims` in the context of a Lambda authorizer. A route has one authorizer, so a request
/// with both has an unknown origin, and neither is used.
///
/// `issuedEarlySeconds` is in the same context, because it differs from issuer to issuer.
fn verified(request: &Request) -> Option<(Claims, Option<Duration>)> {
    let RequestContext::ApiGatewayV2(context) = request.request_context_ref()? else {
        return None;
    };
    let authorizer = context.authorizer.as_ref()?;
    match (&authorizer.jwt, authorizer.fields.get("claims")) {
        (Some(jwt), None) => Some((Claims::flattened(jwt.claims.clone()), None)),
        (None, Some(Value::Object(claims))) => {
            let early = authorizer.fields.get("issuedEarlySeconds").and_then(Value::as_u64);
            Some((Claims::json(claims.clone()), early.map(Duration::from_secs)))
        }
        _ => None,
    }
}

/// Reads a `NumericDate` (RFC 7519 §2): seconds since 1970, which may have a fraction. API
/// Gateway's JWT authorizer passes it as text. An invalid value counts as missing, so the age of
/// the bearer is unknown.
fn numeric_date(raw: &str) -> Option<SystemTime> {
    let seconds: f64 = raw.trim().parse().ok()?;
    let since = Duration::try_from_secs_f64(seconds).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(since)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::TestRequest;

    #[test]
    fn a_bearer_says_how_old_it_is_in_any_spelling_of_a_number() {
        let at = |raw: &str| {
            let request = TestRequest::new("POST /v1/token").claim("iat", raw).request();
            let issued_at =
                Caller::of(&request, &SubjectClaims::default()).ok().unwrap().bearer().issued_at;
            issued_at.map(|at| at.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs())
        };
        for raw in ["1795694400", " 1795694400", "1795694400.9", "1.7956944e9", "1795694400.0"] {
            assert_eq!(at(raw), Some(1_795_694_400), "{raw}");
        }
        for raw in ["", "soon", "-1", "NaN", "inf", "1e300", "[1795694400]"] {
            assert_eq!(at(raw), None, "{raw}");
        }
    }

    #[test]
    fn a_bearer_says_how_old_it_is_as_a_number_of_json() {
        let claims = json!({ "iss": "https://idp.example", "sub": "alice", "iat": 1_795_694_400, "auth_time": 1e3 });
        let request = TestRequest::new("POST /v1/token").json_claims(&claims).request();
        let bearer = Caller::of(&request, &SubjectClaims::default()).ok().unwrap().bearer();
        let at = |seconds| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!((bearer.issued_at, bearer.authenticated_at), (at(1_795_694_400), at(1000)));
    }

    #[test]
    fn the_time_of_the_sign_in_is_another_one() {
        let event = TestRequest::new("POST /v1/token").claim("iat", "20").claim("auth_time", "10");
        let bearer = Caller::of(&event.request(), &SubjectClaims::default()).ok().unwrap().bearer();
        let at = |seconds| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!((bearer.issued_at, bearer.authenticated_at), (at(20), at(10)));
    }
}
