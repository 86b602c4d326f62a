//! The operations of the service. Each takes a call and returns a result or a refusal.

mod assignments;
mod call;
mod create_identity;
mod delete_identity;
mod exchange_phone_access;
mod exchange_teams_token;
mod issue_access_token;
mod revoke_access_tokens;
mod validation;

use hyper::StatusCode;

pub(crate) use self::call::{OperationCall, OperationError, OperationSuccess};
use crate::api::RouteMatch;

/// Executes the operation of `route`.
pub(crate) fn perform(
    route: &RouteMatch,
    call: &OperationCall<'_>,
) -> Result<OperationSuccess, OperationError> {
    match route {
        RouteMatch::CreateIdentity => create_identity::perform(call),
        RouteMatch::IssueAccessToken(id) => issue_access_token::perform(call, id),
        RouteMatch::RevokeAccessTokens(id) => revoke_access_tokens::perform(call, id),
        RouteMatch::DeleteIdentity(id) => delete_identity::perform(call, id),
        RouteMatch::ExchangeTeamsToken => exchange_teams_token::perform(call),
        RouteMatch::ExchangePhoneAccess => exchange_phone_access::perform(call),
        RouteMatch::Assignment(verb, key) => assignments::perform(call, *verb, key),
        RouteMatch::Unknown => Err(OperationError::NoSuchRoute(StatusCode::NOT_FOUND)),
        RouteMatch::WrongMethod => Err(OperationError::NoSuchRoute(StatusCode::METHOD_NOT_ALLOWED)),
    }
}
