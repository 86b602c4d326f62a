//! Authenticates the caller of a request to the identity API.

use tracing::warn;

use super::audiences::TEAMS_EXTENSION_SCOPES;
use super::signature::{self, SignatureRules};
use super::{BearerRefusal, Entra, EntraClaims};
use crate::api::{ApiError, HttpRequest, RouteMatch};
use crate::state::{EmulatorClock, KeyMark, KeyRing};

/// The credentials that the resource accepts besides its access keys, and the rules of signatures.
pub(crate) struct Authenticator {
    pub rules: SignatureRules,
    pub entra: Entra,
}

/// An authenticated caller.
pub(crate) struct AuthenticatedCaller {
    /// The access key that signed the request, if there is one.
    pub key: KeyMark,
    /// The user whose token it is, on the routes that users call with their own tokens.
    pub user: Option<EntraClaims>,
}

impl Authenticator {
    /// Authenticates a user by their own token, if the route is for users; otherwise an operator by
    /// a key or an Entra role of the resource.
    pub(crate) fn authenticate(
        &self,
        request: &HttpRequest,
        route: &RouteMatch,
        ring: &KeyRing,
        clock: &EmulatorClock,
    ) -> Result<AuthenticatedCaller, ApiError> {
        let user = match (route, bearer(request)) {
            (RouteMatch::ExchangePhoneAccess, Some(token)) => {
                self.entra.user(token, &TEAMS_EXTENSION_SCOPES, clock.now()).map(Some)
            }
            (RouteMatch::ExchangePhoneAccess, None) => Err(BearerRefusal::NoBearer),
            (_, Some(token)) => self.entra.operator(token, clock.signing_now()).map(|_| None),
            (_, None) => {
                let key = self.verify_signature(request, ring, clock)?;
                return Ok(AuthenticatedCaller { key, user: None });
            }
        };
        // The request has no key, so no regeneration ends its tokens.
        user.map(|user| AuthenticatedCaller { key: KeyMark::default(), user }).map_err(|refusal| {
            warn!(
                http.method = %request.method,
                http.path = request.uri.path(),
                reason = %refusal,
                "bearer refused: {refusal}"
            );
            ApiError::denied("Denied by the resource provider.")
        })
    }

    /// The access key that signed the request.
    fn verify_signature(
        &self,
        request: &HttpRequest,
        ring: &KeyRing,
        clock: &EmulatorClock,
    ) -> Result<KeyMark, ApiError> {
        let now = clock.signing_now();
        signature::verify_with_ring(request, ring, now, self.rules).map_err(|refusal| {
            warn!(
                http.method = %request.method,
                http.path = request.uri.path(),
                reason = %refusal,
                "signature refused: {refusal}"
            );
            refusal.api_error()
        })
    }
}

/// The token of `Authorization: Bearer …`.
fn bearer(request: &HttpRequest) -> Option<&str> {
    let value = request.header("authorization")?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}
