//! Exchanges a user's Entra token for an ACS token of Teams Phone.
//!
//! As with the token of a Teams user, the admission check runs twice. Unlike there, the claims and
//! the signature of the Entra token are checked before ACS is asked.

use tracing::info;

use super::assign::{AssignPhoneRequest, Assignee, assign_phone};
use crate::model::entra::EntraUser;
use crate::model::phone::{
    PhoneClaims, PhoneSettings, PrincipalType, TeamsExtensionAssignment, VerifiedPhoneToken,
};
use crate::model::{
    AccessToken, AcsId, Bearer, Error, ExternalId, Invocation, Requester, Secret, admit,
};
use crate::ports::{Clock, EntraKeys, IdentityStore, PhoneInventory, TeamsPhoneClient};

/// An Entra token that a caller wants to exchange.
#[derive(Clone, Debug)]
pub struct PhoneTokenRequest {
    /// The Entra token.
    pub token: Secret,
    /// Its claims, unverified.
    pub claims: PhoneClaims,
    /// The caller's IDs in Entra.
    pub caller: EntraUser,
}

/// The parameters of the exchange.
#[derive(Clone, Debug)]
pub struct ExchangePhoneTokenRequest {
    /// The verified Entra token.
    pub token: VerifiedPhoneToken,
    /// The external ID of the caller.
    pub user: ExternalId,
    /// The bearer token of the caller.
    pub bearer: Bearer,
    /// The request being served.
    pub invocation: Invocation,
}

/// Verifies that the token belongs to the caller, that the policy allows it, and that Entra signed
/// it. The keys are fetched last, so a token of another tenant causes no request.
pub async fn verify_phone_token(
    keys: &impl EntraKeys,
    clock: &impl Clock,
    settings: &PhoneSettings,
    request: PhoneTokenRequest,
) -> Result<VerifiedPhoneToken, Error> {
    let PhoneTokenRequest { token, claims, caller } = request;
    let verified = VerifiedPhoneToken::check(settings, &caller, token, &claims, clock.now())?;
    let issuer = claims.iss.unwrap_or_default();
    let keys_url = settings.keys_url(&verified.principal.tenant_id);
    keys.verify(&verified.token, &issuer, &keys_url).await?;
    Ok(verified)
}

/// Exchanges the token if the caller may have one; otherwise it does not call ACS.
pub async fn exchange_phone_token<S: IdentityStore + PhoneInventory>(
    store: &S,
    acs: &impl TeamsPhoneClient,
    clock: &impl Clock,
    settings: &PhoneSettings,
    request: ExchangePhoneTokenRequest,
) -> Result<(AcsId, AccessToken), Error> {
    let ExchangePhoneTokenRequest { token, user, bearer, invocation } = request;
    let requester = Requester::User { bearer, pace: None };
    let admission = admit(store.find(&user).await?.as_ref(), &requester, clock.now())?;
    let entry = store.find_entry(&token.principal).await?;
    let is_known = entry.as_ref().is_some_and(|entry| entry.user.as_ref() == Some(&user));
    if !is_known {
        // An event about the user must find the assignment, even if another tool made it.
        store.link_principal(&user, &token.principal).await?;
    }
    let is_first = entry.as_ref().is_none_or(|entry| entry.is_open_to(&user));
    if is_first && settings.assigns_on_first_exchange() {
        let first = first_assignment(&token, &user, &invocation);
        assign_phone(store, acs, clock, settings, &first).await?;
    }
    let exchanged = acs.exchange_phone_token(admission, &token.token, invocation.acs_until).await?;
    // This call only checks whether the token may still be returned.
    let _ = admit(store.find(&user).await?.as_ref(), &requester, clock.now())?;
    info!(phone.principal = %token.principal, "token of Teams Phone issued");
    Ok(exchanged)
}

/// The assignment of a user who was never assigned. A user whose assignment was ended gets none.
fn first_assignment(
    token: &VerifiedPhoneToken,
    user: &ExternalId,
    invocation: &Invocation,
) -> AssignPhoneRequest {
    AssignPhoneRequest {
        assignment: TeamsExtensionAssignment {
            tenant_id: token.principal.tenant_id.clone(),
            object_id: token.principal.object_id.clone(),
            principal_type: PrincipalType::User,
            client_ids: vec![token.client.clone()],
        },
        user: Some(user.clone()),
        by: Assignee::User,
        invocation: invocation.clone(),
    }
}
