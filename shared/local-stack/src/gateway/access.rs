//! Authorizes requests: the one place that decides whether a caller may use a route.

use serde_json::Value;

use super::authorizer::{AuthorizerRefusal, JwtAuthorizer};
use super::event::RequestHead;
use super::lambda_authorizer::LambdaAuthorizer;
use super::refusal::GatewayRefusal;
use crate::template::RouteAuth;

/// The authorizer of the API.
pub(crate) enum ApiAuthorizer {
    /// The template has no authorizer, and every route is public.
    None,
    /// API Gateway's own authorizer.
    Jwt(JwtAuthorizer),
    /// A function.
    Lambda(LambdaAuthorizer),
}

impl ApiAuthorizer {
    /// Authorizes a request for a route with this access rule.
    ///
    /// Returns the member `requestContext.authorizer` of the function's event, which is `None` if
    /// the route is public.
    pub(crate) async fn authorize(
        &self,
        access: &RouteAuth,
        head: &RequestHead<'_>,
    ) -> Result<Option<Value>, GatewayRefusal> {
        match (access, self) {
            (RouteAuth::Public, _) => Ok(None),
            (RouteAuth::Jwt { scopes }, Self::Jwt(authorizer)) => {
                authorizer.refresh_keys(&head.parts.headers).await;
                let claims = authorizer
                    .authorize(&head.parts.headers, scopes, head.now.unix_timestamp())
                    .map_err(|refusal| refused(&refusal, scopes))?;
                Ok(Some(claims.context(scopes)))
            }
            (RouteAuth::Lambda, Self::Lambda(authorizer)) => {
                authorizer.authorize(head).await.map(Some)
            }
            // The template gives every route the API's authorizer, so this is an internal error.
            (RouteAuth::Jwt { .. } | RouteAuth::Lambda, _) => Err(GatewayRefusal::Internal),
        }
    }
}

/// The response to a request that the JWT authorizer refused.
fn refused(refusal: &AuthorizerRefusal, scopes: &[String]) -> GatewayRefusal {
    let challenge = |error: &str, why: &str| {
        let scopes = scopes.join(" ");
        format!("Bearer scope=\"{scopes}\" error=\"{error}\" error_description=\"{why}\"")
    };
    match refusal {
        AuthorizerRefusal::Missing => GatewayRefusal::Unauthorized("Bearer".to_owned()),
        AuthorizerRefusal::Invalid(why) => {
            GatewayRefusal::Unauthorized(challenge("invalid_token", why))
        }
        AuthorizerRefusal::Scope => {
            let why = "the token has none of the scopes of this route";
            GatewayRefusal::Forbidden(Some(challenge("insufficient_scope", why)))
        }
    }
}
