//! `POST /v1/token/teams`: a Teams user's Entra token for an ACS token. It must be the
//! caller's own.

use acs_secret::AcsResource;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use identity_core::{
    exchange_teams_token::{self, EntraUser, UnverifiedClaims, exchange_teams_token},
    identity::AcsId,
    ports::{Clock, TeamsTokenExchange},
    secret::Secret,
};
use lambda_edge::{
    Answer, Caller, Problem, SystemClock, TokenOutput,
    config::{ConfigError, Env, process_env, required},
    invocation, json, serve, telemetry,
};
use lambda_http::{Error, Request, http::StatusCode, run, service_fn};
use serde::Deserialize;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = Config::from_env(&process_env)?;
    let acs = config.acs.connect(SystemClock).await?;
    let (scope, clock) = (config.token_scope, SystemClock);
    run(service_fn(async |request| {
        let answer = handle(&acs, &clock, &scope, &request);
        serve("ExchangeTeamsUserAccessToken", &clock, &request, answer).await
    }))
    .await
}

/// What the environment says.
struct Config {
    acs: AcsResource,
    token_scope: String,
}

impl Config {
    fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        Ok(Self {
            acs: AcsResource {
                secret: required(env, "ACS_SECRET_ARN")?,
                api_version: required(env, "ACS_API_VERSION")?,
            },
            token_scope: required(env, "TOKEN_SCOPE")?,
        })
    }
}

/// The request body. Whose token it is cannot be said: it is the caller's.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Input {
    token: String,
    app_id: String,
}

async fn handle(
    acs: &impl TeamsTokenExchange,
    clock: &impl Clock,
    token_scope: &str,
    request: &Request,
) -> Result<Answer, Problem> {
    let caller = Caller::of(request)?.with_scope(token_scope)?;
    let Input { token, app_id } = json(request)?;
    let claims = unverified(&token).ok_or(Problem::TEAMS_TOKEN_MALFORMED)?;
    // Somebody whom another identity provider vouches for has no such claims, and so
    // no token is theirs.
    let claim = |name: &str| caller.claims().get(name).cloned().unwrap_or_default();
    let caller = EntraUser { oid: claim("oid"), tid: claim("tid") };
    let acs_id = AcsId::parse(&format!("8:orgid:{}", caller.oid));
    let token = Secret::new(token);
    let invocation = invocation(request, clock);
    let request = exchange_teams_token::Request { token, claims, app_id, caller, invocation };
    let token = exchange_teams_token(acs, clock, request).await?;
    let acs_id = acs_id.ok_or(Problem::TEAMS_TOKEN_MALFORMED)?;
    let output = TokenOutput::new(&token, &acs_id, clock.now());
    Ok(Answer::json(StatusCode::OK, &output)?.about(Some(&acs_id)))
}

/// What a JWT says, without asking whether it is true.
fn unverified(token: &str) -> Option<UnverifiedClaims> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    parts.next().is_none().then(|| serde_json::from_slice(&payload).ok())?
}

#[cfg(test)]
mod tests;
