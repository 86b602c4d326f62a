//! `POST /v1/token/teams-phone`: exchanges the caller's Entra token for a token of Teams Phone.

use std::time::Instant;

use api_types::{ProblemType, TokenOutput};
use bearer_verifier::{SignedToken, TokenRefusal};
use identity_core::phone::{PhoneClaims, PhoneFault, PhoneSettings};
use identity_core::ports::{Clock, EntraKeys, IdentityStore, PhoneInventory, TeamsPhoneClient};
use identity_core::secret::Secret;
use identity_core::teams_phone::{
    ExchangePhoneTokenRequest, PhoneTokenRequest, exchange_phone_token, verify_phone_token,
};
use issuer_keys::{HttpsClientError, IssuerKeyCache, KeyDiscovery, KeyLocation, Unverified};
use lambda_edge::{ApiResponse, Problem, invocation, json, unverified_claims};
use lambda_http::{Request, http::StatusCode};
use serde::Deserialize;
use tracing::warn;

use crate::rules::PhoneRules;

/// The request body. It names no user, because the token must belong to the caller.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    token: String,
}

pub(crate) async fn exchange<S: IdentityStore + PhoneInventory>(
    store: &S,
    acs: &impl TeamsPhoneClient,
    clock: &impl Clock,
    keys: &impl EntraKeys,
    rules: &PhoneRules,
    request: &Request,
) -> Result<ApiResponse, Problem> {
    let access = &rules.access;
    let caller = access.user(request)?;
    let settings = rules.settings()?;
    let Input { token } = json(request)?;
    let claims: PhoneClaims =
        unverified_claims(&token).ok_or(ProblemType::TEAMS_TOKEN_MALFORMED)?;
    let (user, bearer) = (caller.user().clone(), caller.bearer());
    let (token, caller) = (Secret::new(token), access.entra_user(&caller));
    let verified = PhoneTokenRequest { token, claims, caller };
    let token = verify_phone_token(keys, clock, settings, verified).await?;
    let invocation = invocation(request, clock);
    let request = ExchangePhoneTokenRequest { token, user, bearer, invocation };
    let (acs_id, token) = exchange_phone_token(store, acs, clock, settings, request).await?;
    let output = TokenOutput::new(&token, &acs_id, clock.now());
    Ok(ApiResponse::json(StatusCode::OK, &output)?.about(Some(&acs_id)))
}

/// The keys of Entra, from its servers.
pub(crate) struct FetchedEntraKeys(IssuerKeyCache);

impl FetchedEntraKeys {
    /// Keys of a public authority are fetched by https only.
    pub(crate) fn new(settings: Option<&PhoneSettings>) -> Result<Self, HttpsClientError> {
        let is_public = settings.is_none_or(PhoneSettings::is_public);
        IssuerKeyCache::new(is_public).map(Self)
    }
}

impl EntraKeys for FetchedEntraKeys {
    async fn verify(&self, token: &Secret, issuer: &str, keys_url: &str) -> Result<(), PhoneFault> {
        let refused = |refusal: TokenRefusal| {
            warn!(reason = %refusal, "Entra token refused");
            PhoneFault::Forged
        };
        let token = SignedToken::parse(token.expose()).map_err(refused)?;
        let (jwks_uri, discovery) = (Some(keys_url), KeyDiscovery::OpenId);
        let location = KeyLocation { issuer, jwks_uri, discovery };
        let claims = self.0.verified_claims(token, &location, Instant::now()).await;
        claims.map(drop).map_err(|unverified| match unverified {
            Unverified::Refused(refusal) => refused(refusal),
            Unverified::KeysUnavailable => PhoneFault::KeysUnavailable,
        })
    }
}
