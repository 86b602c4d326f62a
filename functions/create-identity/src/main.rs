//! `POST /v1/identities`: creates an identity for a user whom an administrator names, optionally
//! with a token in the same request. Idempotent by the external ID.

use acs_secret::{AcsResources, SecretArn};
use api_types::{CreatedIdentityOutput, IdentityOutput, ProblemType, TokenOutput};
use identity_core::create_identity::{CreateIdentityRequest, create_identity};
use identity_core::identity::{ExternalId, Lifetime, TokenRequest};
use identity_core::ports::{Clock, IdentityClients, IdentityStore};
use identity_store::{DynamoIdentityStore, Tables};
use lambda_edge::config::{ConfigError, Env, optional, process_env};
use lambda_edge::{
    Access, ApiResponse, Object, Problem, ServiceEdge, TokenInput, invocation, json, run, serve,
    system_clock, telemetry,
};
use lambda_http::{Error, Request, http::StatusCode};
use serde::Deserialize;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = Config::from_env(&process_env)?;
    let (store, acs, key) = tokio::join!(
        DynamoIdentityStore::connect(config.tables),
        config.acs.connect(system_clock()),
        aws_secrets::key(config.caller_key)
    );
    let (acs, edge) = (acs?, ServiceEdge::new(key, config.access.subject_claims()));
    let (access, clock) = (config.access, system_clock());
    run(async |request| {
        let response = handle(&store, &acs, &clock, &access, &request);
        serve("CreateIdentity", &clock, &edge, &request, response).await
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
            tables: Tables::from_env(env)?,
            acs: AcsResources::from_env(env)?,
            caller_key: optional(env, "CALLER_HASH_SECRET_ARN")?,
            access: Access::from_env(env)?,
        })
    }
}

/// The request body.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Input {
    /// Our ID for the user; if absent, an ID is generated.
    external_id: Option<String>,
    /// The token to issue in the same request; if absent, no token is issued.
    token: Option<Object<TokenInput>>,
}

pub(crate) async fn handle(
    store: &impl IdentityStore,
    acs: &impl IdentityClients,
    clock: &impl Clock,
    access: &Access,
    request: &Request,
) -> Result<ApiResponse, Problem> {
    let by = access.administrator(store, clock, request).await?;
    let invocation = invocation(request, clock);
    let input = json::<Input>(request)?;
    // Unique, because Lambda's request IDs are unique.
    let name = input.external_id.unwrap_or_else(|| format!("generated|{}", invocation.id));
    let user = ExternalId::parse_named(&name).ok_or(ProblemType::INVALID_EXTERNAL_ID)?;
    let user = access.resolve(user)?;
    let token = input.token.map(|Object(token)| token_request(&token.at("/token"))).transpose()?;
    let scopes = token.as_ref().map(|token| token.scopes.clone());
    let request = CreateIdentityRequest { user, token, resource: None, by, invocation };
    let obtained = create_identity(store, acs, clock, request).await?;
    let status = if obtained.created { StatusCode::CREATED } else { StatusCode::OK };
    let output = CreatedIdentityOutput {
        identity: IdentityOutput::from(&obtained.record).in_resource(&obtained.record),
        access_token: obtained
            .token
            .map(|token| TokenOutput::new(&token, &obtained.acs_id, clock.now())),
    };
    let response = ApiResponse::json(status, &output)?.about(Some(&obtained.acs_id));
    Ok(match scopes {
        Some(scopes) => response.granting(scopes),
        None => response,
    })
}

/// An administrator must name the scopes; the default lifetime is one hour.
fn token_request(input: &TokenInput) -> Result<TokenRequest, Problem> {
    Ok(TokenRequest {
        scopes: input.scopes()?.ok_or_else(|| {
            let pointer = input.scopes_pointer();
            let detail = format!("missing field `scopes` at `{pointer}`");
            Problem::new(ProblemType::INVALID_SCOPES, detail)
        })?,
        lifetime: input.lifetime()?.unwrap_or(Lifetime::HOUR),
    })
}

#[cfg(test)]
mod tests;
