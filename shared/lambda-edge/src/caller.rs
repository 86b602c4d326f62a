use identity_core::{identity::ExternalId, policy::Claims};
use lambda_http::{Request, RequestExt, request::RequestContext};

use crate::Problem;

/// The person behind the request, as API Gateway's JWT authorizer vouched for
/// them.
///
/// There is no other way to make one: not from a header, not from a body.
#[derive(Clone)]
pub struct Caller {
    user: ExternalId,
    claims: Claims,
}

impl Caller {
    /// Reads the caller the authorizer put in the request context.
    pub fn of(request: &Request) -> Result<Self, Problem> {
        let Some(RequestContext::ApiGatewayV2(context)) = request.request_context_ref() else {
            return Err(Problem::UNAUTHENTICATED);
        };
        let jwt = context.authorizer.as_ref().and_then(|authorizer| authorizer.jwt.as_ref());
        let claims = &jwt.ok_or(Problem::UNAUTHENTICATED)?.claims;
        let user = claims
            .get("iss")
            .zip(claims.get("sub"))
            .and_then(|(issuer, subject)| ExternalId::of_subject(issuer, subject))
            .ok_or(Problem::UNAUTHENTICATED)?;
        let claims = claims.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        Ok(Self { user, claims })
    }

    /// The caller, if their token carries `scope`.
    ///
    /// API Gateway checks this, too, by the route; the function that serves more
    /// than one route does not rely on it.
    pub fn with_scope(self, scope: &str) -> Result<Self, Problem> {
        let carries = ["scope", "scp"]
            .iter()
            .filter_map(|name| self.claims.get(*name))
            .any(|had| had.trim_matches(['[', ']']).split(' ').any(|one| one == scope));
        carries.then_some(self).ok_or(Problem::FORBIDDEN)
    }

    /// Who they are.
    #[must_use]
    pub fn user(&self) -> &ExternalId {
        &self.user
    }

    /// What their identity provider says about them.
    #[must_use]
    pub fn claims(&self) -> &Claims {
        &self.claims
    }
}
