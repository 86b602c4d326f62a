//! `POST /v1/token/teams`: exchanges a Teams user's Entra token for an ACS token. The token must
//! belong to the caller.

use acs_secret::{AcsResources, SecretArn};
use api_types::{ProblemType, TokenOutput};
use identity_core::exchange_teams_token::{
    Exchange, ExchangeTeamsTokenRequest, UnverifiedClaims, exchange_teams_token,
};
use identity_core::identity::AcsId;
use identity_core::ports::{Clock, IdentityStore, TeamsTokenExchange};
use identity_core::secret::Secret;
use identity_store::{DynamoIdentityStore, Tables};
use lambda_edge::config::{ConfigError, Env, optional, process_env};
use lambda_edge::{
    Access, ApiResponse, Problem, ServiceEdge, invocation, json, run, serve, system_clock,
    telemetry, unverified_claims,
};
use lambda_http::{Error, Request, http::StatusCode};
use serde::Deserialize;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = Config::from_env(&process_env)?;
    let (store, acs, key) = tokio::join!(
        DynamoIdentityStore::connect(config.tables),
        config.acs.connect_first(system_clock()),
        aws_secrets::key(config.caller_key)
    );
    let (acs, edge) = (acs?, ServiceEdge::new(key, config.access.subject_claims()));
    let (access, clock) = (config.access, system_clock());
    run(async |request| {
        let response = handle(&store, &acs, &clock, &access, &request);
        serve("ExchangeTeamsUserAccessToken", &clock, &edge, &request, response).await
    })
    .await
}

/// The configuration from the environment.
struct Config {
    tables: Tables,
    acs: AcsResources,
    caller_key: Option<SecretArn>,
    access: Access,
}

impl Config {
    fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        Ok(Self {
            tables: Tables::read_only(env)?,
            acs: AcsResources::from_env(env)?,
            caller_key: optional(env, "CALLER_HASH_SECRET_ARN")?,
            access: Access::from_env(env)?,
        })
    }
}

/// The request body. It names no user, because the token must belong to the caller.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Input {
    token: String,
    app_id: String,
}

pub(crate) async fn handle(
    store: &impl IdentityStore,
    acs: &impl TeamsTokenExchange,
    clock: &impl Clock,
    access: &Access,
    request: &Request,
) -> Result<ApiResponse, Problem> {
    let caller = access.user(request)?;
    let Input { token, app_id } = json(request)?;
    let claims: Option<UnverifiedClaims> = unverified_claims(&token);
    let claims = claims.ok_or(ProblemType::TEAMS_TOKEN_MALFORMED)?;
    let (user, bearer) = (caller.user().clone(), caller.bearer());
    let caller = access.entra_user(&caller);
    let acs_id = AcsId::parse(&format!("8:orgid:{}", caller.oid));
    let token = Secret::new(token);
    let invocation = invocation(request, clock);
    let exchange = Exchange { token, claims, app_id, caller, invocation };
    let request = ExchangeTeamsTokenRequest { exchange, user, bearer };
    let token = exchange_teams_token(store, acs, clock, request).await?;
    let acs_id = acs_id.ok_or(ProblemType::TEAMS_TOKEN_MALFORMED)?;
    let output = TokenOutput::new(&token, &acs_id, clock.now());
    Ok(ApiResponse::json(StatusCode::OK, &output)?.about(Some(&acs_id)))
}

#[cfg(test)]
mod tests;
