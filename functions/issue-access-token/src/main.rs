//! `GET|POST /v1/token`: an access token for the caller's own identity, which the
//! first call creates. `POST /v1/identities/{id}/token`: one for an identity that an
//! administrator names.

use acs_secret::AcsResource;
use identity_core::{
    issue_access_token::{self, Issued, Whose, issue_access_token},
    policy::{Grant, Policy},
    ports::{Clock, IdentityClient, IdentityStore},
};
use identity_store::DynamoIdentityStore;
use lambda_edge::{
    Addressed, Answer, Problem, RouteScopes, SystemClock, TokenInput, TokenOutput,
    config::{ConfigError, Env, policy, process_env, required},
    invocation, json, serve, telemetry,
};
use lambda_http::{
    Error, Request,
    http::{Method, StatusCode},
    run, service_fn,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = Config::from_env(&process_env)?;
    let (store, acs) =
        tokio::join!(DynamoIdentityStore::connect(config.table), config.acs.connect(SystemClock));
    let acs = acs?;
    let (rules, clock) = (config.rules, SystemClock);
    run(service_fn(async |request| {
        serve("CreateToken", &clock, &request, handle(&store, &acs, &clock, &rules, &request)).await
    }))
    .await
}

/// What the environment says.
struct Config {
    table: String,
    acs: AcsResource,
    rules: Rules,
}

/// Who may ask for what.
struct Rules {
    scopes: RouteScopes,
    policy: Policy,
}

impl Config {
    fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        Ok(Self {
            table: required(env, "TABLE_NAME")?,
            acs: AcsResource {
                secret: required(env, "ACS_SECRET_ARN")?,
                api_version: required(env, "ACS_API_VERSION")?,
            },
            rules: Rules { scopes: RouteScopes::from_env(env)?, policy: policy(env, "POLICY")? },
        })
    }
}

async fn handle(
    store: &impl IdentityStore,
    acs: &impl IdentityClient,
    clock: &impl Clock,
    rules: &Rules,
    request: &Request,
) -> Result<Answer, Problem> {
    // An administrator may ask for whatever ACS gives; everybody else is held to the
    // policy.
    let (whose, grant) = match Addressed::of(request, &rules.scopes)? {
        Addressed::Named(identity) => (Whose::Identity(identity), &Grant::everything()),
        Addressed::Own(caller) => {
            (Whose::Caller(caller.user().clone()), rules.policy.grant(caller.claims()))
        }
    };
    // What a GET carries means nothing.
    let input =
        if request.method() == Method::GET { TokenInput::default() } else { json(request)? };
    let token = grant.decide(input.scopes()?, input.lifetime()?)?;
    let scopes = token.scopes.clone();
    let invocation = invocation(request, clock);
    let request = issue_access_token::Request { whose, token, invocation };
    let Issued { acs_id, token, .. } = issue_access_token(store, acs, clock, request).await?;
    let output = TokenOutput::new(&token, &acs_id, clock.now());
    Ok(Answer::json(StatusCode::OK, &output)?.about(Some(&acs_id)).granting(scopes))
}

#[cfg(test)]
mod tests;
