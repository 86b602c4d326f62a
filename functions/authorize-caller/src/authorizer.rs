//! The decision about a bearer.

use std::time::Instant;

use bearer_verifier::{SignedToken, TokenRefusal, VerifiedClaims, verify};
use identity_core::ports::Clock;
use issuer_keys::{HttpsClientError, IssuerKeyCache, KeyDiscovery, KeyLocation};
use tracing::{debug, info};

use crate::config::AcceptedIssuer;
use crate::event::{AuthorizerEvent, AuthorizerResponse};

/// Verifies the bearers of the accepted issuers.
pub(crate) struct Authorizer {
    issuers: Vec<AcceptedIssuer>,
    keys: IssuerKeyCache,
}

impl Authorizer {
    /// Accepts the bearers of `issuers`.
    pub(crate) fn new(issuers: Vec<AcceptedIssuer>) -> Result<Self, HttpsClientError> {
        // Only a development issuer is on this machine.
        let https_only = issuers.iter().all(|issuer| {
            let asked = issuer.jwks_uri.as_deref().unwrap_or(issuer.trusted.name());
            asked.starts_with("https://")
        });
        Ok(Self { issuers, keys: IssuerKeyCache::new(https_only)? })
    }

    /// Fetches the keys of the first issuer, so that its first caller does not wait for them. The
    /// keys of others are fetched when their first caller comes.
    pub(crate) async fn prefetch_keys(&self, now: Instant) {
        if let Some(first) = self.issuers.first() {
            self.keys.refresh(&first.key_location(first.trusted.name()), now).await;
        }
    }

    /// Decides about a request. An error means that nothing can be decided, because the keys of the
    /// issuer are not available: API Gateway answers 500 and does not cache it, so that a retry
    /// can succeed.
    pub(crate) async fn authorize(
        &self,
        event: AuthorizerEvent,
        clock: &impl Clock,
        now: Instant,
    ) -> Result<AuthorizerResponse, TokenRefusal> {
        let refusal = match self.verified(event.bearer().unwrap_or_default(), clock, now).await {
            Ok((claims, issued_early)) => {
                debug!("bearer accepted");
                return Ok(AuthorizerResponse::caller(claims.into_map(), issued_early));
            }
            Err(refusal) => refusal,
        };
        info!(reason = %refusal, "bearer refused");
        match refusal {
            TokenRefusal::KeysUnavailable => Err(refusal),
            // A genuine bearer that has expired is everyday life: the client must sign in again. So
            // is one that is not valid yet, and one of a key that the issuer published a moment ago.
            TokenRefusal::Expired | TokenRefusal::NotYetValid | TokenRefusal::UnknownKey => {
                Ok(AuthorizerResponse::without_caller())
            }
            TokenRefusal::TooLong
            | TokenRefusal::Malformed
            | TokenRefusal::CriticalExtension
            | TokenRefusal::TokenType
            | TokenRefusal::UnsupportedAlgorithm
            | TokenRefusal::UnknownIssuer
            | TokenRefusal::Signature
            | TokenRefusal::Audience
            | TokenRefusal::NoIssueTime
            | TokenRefusal::Tenant => Ok(AuthorizerResponse::refused()),
        }
    }

    async fn verified(
        &self,
        bearer: &str,
        clock: &impl Clock,
        now: Instant,
    ) -> Result<(VerifiedClaims, Option<u16>), TokenRefusal> {
        let token = SignedToken::parse(bearer)?;
        let accepted = self.issuers.iter().find(|issuer| issuer.trusted.is_named_by(&token));
        // The issuer as the token spells it: each tenant of a multi-tenant issuer has its own keys.
        let (accepted, spelled) =
            accepted.zip(token.unverified_issuer()).ok_or(TokenRefusal::UnknownIssuer)?;
        let keys = self.keys.keys(&accepted.key_location(spelled), &token, now).await;
        let keys = keys.ok_or(TokenRefusal::KeysUnavailable)?;
        let claims = verify(token, &accepted.trusted, &keys, clock.now())?;
        Ok((claims, accepted.issued_early_seconds))
    }
}

impl AcceptedIssuer {
    fn key_location<'a>(&'a self, spelled: &'a str) -> KeyLocation<'a> {
        let jwks_uri = self.jwks_uri.as_deref();
        KeyLocation { issuer: spelled, jwks_uri, discovery: KeyDiscovery::OpenId }
    }
}
