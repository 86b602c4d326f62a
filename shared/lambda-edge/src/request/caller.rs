use std::time::{Duration, SystemTime};

use api_types::ProblemType;
use identity_core::{admission::Bearer, identity::ExternalId, policy::Claims};
use lambda_http::{Request, RequestExt, request::RequestContext};

use crate::Problem;

/// The user behind the request, as verified by API Gateway's JWT authorizer.
///
/// Nothing else makes one: neither a header nor a body can name the caller.
#[derive(Clone)]
pub struct Caller {
    user: ExternalId,
    bearer: Bearer,
    claims: Claims,
}

impl Caller {
    /// Reads the caller the authorizer put in the request context.
    pub(crate) fn of(request: &Request) -> Result<Self, Problem> {
        let Some(RequestContext::ApiGatewayV2(context)) = request.request_context_ref() else {
            return Err(ProblemType::UNAUTHENTICATED.into());
        };
        let jwt = context.authorizer.as_ref().and_then(|authorizer| authorizer.jwt.as_ref());
        let claims = &jwt.ok_or(ProblemType::UNAUTHENTICATED)?.claims;
        let user = claims
            .get("iss")
            .zip(claims.get("sub"))
            .and_then(|(issuer, subject)| ExternalId::of_subject(issuer, subject))
            .ok_or(ProblemType::UNAUTHENTICATED)?;
        let at = |name: &str| claims.get(name).and_then(|value| numeric_date(value));
        let bearer = Bearer { issued_at: at("iat"), authenticated_at: at("auth_time") };
        let claims = claims.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        Ok(Self { user, bearer, claims })
    }

    /// Returns the caller if the token has `scope`.
    ///
    /// API Gateway checks the scope of each route, too. A function that serves more than one
    /// route does not rely on that check.
    pub(crate) fn with_scope(self, scope: &str) -> Result<Self, Problem> {
        let carries = ["scope", "scp"]
            .iter()
            .filter_map(|name| self.claims.get(*name))
            .any(|had| had.trim_matches(['[', ']']).split(' ').any(|one| one == scope));
        Ok(carries.then_some(self).ok_or(ProblemType::FORBIDDEN)?)
    }

    /// Returns the caller with a bearer that was issued `by` later than its `iat` says.
    ///
    /// Microsoft Entra dates its tokens five minutes early, for services whose clocks are slow.
    /// Without this correction, a new bearer of the first five minutes after a sign-out would
    /// seem to be older than the sign-out.
    pub(crate) fn issued_later(mut self, by: Duration) -> Self {
        self.bearer.issued_at = self.bearer.issued_at.and_then(|at| at.checked_add(by));
        self
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

/// Reads a `NumericDate` (RFC 7519 §2): seconds since 1970, which may have a fraction. API
/// Gateway passes every claim as text. An invalid value counts as missing, so the age of the
/// bearer is unknown.
fn numeric_date(raw: &str) -> Option<SystemTime> {
    let seconds: f64 = raw.trim().parse().ok()?;
    let since = Duration::try_from_secs_f64(seconds).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(since)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestRequest;

    #[test]
    fn a_bearer_says_how_old_it_is_in_any_spelling_of_a_number() {
        let at = |raw: &str| {
            let request = TestRequest::new("POST /v1/token").claim("iat", raw).request();
            let issued_at = Caller::of(&request).ok().unwrap().bearer().issued_at;
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
    fn the_time_of_the_sign_in_is_another_one() {
        let event = TestRequest::new("POST /v1/token").claim("iat", "20").claim("auth_time", "10");
        let bearer = Caller::of(&event.request()).ok().unwrap().bearer();
        let at = |seconds| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!((bearer.issued_at, bearer.authenticated_at), (at(20), at(10)));
    }
}
