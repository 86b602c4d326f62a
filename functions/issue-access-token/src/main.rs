//! `GET|POST /v1/token`: issues an access token for the caller's own identity, which the first
//! call creates. `POST /v1/identities/{id}/token`: issues one for an identity that an
//! administrator names.

use acs_secret::{AcsResources, SecretArn};
use api_types::TokenOutput;
use identity_core::admission::TokenPace;
use identity_core::issue_access_token::{
    IssueAccessTokenRequest, IssuedToken, TokenSubject, issue_access_token,
};
use identity_core::policy::{Grant, Policy};
use identity_core::ports::{Clock, IdentityClients, IdentityStore};
use identity_store::{DynamoIdentityStore, Tables};
use lambda_edge::config::{ConfigError, Env, optional, pace, policy, process_env};
use lambda_edge::{
    Access, Addressed, ApiResponse, Problem, ServiceEdge, TokenInput, invocation, json, run, serve,
    system_clock, telemetry,
};
use lambda_http::http::{Method, StatusCode};
use lambda_http::{Error, Request};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = Config::from_env(&process_env)?;
    let (store, acs, key) = tokio::join!(
        DynamoIdentityStore::connect(config.tables),
        config.acs.connect(system_clock()),
        aws_secrets::key(config.caller_key)
    );
    let acs = acs?;
    config.rules.policy.check_resources(&acs)?;
    let (acs, edge) = (acs, ServiceEdge::new(key, config.rules.access.subject_claims()));
    let (rules, clock) = (config.rules, system_clock());
    run(async |request| {
        let response = handle(&store, &acs, &clock, &rules, &request);
        serve("CreateToken", &clock, &edge, &request, response).await
    })
    .await
}

/// The configuration from the environment.
struct Config {
    tables: Tables,
    acs: AcsResources,
    caller_key: Option<SecretArn>,
    rules: IssuanceRules,
}

/// The rules for access and grants.
pub(crate) struct IssuanceRules {
    access: Access,
    policy: Policy,
    pace: Option<TokenPace>,
}

impl IssuanceRules {
    pub(crate) fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        Ok(Self {
            access: Access::from_env(env)?,
            policy: policy(env, "POLICY")?,
            pace: pace(env, "PACE_PER_MINUTE")?,
        })
    }
}

impl Config {
    fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        Ok(Self {
            tables: Tables::from_env(env)?,
            acs: AcsResources::from_env(env)?,
            caller_key: optional(env, "CALLER_HASH_SECRET_ARN")?,
            rules: IssuanceRules::from_env(env)?,
        })
    }
}

pub(crate) async fn handle(
    store: &impl IdentityStore,
    acs: &impl IdentityClients,
    clock: &impl Clock,
    rules: &IssuanceRules,
    request: &Request,
) -> Result<ApiResponse, Problem> {
    // An administrator may request everything that ACS supports; the policy limits all other
    // callers.
    let (subject, grant, default) = match rules.access.addressed(store, clock, request).await? {
        Addressed::Named(identity, by) => {
            (TokenSubject::Identity { identity, by }, &Grant::everything(), None)
        }
        Addressed::Own(caller) => {
            let (user, bearer) = (caller.user().clone(), caller.bearer());
            let grant = rules.policy.grant(caller.claims());
            let default = grant.default_lifetime(&user);
            let resource = grant.resource().cloned();
            let subject = TokenSubject::Caller { user, bearer, pace: rules.pace, resource };
            (subject, grant, Some(default))
        }
    };
    // The body of a GET request is ignored.
    let input =
        if request.method() == Method::GET { TokenInput::default() } else { json(request)? };
    let token = grant.decide(input.scopes()?, input.lifetime()?.or(default))?;
    let scopes = token.scopes.clone();
    let invocation = invocation(request, clock);
    let request = IssueAccessTokenRequest { subject, token, invocation };
    let IssuedToken { acs_id, token, .. } = issue_access_token(store, acs, clock, request).await?;
    let output = TokenOutput::new(&token, &acs_id, clock.now());
    Ok(ApiResponse::json(StatusCode::OK, &output)?.about(Some(&acs_id)).granting(scopes))
}

#[cfg(test)]
mod tests;
