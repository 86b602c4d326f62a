//! The adapter of the port [`TeamsTokenExchange`]: it maps errors of ACS to the faults that a
//! caller can fix.

use std::time::SystemTime;

use identity_core::{
    Error,
    admission::Admission,
    exchange_teams_token::TeamsTokenFault,
    identity::AccessToken,
    ports::{Clock, TeamsTokenExchange},
    secret::Secret,
};

use crate::{AcsIdentityClient, Answered, Cause};

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
