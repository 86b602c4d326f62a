//! `POST /v1/token/teams`: exchanges a Teams user's Entra token for an ACS token. The token must
//! belong to the caller.

use acs_secret::{AcsResources, SecretArn};
use api_types::{ProblemType, TokenOutput};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use identity_core::exchange_teams_token::{
    EntraUser, Exchange, ExchangeTeamsTokenRequest, UnverifiedClaims, exchange_teams_token,
};
use identity_core::identity::AcsId;
use identity_core::ports::{Clock, IdentityStore, TeamsTokenExchange};
use identity_core::secret::Secret;
use identity_store::{DynamoIdentityStore, Tables};
use lambda_edge::config::{ConfigError, Env, optional, process_env};
use lambda_edge::{
    Access, ApiResponse, Caller, Problem, ServiceEdge, invocation, json, run, serve, system_clock,
    telemetry,
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
    let claims = unverified(&token).ok_or(ProblemType::TEAMS_TOKEN_MALFORMED)?;
    let (user, bearer) = (caller.user().clone(), caller.bearer());
    let caller = entra_user(access, &caller);
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

/// The user at Entra. Without these claims, no token belongs to the caller.
///
/// Any issuer can put them into its tokens, so they count only if the operator chose that issuer as
/// the main one, or if Entra itself issued the bearer, for a user of that tenant.
fn entra_user(access: &Access, caller: &Caller) -> EntraUser {
    let claim = |name: &str| caller.claims().text(name).unwrap_or_default().into_owned();
    let (issuer, oid, tid) = (claim("iss"), claim("oid"), claim("tid"));
    let is_of_entra = ENTRA.iter().any(|(before, after)| {
        let rest = issuer.strip_prefix(before);
        rest.and_then(|rest| rest.strip_suffix(after)) == Some(tid.as_str())
    });
    if access.is_of_main_issuer(caller) || is_of_entra {
        EntraUser { oid, tid }
    } else {
        EntraUser { oid: String::new(), tid: String::new() }
    }
}

/// What is before and after the tenant in the issuers of Entra: v2.0 tokens, v1.0 tokens, and those
/// of the clouds for the government of the USA and for China.
const ENTRA: [(&str, &str); 5] = [
    ("https://login.microsoftonline.com/", "/v2.0"),
    ("https://sts.windows.net/", "/"),
    ("https://login.microsoftonline.us/", "/v2.0"),
    ("https://login.partner.microsoftonline.cn/", "/v2.0"),
    ("https://sts.chinacloudapi.cn/", "/"),
];

/// The claims of a JWT, without verification.
fn unverified(token: &str) -> Option<UnverifiedClaims> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    parts.next().is_none().then(|| serde_json::from_slice(&payload).ok())?
}

#[cfg(test)]
mod tests;
