//! Processes one request of the identity API, from its bytes to its response.

use std::time::Duration;

use super::response::{self, Answer};
use super::response_body::Payload;
use crate::api::error::ApiError;
use crate::api::http_request::Request;
use crate::api::operation::Operation;
use crate::api::request_body::RequestBody;
use crate::api::route::{Route, Verb};
use crate::api::service_version::{self, ApiVersion};
use crate::api::timestamp::date_time_offset;
use crate::auth::authenticator::Caller;
use crate::operations;
use crate::operations::call::{Call, Failure, Success};
use crate::resource::Resource;
use crate::state::faults::Strike;
use crate::state::request_log::Entry;

/// What the connection must do.
pub(crate) enum Reply {
    Answer(Answer),
    /// Close the connection without sending a byte.
    Reset,
}

/// Handles a request of the API.
///
/// The order is the caller's signature, the limit, the fault script, the api-version, the
/// operation. So a fault counts only the calls that are authenticated and within the limit.
pub(crate) async fn handle(resource: &Resource, request: &Request) -> Reply {
    let route = Route::of(&request.method, request.uri.path());
    let body = RequestBody::parse(&request.body);
    let operation = operation(&route, body.as_ref().ok());
    let mut entry = entry(resource, request, operation, &route, body.as_ref().ok());
    let mut noted = |status: Option<u16>, fault, identity: Option<String>| {
        entry.status = status;
        entry.fault = fault;
        entry.identity = identity.or(entry.identity.take());
        resource.requests.push(operation, entry.clone());
    };

    let caller =
        match resource.auth.authenticate(request, &route, &resource.keys.now(), &resource.clock) {
            Ok(caller) => caller,
            Err(refusal) => {
                noted(Some(refusal.status.as_u16()), None, None);
                return Reply::Answer(response::of(&route, Err(refusal.into())));
            }
        };
    if let Some(answer) = throttled(resource, operation, &route) {
        noted(Some(answer.status().as_u16()), None, None);
        return Reply::Answer(answer);
    }
    let strike = resource.faults.strike(operation);
    let fault = strike.as_ref().map(Strike::name);
    if let Some(strike) = strike.as_ref().filter(|strike| strike.prevents()) {
        let reply = instead(strike);
        noted(reply.as_ref().map(|answer| answer.status().as_u16()), fault, None);
        return reply.map_or(Reply::Reset, Reply::Answer);
    }

    let outcome = perform(resource, request, &route, &body, &caller);
    let identity = outcome.as_ref().ok().and_then(|success| success.identity.as_ref());
    let identity = identity.map(|identity| identity.as_str().to_owned());
    let answer = response::of(&route, outcome);
    noted(Some(answer.status().as_u16()), fault, identity);
    after_effect(resource, strike.as_ref(), answer).await
}

/// Applies the faults that follow the operation.
async fn after_effect(resource: &Resource, strike: Option<&Strike>, answer: Answer) -> Reply {
    let Some(strike) = strike else { return Reply::Answer(answer) };
    match strike {
        Strike::Delay { ms } => tokio::time::sleep(Duration::from_millis(*ms)).await,
        Strike::Hold => resource.faults.released().await,
        Strike::SlowBytes { ms } => {
            let every = Duration::from_millis(*ms);
            return Reply::Answer(answer.map(|body| body.slowly(every)));
        }
        Strike::WrongJson => return Reply::Answer(response::misshapen(answer)),
        Strike::HalfBody => return Reply::Answer(answer.map(Payload::cut)),
        Strike::Status { .. } | Strike::Html { .. } | Strike::ResetBefore | Strike::ResetAfter => {
            return instead(strike).map_or(Reply::Reset, Reply::Answer);
        }
    }
    Reply::Answer(answer)
}

/// The response of a fault in place of the service's response, if there is one.
fn instead(strike: &Strike) -> Option<Answer> {
    match strike {
        Strike::Status { status, retry_after, body, .. } => {
            Some(response::of_fault(*status, retry_after.as_deref(), body.clone()))
        }
        Strike::Html { status, .. } => Some(response::proxy_page(*status)),
        _ => None,
    }
}

/// The refusal of a call above the operation's limit.
fn throttled(resource: &Resource, operation: Operation, route: &Route) -> Option<Answer> {
    if resource.options.no_limits {
        return None;
    }
    let wait = resource.limits.admit(operation, resource.clock.now()).err()?;
    Some(response::of_limit(route, (!resource.options.no_retry_after).then_some(wait)))
}

fn perform(
    resource: &Resource,
    request: &Request,
    route: &Route,
    body: &Result<RequestBody, ApiError>,
    caller: &Caller,
) -> Result<Success, Failure> {
    let version = match route {
        Route::Unknown | Route::WrongMethod => Ok(ApiVersion::V2021_03_07),
        _ => ApiVersion::of(route, request.uri.path(), request.uri.query()),
    }?;
    let body = body.as_ref().map_err(ApiError::clone);
    let Caller { key, user } = caller;
    let now = resource.clock.now();
    let call = Call { resource, version, now, key: *key, body, user: user.as_ref() };
    operations::perform(route, &call)
}

fn operation(route: &Route, body: Option<&RequestBody>) -> Operation {
    match route {
        Route::CreateIdentity => match requested_scopes(route, body) {
            Some(scopes) if !scopes.is_empty() => Operation::CreateIdentityWithToken,
            _ => Operation::CreateIdentity,
        },
        Route::IssueAccessToken(_) => Operation::IssueAccessToken,
        Route::RevokeAccessTokens(_) => Operation::RevokeAccessTokens,
        Route::DeleteIdentity(_) => Operation::DeleteIdentity,
        Route::ExchangeTeamsToken => Operation::ExchangeTeamsUserAccessToken,
        Route::ExchangePhoneAccess => Operation::ExchangeTeamsExtensionAccessToken,
        Route::Assignment(Verb::Get, _) => Operation::GetTeamsExtensionAssignment,
        Route::Assignment(Verb::Put, _) => Operation::PutTeamsExtensionAssignment,
        Route::Assignment(Verb::Delete, _) => Operation::DeleteTeamsExtensionAssignment,
        Route::Unknown | Route::WrongMethod => Operation::BadRoute,
    }
}

fn requested_scopes(route: &Route, body: Option<&RequestBody>) -> Option<Vec<String>> {
    let member = match route {
        Route::CreateIdentity => "createTokenWithScopes",
        Route::IssueAccessToken(_) => "scopes",
        _ => return None,
    };
    body?.scopes(member, member).ok().flatten()
}

fn entry(
    resource: &Resource,
    request: &Request,
    operation: Operation,
    route: &Route,
    body: Option<&RequestBody>,
) -> Entry {
    let minutes = body.and_then(|body| body.expires_in_minutes().ok()?);
    Entry {
        operation: operation.name(),
        status: None,
        at: date_time_offset(resource.clock.now()),
        identity: route.identity().map(str::to_owned),
        api_version: service_version::parameter(request.uri.query()),
        scopes: requested_scopes(route, body),
        expires_in_minutes: minutes.map(i64::from),
        fault: None,
    }
}
