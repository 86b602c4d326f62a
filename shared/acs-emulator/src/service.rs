//! Processes one request of the identity API, from its bytes to its response.

use std::time::Duration;

use hyper::{HeaderMap, Method, Uri};
use tracing::warn;

use crate::answer::{self, Answer};
use crate::api_version::{self, ApiVersion};
use crate::entra::{self, EntraClaims};
use crate::error::ApiError;
use crate::faults::Strike;
use crate::keys::KeyMark;
use crate::limits;
use crate::operation::Operation;
use crate::operations::{self, Call, Failure, Success};
use crate::payload::Payload;
use crate::request_body::RequestBody;
use crate::request_log::Entry;
use crate::resource::Resource;
use crate::route::{Route, Verb};
use crate::signature::{self, SignedRequest};
use crate::timestamp::date_time_offset;

/// A request with its complete body.
pub(crate) struct Request {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

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

    let caller = match authenticated(resource, request, &route) {
        Ok(caller) => caller,
        Err(refusal) => {
            noted(Some(refusal.status.as_u16()), None, None);
            return Reply::Answer(answer::of(&route, Err(refusal.into())));
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
    let answer = answer::of(&route, outcome);
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
        Strike::WrongJson => return Reply::Answer(answer::misshapen(answer)),
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
            Some(answer::of_fault(*status, retry_after.as_deref(), body.clone()))
        }
        Strike::Html { status, .. } => Some(answer::proxy_page(*status)),
        _ => None,
    }
}

/// The refusal of a call above the operation's limit.
fn throttled(resource: &Resource, operation: Operation, route: &Route) -> Option<Answer> {
    if !resource.options.limits {
        return None;
    }
    let wait = resource.limits.admit(operation, resource.clock.now()).err()?;
    Some(limits::refusal(route, resource.options.retry_after.then_some(wait)))
}

/// The caller.
struct Caller {
    /// The access key that signed the request, if there is one.
    key: KeyMark,
    /// The user whose token it is, on the routes that users call with their own tokens.
    user: Option<EntraClaims>,
}

/// Authenticates the caller: a user by their own token, if the route is for users; otherwise an
/// operator by a key or an Entra role of the resource.
fn authenticated(
    resource: &Resource,
    request: &Request,
    route: &Route,
) -> Result<Caller, ApiError> {
    let entra = &resource.entra;
    let bearer = entra::bearer(&request.headers);
    let user = match (route, bearer) {
        (Route::ExchangePhoneAccess, Some(token)) => {
            entra.phone_user(token, resource.clock.now()).map(Some)
        }
        (Route::ExchangePhoneAccess, None) => Err(entra::Refusal::NoBearer),
        (_, Some(token)) => entra.operator(token, resource.clock.signing_now()).map(|_| None),
        (_, None) => {
            return verified(resource, request).map(|key| Caller { key, user: None });
        }
    };
    // The request has no key, so no regeneration ends its tokens.
    user.map(|user| Caller { key: KeyMark::default(), user }).map_err(|refusal| {
        warn!(
            http.method = %request.method,
            http.path = request.uri.path(),
            reason = %refusal,
            "refused a bearer: {refusal}"
        );
        ApiError::denied("Denied by the resource provider.")
    })
}

/// The access key that signed the request.
fn verified(resource: &Resource, request: &Request) -> Result<KeyMark, ApiError> {
    let target = request.uri.path_and_query().map_or("/", |target| target.as_str());
    let signed = SignedRequest {
        method: request.method.as_str(),
        target,
        headers: &request.headers,
        body: &request.body,
    };
    let (ring, now) = (resource.keys.now(), resource.clock.signing_now());
    signature::verify_with_ring(&signed, &ring, now, resource.rules).map_err(|refusal| {
        warn!(
            http.method = %request.method,
            http.path = request.uri.path(),
            reason = %refusal,
            "refused a request: {refusal}"
        );
        refusal.answer()
    })
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
        api_version: api_version::parameter(request.uri.query()),
        scopes: requested_scopes(route, body),
        expires_in_minutes: minutes.map(i64::from),
        fault: None,
    }
}
