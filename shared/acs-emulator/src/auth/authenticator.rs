//! Authenticates the caller of a request to the identity API.

use tracing::warn;

use super::bearer_refusal::Refusal;
use super::claims::EntraClaims;
use super::entra::Entra;
use super::signature::{self, Rules};
use crate::api::error::ApiError;
use crate::api::http_request::Request;
use crate::api::route::Route;
use crate::state::clock::Clock;
use crate::state::keys::resource_key::KeyMark;
use crate::state::keys::resource_keys::KeyRing;

/// The credentials that the resource accepts besides its access keys, and the rules of signatures.
pub(crate) struct Authenticator {
    pub rules: Rules,
    pub entra: Entra,
}

/// An authenticated caller.
pub(crate) struct Caller {
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
        request: &Request,
        route: &Route,
        ring: &KeyRing,
        clock: &Clock,
    ) -> Result<Caller, ApiError> {
        let user = match (route, bearer(request)) {
            (Route::ExchangePhoneAccess, Some(token)) => {
                self.entra.phone_user(token, clock.now()).map(Some)
            }
            (Route::ExchangePhoneAccess, None) => Err(Refusal::NoBearer),
            (_, Some(token)) => self.entra.operator(token, clock.signing_now()).map(|_| None),
            (_, None) => {
                let key = self.verify_signature(request, ring, clock)?;
                return Ok(Caller { key, user: None });
            }
        };
        // The request has no key, so no regeneration ends its tokens.
        user.map(|user| Caller { key: KeyMark::default(), user }).map_err(|refusal| {
            warn!(
                http.method = %request.method,
                http.path = request.uri.path(),
                reason = %refusal,
                "refused a bearer: {refusal}"
            );
            ApiError::denied("Denied by the resource provider.")
        })
    }

    /// The access key that signed the request.
    fn verify_signature(
        &self,
        request: &Request,
        ring: &KeyRing,
        clock: &Clock,
    ) -> Result<KeyMark, ApiError> {
        let now = clock.signing_now();
        signature::verify_with_ring(request, ring, now, self.rules).map_err(|refusal| {
            warn!(
                http.method = %request.method,
                http.path = request.uri.path(),
                reason = %refusal,
                "refused a request: {refusal}"
            );
            refusal.answer()
        })
    }
}

/// The token of `Authorization: Bearer …`.
fn bearer(request: &Request) -> Option<&str> {
    let value = request.header("authorization")?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}
