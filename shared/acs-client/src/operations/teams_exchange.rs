//! The exchange of an Entra token for an access token of ACS, and the adapter of the port
//! [`TeamsTokenExchange`], which maps errors of ACS to the faults that a caller can fix.

use std::time::SystemTime;

use identity_core::Error;
use identity_core::admission::Admission;
use identity_core::exchange_teams_token::TeamsTokenFault;
use identity_core::identity::AccessToken;
use identity_core::ports::{Clock, TeamsTokenExchange};
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
    #[cfg(feature = "standalone")]
    pub(crate) async fn teams_extension_token(
        &self,
        user_token: &Secret,
        deadline: SystemTime,
    ) -> Result<(identity_core::identity::AcsId, AccessToken), Error> {
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
