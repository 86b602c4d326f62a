//! The exchange of an Entra token for an access token of ACS, and the adapter of the port
//! [`TeamsTokenExchange`]: it maps errors of ACS to the faults that a caller can fix.

use std::time::SystemTime;

use identity_core::{
    Error,
    admission::Admission,
    exchange_teams_token::TeamsTokenFault,
    identity::AccessToken,
    ports::{Clock, TeamsTokenExchange},
    secret::Secret,
};
use serde::Serialize;

use super::wire;
use crate::{
    call::{cause::Cause, error::Answered, operation::Operation},
    client::{AcsIdentityClient, UNWRITABLE, Wanted, nonsense},
};

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
        let operation = Operation::ExchangeTeamsUser;
        let body = serde_json::to_vec(&Exchange { token: token.expose(), app_id, user_id })
            .map_err(|_| UNWRITABLE)?;
        let path = "/teamsUser/:exchangeAccessToken";
        let wanted = Wanted { operation, path, body, user_token: None };
        let answer = self.call(wanted, deadline).await?;
        wire::read_token(&answer.body.0).ok_or_else(|| nonsense(&answer, operation))
    }

    /// `POST /access/teamsExtension/:exchangeAccessToken`.
    #[cfg(feature = "standalone")]
    pub(crate) async fn teams_extension_token(
        &self,
        user_token: &Secret,
        deadline: SystemTime,
    ) -> Result<(identity_core::identity::AcsId, AccessToken), Error> {
        let operation = Operation::ExchangeTeamsExtension;
        let path = "/access/teamsExtension/:exchangeAccessToken";
        let body = b"{}".to_vec();
        let wanted = Wanted { operation, path, body, user_token: Some(user_token) };
        let answer = self.call(wanted, deadline).await?;
        wire::read_identity_with_token(&answer.body.0).ok_or_else(|| nonsense(&answer, operation))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Exchange<'a> {
    token: &'a str,
    app_id: &'a str,
    user_id: &'a str,
}

/// The fault of the token that ACS reports; `None` if the error is not about the token.
fn fault(error: &Error) -> Option<TeamsTokenFault> {
    let Error::AcsRefused(source) = error else { return None };
    match source.downcast_ref::<Answered>()?.cause() {
        Cause::InvalidAccessToken => Some(TeamsTokenFault::Invalid),
        Cause::AppId(_) => Some(TeamsTokenFault::WrongApp),
        Cause::UserId(_) => Some(TeamsTokenFault::WrongUser),
        _ => None,
    }
}
