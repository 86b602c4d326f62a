//! `DELETE /v1/token`: sign-out, revokes the caller's own tokens.
//! `POST /v1/identities/{id}/revoke`: an administrator revokes somebody's, and can
//! block them.

use acs_secret::AcsResource;
use identity_core::{
    ports::{Clock, IdentityClient, IdentityStore},
    record::{By, Cause, Reason},
    revoke_access_tokens::{self, revoke_access_tokens},
};
use identity_store::DynamoIdentityStore;
use lambda_edge::{
    Addressed, Answer, Problem, ReceiptOutput, RouteScopes, SystemClock,
    config::{ConfigError, Env, process_env, required},
    invocation, json, serve, telemetry,
};
use lambda_http::{Error, Request, http::StatusCode, run, service_fn};
use serde::Deserialize;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = Config::from_env(&process_env)?;
    let (store, acs) =
        tokio::join!(DynamoIdentityStore::connect(config.table), config.acs.connect(SystemClock));
    let acs = acs?;
    let (scopes, clock) = (config.scopes, SystemClock);
    run(service_fn(async |request| {
        let answer = handle(&store, &acs, &clock, &scopes, &request);
        serve("RevokeToken", &clock, &request, answer).await
    }))
    .await
}

/// What the environment says.
struct Config {
    table: String,
    acs: AcsResource,
    scopes: RouteScopes,
}

impl Config {
    fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        Ok(Self {
            table: required(env, "TABLE_NAME")?,
            acs: AcsResource {
                secret: required(env, "ACS_SECRET_ARN")?,
                api_version: required(env, "ACS_API_VERSION")?,
            },
            scopes: RouteScopes::from_env(env)?,
        })
    }
}

/// The request body of the administrator's route.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    /// Whether the user gets no new token, either.
    #[serde(default)]
    block: bool,
    /// Why, for the receipt.
    reason: Option<String>,
}

async fn handle(
    store: &impl IdentityStore,
    acs: &impl IdentityClient,
    clock: &impl Clock,
    scopes: &RouteScopes,
    request: &Request,
) -> Result<Answer, Problem> {
    let addressed = Addressed::of(request, scopes)?;
    let own = matches!(addressed, Addressed::Own(_));
    // What a DELETE carries means nothing.
    let Input { block, reason } = if own { Input::default() } else { json(request)? };
    let reason = reason.map(|raw| Reason::parse(&raw).ok_or(Problem::INVALID_BODY)).transpose()?;
    let by = if own { By::User } else { By::Administrator };
    let request = revoke_access_tokens::Request {
        identity: addressed.into(),
        block,
        cause: Cause { by, reason },
        invocation: invocation(request, clock),
    };
    match revoke_access_tokens(store, acs, clock, request).await? {
        Some(receipt) => {
            let output = ReceiptOutput::from(&receipt);
            Ok(Answer::json(StatusCode::OK, &output)?.about(receipt.identity.as_ref()))
        }
        // RFC 7009 §2.2: somebody without tokens is signed out already. An
        // administrator who names nobody has made a mistake.
        None if own => Ok(Answer::empty()),
        None => Err(Problem::NOT_FOUND),
    }
}

#[cfg(test)]
mod tests;
