//! The operations of the service. Each takes a call and returns a result or a refusal.

mod assignments;
pub(crate) mod call;
mod create_identity;
mod delete_identity;
mod exchange_phone_access;
mod exchange_teams_token;
mod issue_access_token;
mod revoke_access_tokens;
mod validation;

use hyper::StatusCode;

use self::call::{Call, Failure, Success};
use crate::api::route::Route;

/// Executes the operation of `route`.
pub(crate) fn perform(route: &Route, call: &Call<'_>) -> Result<Success, Failure> {
    match route {
        Route::CreateIdentity => create_identity::perform(call),
        Route::IssueAccessToken(id) => issue_access_token::perform(call, id),
        Route::RevokeAccessTokens(id) => revoke_access_tokens::perform(call, id),
        Route::DeleteIdentity(id) => delete_identity::perform(call, id),
        Route::ExchangeTeamsToken => exchange_teams_token::perform(call),
        Route::ExchangePhoneAccess => exchange_phone_access::perform(call),
        Route::Assignment(verb, key) => assignments::perform(call, *verb, key),
        Route::Unknown => Err(Failure::NoSuchRoute(StatusCode::NOT_FOUND)),
        Route::WrongMethod => Err(Failure::NoSuchRoute(StatusCode::METHOD_NOT_ALLOWED)),
    }
}
