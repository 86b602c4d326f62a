//! `POST /v1/token/teams-phone`: exchanges the caller's Entra token for a token of Teams Phone.
//! `GET|PUT|DELETE /v1/teams-phone/assignments/{tenant}/{object}`: an administrator shows, makes or
//! ends the assignment of a user or a resource account to Teams Phone. `GET
//! /v1/teams-phone/assignments` lists those of the inventory, because ACS cannot.

mod exchange;
mod input;
mod list;
mod rules;

use acs_secret::{AcsResources, SecretArn};
use api_types::{PhoneAssignmentOutput, ProblemType};
use identity_core::administrator::Administrator;
use identity_core::audit::Actor;
use identity_core::phone::{PhonePrincipal, PhoneSettings};
use identity_core::ports::{Clock, IdentityStore, PhoneInventory, TeamsPhoneClient};
use identity_core::teams_phone::{
    AssignPhoneRequest, Assignee, PhoneDrift, UnassignPhoneRequest, VerifiedEntry, assign_phone,
    unassign_phone, verify_phone_assignment,
};
use identity_store::{DynamoIdentityStore, Tables};
use lambda_edge::config::{ConfigError, Env, optional, process_env};
use lambda_edge::{
    ApiResponse, Problem, ServiceEdge, invocation, json, run, serve, system_clock, telemetry,
};
use lambda_http::http::{Method, StatusCode};
use lambda_http::{Error, Request, RequestExt};

use crate::exchange::FetchedEntraKeys;
use crate::rules::PhoneRules;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = Config::from_env(&process_env)?;
    let (store, acs, key) = tokio::join!(
        DynamoIdentityStore::connect(config.tables),
        config.acs.connect_first(system_clock()),
        aws_secrets::key(config.caller_key)
    );
    let edge = ServiceEdge::new(key, config.rules.access.subject_claims());
    let (rules, clock) = (config.rules, system_clock());
    let acs = acs?.spelling_resource_accounts(rules.resource_account_name());
    let keys = FetchedEntraKeys::new(rules.settings.as_ref())?;
    run(async |request: Request| {
        let name = operation(&request);
        if is_exchange(&request) {
            let response = exchange::exchange(&store, &acs, &clock, &keys, &rules, &request);
            serve(name, &clock, &edge, &request, response).await
        } else {
            let response = administer(&store, &acs, &clock, &rules, &request);
            serve(name, &clock, &edge, &request, response).await
        }
    })
    .await
}

/// The configuration from the environment.
struct Config {
    tables: Tables,
    acs: AcsResources,
    caller_key: Option<SecretArn>,
    rules: PhoneRules,
}

impl Config {
    fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        Ok(Self {
            tables: Tables::from_env(env)?,
            acs: AcsResources::from_env(env)?,
            caller_key: optional(env, "CALLER_HASH_SECRET_ARN")?,
            rules: PhoneRules::from_env(env)?,
        })
    }
}

/// Serves the routes of administrators.
pub(crate) async fn administer<S: IdentityStore + PhoneInventory>(
    store: &S,
    acs: &impl TeamsPhoneClient,
    clock: &impl Clock,
    rules: &PhoneRules,
    request: &Request,
) -> Result<ApiResponse, Problem> {
    let condition = rules.settings.as_ref().and_then(PhoneSettings::administrators);
    let by = rules.access.administrator_with(condition, store, clock, request).await?;
    let settings = rules.settings()?;
    if is_list(request) {
        return list::list(store, clock, request).await;
    }
    let principal = principal(request).ok_or(ProblemType::TEAMS_PHONE_NO_ASSIGNMENT)?;
    match *request.method() {
        Method::PUT => {
            let order = assignment(rules, principal, by, clock, request)?;
            let entry = assign_phone(store, acs, clock, settings, &order).await?;
            let output = PhoneAssignmentOutput::of(&entry, clock.now());
            ApiResponse::json(StatusCode::OK, &output)
        }
        Method::DELETE => {
            let order = UnassignPhoneRequest {
                principal,
                user: None,
                by: Actor::Administrator(by.id().clone()),
                requested_until: None,
                invocation: invocation(request, clock),
            };
            unassign_phone(store, acs, clock, &order).await?;
            Ok(ApiResponse::empty())
        }
        _ => show(store, acs, clock, &principal, request).await,
    }
}

/// The order of an administrator to assign.
fn assignment(
    rules: &PhoneRules,
    principal: PhonePrincipal,
    by: Administrator,
    clock: &impl Clock,
    request: &Request,
) -> Result<AssignPhoneRequest, Problem> {
    let (assignment, user) = json::<input::Input>(request)?.into_assignment(principal)?;
    let user = user.map(|user| rules.access.resolve(user)).transpose()?;
    let (by, invocation) = (Assignee::Administrator(by), invocation(request, clock));
    Ok(AssignPhoneRequest { assignment, user, by, invocation })
}

/// Shows an assignment in the inventory and at ACS.
async fn show(
    store: &impl PhoneInventory,
    acs: &impl TeamsPhoneClient,
    clock: &impl Clock,
    principal: &PhonePrincipal,
    request: &Request,
) -> Result<ApiResponse, Problem> {
    let invocation = invocation(request, clock);
    let found = verify_phone_assignment(store, acs, clock, principal, &invocation).await?;
    let VerifiedEntry { entry, at_acs, drift } = &found;
    if entry.is_none() && at_acs.is_none() {
        return Err(ProblemType::TEAMS_PHONE_NO_ASSIGNMENT.into());
    }
    let output = PhoneAssignmentOutput::compared(
        principal,
        entry.as_ref(),
        at_acs.as_ref(),
        drift.map(PhoneDrift::as_str),
        clock.now(),
    );
    ApiResponse::json(StatusCode::OK, &output)
}

/// The name of the operation in logs and metrics.
fn operation(request: &Request) -> &'static str {
    match *request.method() {
        _ if is_exchange(request) => "ExchangeTeamsExtensionToken",
        Method::PUT => "PutTeamsExtensionAssignment",
        Method::DELETE => "DeleteTeamsExtensionAssignment",
        _ if is_list(request) => "ListTeamsExtensionAssignments",
        _ => "GetTeamsExtensionAssignment",
    }
}

/// Whether the request is for a token: no other route has this method.
fn is_exchange(request: &Request) -> bool {
    *request.method() == Method::POST
}

/// Whether the request is about all assignments: then its path has no parameters.
fn is_list(request: &Request) -> bool {
    let parameters = request.path_parameters_ref();
    parameters.is_none_or(|parameters| parameters.first("tenant").is_none())
}

/// The principal in the path.
fn principal(request: &Request) -> Option<PhonePrincipal> {
    let parameters = request.path_parameters_ref()?;
    let guid = |name| parameters.first(name)?.parse().ok();
    Some(PhonePrincipal { tenant_id: guid("tenant")?, object_id: guid("object")? })
}

#[cfg(test)]
mod tests;
