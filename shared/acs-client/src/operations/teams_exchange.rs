//! The exchange of an Entra token for an access token of ACS, and the adapters of the ports
//! [`TeamsTokenExchange`] and [`TeamsPhoneClient`], which map errors of ACS to the faults that a
//! caller can fix.

use std::time::SystemTime;

use identity_core::Error;
use identity_core::admission::Admission;
use identity_core::exchange_teams_token::TeamsTokenFault;
use identity_core::identity::{AccessToken, AcsId};
use identity_core::phone::{PhoneFault, PhonePrincipal, TeamsExtensionAssignment};
use identity_core::ports::{Clock, TeamsPhoneClient, TeamsTokenExchange};
use identity_core::secret::Secret;
use serde::Serialize;

use super::wire;
use crate::call::{AcsOperation, Answered, ErrorCause};
use crate::client::{AcsIdentityClient, OperationRequest, invalid_body, json};

impl<C: Clock> TeamsTokenExchange for AcsIdentityClient<C> {
    async fn exchange_teams_user_token(
        &self,
        _: Admission,
        token: &Secret,
        app_id: &str,
        user_id: &str,
        deadline: SystemTime,
    ) -> Result<AccessToken, Error> {
        let exchanged = self.teams_user_token(token, app_id, user_id, deadline);
        exchanged.await.map_err(|error| match fault(&error) {
            Some(fault) => Error::TeamsToken(fault),
            None => error,
        })
    }
}

impl<C: Clock> TeamsPhoneClient for AcsIdentityClient<C> {
    async fn exchange_phone_token(
        &self,
        _: Admission,
        token: &Secret,
        deadline: SystemTime,
    ) -> Result<(AcsId, AccessToken), Error> {
        let exchanged = self.teams_extension_token(token, deadline);
        exchanged.await.map_err(|error| match phone_fault(&error) {
            Some(fault) => Error::TeamsPhone(fault),
            None => error,
        })
    }

    async fn find_assignment(
        &self,
        principal: &PhonePrincipal,
        deadline: SystemTime,
    ) -> Result<Option<TeamsExtensionAssignment>, Error> {
        let PhonePrincipal { tenant_id, object_id } = principal;
        self.find_teams_extension_assignment(tenant_id, object_id, deadline).await
    }

    async fn put_assignment(
        &self,
        assignment: &TeamsExtensionAssignment,
        deadline: SystemTime,
    ) -> Result<TeamsExtensionAssignment, Error> {
        self.put_teams_extension_assignment(assignment, deadline).await
    }

    async fn delete_assignment(
        &self,
        principal: &PhonePrincipal,
        deadline: SystemTime,
    ) -> Result<(), Error> {
        let PhonePrincipal { tenant_id, object_id } = principal;
        self.delete_teams_extension_assignment(tenant_id, object_id, deadline).await
    }
}

impl<C: Clock> AcsIdentityClient<C> {
    /// `POST /teamsUser/:exchangeAccessToken`.
    pub(crate) async fn teams_user_token(
        &self,
        token: &Secret,
        app_id: &str,
        user_id: &str,
        deadline: SystemTime,
    ) -> Result<AccessToken, Error> {
        let operation = AcsOperation::ExchangeTeamsUser;
        let body = json(&Exchange { token: token.expose(), app_id, user_id })?;
        let path = "/teamsUser/:exchangeAccessToken";
        let request = OperationRequest { operation, path, body, user_token: None };
        let response = self.call(request, deadline).await?;
        wire::read_token(&response.body.0).ok_or_else(|| invalid_body(&response, operation))
    }

    /// `POST /access/teamsExtension/:exchangeAccessToken`.
    pub(crate) async fn teams_extension_token(
        &self,
        user_token: &Secret,
        deadline: SystemTime,
    ) -> Result<(AcsId, AccessToken), Error> {
        let operation = AcsOperation::ExchangeTeamsExtension;
        let path = "/access/teamsExtension/:exchangeAccessToken";
        let body = b"{}".to_vec();
        let request = OperationRequest { operation, path, body, user_token: Some(user_token) };
        let response = self.call(request, deadline).await?;
        wire::read_identity_with_token(&response.body.0)
            .ok_or_else(|| invalid_body(&response, operation))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Exchange<'a> {
    token: &'a str,
    app_id: &'a str,
    user_id: &'a str,
}

/// The fault of the token, if the error is about the token.
fn fault(error: &Error) -> Option<TeamsTokenFault> {
    let Error::AcsRefused(source) = error else { return None };
    match source.downcast_ref::<Answered>()?.cause() {
        ErrorCause::InvalidAccessToken => Some(TeamsTokenFault::Invalid),
        ErrorCause::AppId(_) => Some(TeamsTokenFault::WrongApp),
        ErrorCause::UserId(_) => Some(TeamsTokenFault::WrongUser),
        _ => None,
    }
}

/// The reason why ACS refuses a user of Teams Phone. The token was verified before, so a plain
/// refusal means that the user is not assigned.
fn phone_fault(error: &Error) -> Option<PhoneFault> {
    let Error::AcsRefused(source) = error else { return None };
    let answered = source.downcast_ref::<Answered>()?;
    match (answered.status(), answered.code()) {
        (403, "UserLicenseNotPresentForbidden") => Some(PhoneFault::MissingLicense),
        (403, "SubscriptionNotAllowed") => Some(PhoneFault::SubscriptionNotAllowed),
        (401 | 403, _) => Some(PhoneFault::NotAssigned),
        _ => None,
    }
}
