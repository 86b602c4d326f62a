//! Processes one request of the identity API, from its bytes to its response.

use std::time::Duration;

use super::response::{self, HttpResponse};
use super::response_body::ResponseBody;
use crate::api::{
    ApiError, HttpRequest, Operation, RequestBody, RouteMatch, ServiceVersion, Verb,
    date_time_offset, service_version,
};
use crate::auth::AuthenticatedCaller;
use crate::operations::{self, OperationCall, OperationError, OperationSuccess};
use crate::resource::Resource;
use crate::state::{FaultTrigger, LoggedRequest};

/// What the connection must do.
pub(crate) enum EmulatorReply {
    Response(HttpResponse),
    /// Close the connection without sending a byte.
    Reset,
}

/// Handles a request of the API.
///
/// The order is the caller's signature, the limit, the fault script, the api-version, the
/// operation. So a fault counts only the calls that are authenticated and within the limit.
pub(crate) async fn handle(resource: &Resource, request: &HttpRequest) -> EmulatorReply {
    let route = RouteMatch::of(&request.method, request.uri.path());
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
                return EmulatorReply::Response(response::of(&route, Err(refusal.into())));
            }
        };
    if let Some(response) = throttled(resource, operation, &route) {
        noted(Some(response.status().as_u16()), None, None);
        return EmulatorReply::Response(response);
    }
    let strike = resource.faults.strike(operation);
    let fault = strike.as_ref().map(FaultTrigger::name);
    if let Some(strike) = strike.as_ref().filter(|strike| strike.prevents()) {
        let reply = instead(strike);
        noted(reply.as_ref().map(|response| response.status().as_u16()), fault, None);
        return reply.map_or(EmulatorReply::Reset, EmulatorReply::Response);
    }

    let outcome = perform(resource, request, &route, &body, &caller);
    let identity = outcome.as_ref().ok().and_then(|success| success.identity.as_ref());
    let identity = identity.map(|identity| identity.as_str().to_owned());
    let response = response::of(&route, outcome);
    noted(Some(response.status().as_u16()), fault, identity);
    after_effect(resource, strike.as_ref(), response).await
}

/// Applies the faults that follow the operation.
async fn after_effect(
    resource: &Resource,
    strike: Option<&FaultTrigger>,
    response: HttpResponse,
) -> EmulatorReply {
    let Some(strike) = strike else { return EmulatorReply::Response(response) };
    match strike {
        FaultTrigger::Delay { ms } => tokio::time::sleep(Duration::from_millis(*ms)).await,
        FaultTrigger::Hold => resource.faults.released().await,
        FaultTrigger::SlowBytes { ms } => {
            let every = Duration::from_millis(*ms);
            return EmulatorReply::Response(response.map(|body| body.slowly(every)));
        }
        FaultTrigger::WrongJson => return EmulatorReply::Response(response::misshapen(response)),
        FaultTrigger::HalfBody => return EmulatorReply::Response(response.map(ResponseBody::cut)),
        FaultTrigger::Status { .. }
        | FaultTrigger::Html { .. }
        | FaultTrigger::ResetBefore
        | FaultTrigger::ResetAfter => {
            return instead(strike).map_or(EmulatorReply::Reset, EmulatorReply::Response);
        }
    }
    EmulatorReply::Response(response)
}

/// The response of a fault in place of the service's response, if there is one.
fn instead(strike: &FaultTrigger) -> Option<HttpResponse> {
    match strike {
        FaultTrigger::Status { status, retry_after, body, .. } => {
            Some(response::of_fault(*status, retry_after.as_deref(), body.clone()))
        }
        FaultTrigger::Html { status, .. } => Some(response::proxy_page(*status)),
        _ => None,
    }
}

/// The refusal of a call above the operation's limit.
fn throttled(
    resource: &Resource,
    operation: Operation,
    route: &RouteMatch,
) -> Option<HttpResponse> {
    if resource.options.no_limits {
        return None;
    }
    let wait = resource.limits.admit(operation, resource.clock.now()).err()?;
    Some(response::of_limit(route, (!resource.options.no_retry_after).then_some(wait)))
}

fn perform(
    resource: &Resource,
    request: &HttpRequest,
    route: &RouteMatch,
    body: &Result<RequestBody, ApiError>,
    caller: &AuthenticatedCaller,
) -> Result<OperationSuccess, OperationError> {
    let version = match route {
        RouteMatch::Unknown | RouteMatch::WrongMethod => Ok(ServiceVersion::V2021_03_07),
        _ => ServiceVersion::of(route, request.uri.path(), request.uri.query()),
    }?;
    let body = body.as_ref().map_err(ApiError::clone);
    let AuthenticatedCaller { key, user } = caller;
    let now = resource.clock.now();
    let call = OperationCall { resource, version, now, key: *key, body, user: user.as_ref() };
    operations::perform(route, &call)
}

fn operation(route: &RouteMatch, body: Option<&RequestBody>) -> Operation {
    match route {
        RouteMatch::CreateIdentity => match requested_scopes(route, body) {
            Some(scopes) if !scopes.is_empty() => Operation::CreateIdentityWithToken,
            _ => Operation::CreateIdentity,
        },
        RouteMatch::IssueAccessToken(_) => Operation::IssueAccessToken,
        RouteMatch::RevokeAccessTokens(_) => Operation::RevokeAccessTokens,
        RouteMatch::DeleteIdentity(_) => Operation::DeleteIdentity,
        RouteMatch::ExchangeTeamsToken => Operation::ExchangeTeamsUserAccessToken,
        RouteMatch::ExchangePhoneAccess => Operation::ExchangeTeamsExtensionAccessToken,
        RouteMatch::Assignment(Verb::Get, _) => Operation::GetTeamsExtensionAssignment,
        RouteMatch::Assignment(Verb::Put, _) => Operation::PutTeamsExtensionAssignment,
        RouteMatch::Assignment(Verb::Delete, _) => Operation::DeleteTeamsExtensionAssignment,
        RouteMatch::Unknown | RouteMatch::WrongMethod => Operation::BadRoute,
    }
}

fn requested_scopes(route: &RouteMatch, body: Option<&RequestBody>) -> Option<Vec<String>> {
    let member = match route {
        RouteMatch::CreateIdentity => "createTokenWithScopes",
        RouteMatch::IssueAccessToken(_) => "scopes",
        _ => return None,
    };
    body?.scopes(member, member).ok().flatten()
}

fn entry(
    resource: &Resource,
    request: &HttpRequest,
    operation: Operation,
    route: &RouteMatch,
    body: Option<&RequestBody>,
) -> LoggedRequest {
    let minutes = body.and_then(|body| body.expires_in_minutes().ok()?);
    LoggedRequest {
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
