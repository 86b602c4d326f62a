//! `DELETE /v1/token`: sign-out, revokes the caller's own tokens. `POST
//! /v1/identities/{id}/revoke`: an administrator revokes the tokens of a user, and can block the
//! user.

use acs_secret::{AcsResources, SecretArn};
use api_types::{ProblemType, ReceiptOutput};
use identity_core::Error as CoreError;
use identity_core::admission::TokenPace;
use identity_core::identity::{IdentityRef, Invocation};
use identity_core::ports::{Clock, IdentityClients, IdentityStore};
use identity_core::record::{By, Cause};
use identity_core::revoke_access_tokens::{
    IfMissing, RevokeAccessTokensRequest, revoke_access_tokens,
};
use identity_store::{DynamoIdentityStore, Tables};
use lambda_edge::config::{ConfigError, Env, optional, pace, process_env};
use lambda_edge::{
    Access, Addressed, ApiResponse, Caller, Problem, ServiceEdge, fields, invocation, json, run,
    serve, system_clock, telemetry,
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
    let (acs, edge) = (acs?, ServiceEdge::new(key, config.rules.access.subject_claims()));
    let (rules, clock) = (config.rules, system_clock());
    run(async |request| {
        let response = handle(&store, &acs, &clock, &rules, &request);
        serve("RevokeToken", &clock, &edge, &request, response).await
    })
    .await
}

/// The configuration from the environment.
struct Config {
    tables: Tables,
    acs: AcsResources,
    caller_key: Option<SecretArn>,
    rules: RevokeRules,
}

/// The rules: who may revoke whose tokens, and how often.
pub(crate) struct RevokeRules {
    access: Access,
    pace: Option<TokenPace>,
}

impl RevokeRules {
    pub(crate) fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        Ok(Self { access: Access::from_env(env)?, pace: pace(env, "PACE_PER_MINUTE")? })
    }
}

impl Config {
    fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        Ok(Self {
            tables: Tables::from_env(env)?,
            acs: AcsResources::from_env(env)?,
            caller_key: optional(env, "CALLER_HASH_SECRET_ARN")?,
            rules: RevokeRules::from_env(env)?,
        })
    }
}

/// The request body of the administrator's route.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Input {
    /// Whether to block the user as well.
    block: Option<bool>,
    /// Whether to create a record for an unknown user, so that they are blocked before their
    /// first call.
    create_if_missing: Option<bool>,
    /// The reason, for the receipt.
    reason: Option<String>,
}

pub(crate) async fn handle(
    store: &impl IdentityStore,
    acs: &impl IdentityClients,
    clock: &impl Clock,
    rules: &RevokeRules,
    request: &Request,
) -> Result<ApiResponse, Problem> {
    let invocation = invocation(request, clock);
    let RevokeRules { access, pace } = rules;
    let request = match access.addressed(store, clock, request).await? {
        // The body of a DELETE request is ignored.
        Addressed::Own(caller) => sign_out(&caller, *pace, invocation),
        Addressed::Named(identity, by) => {
            order(identity, By::administrator(by.id()), json(request)?, invocation)?
        }
    };
    let own = request.cause.by == By::User;
    let receipt = revoke_access_tokens(store, acs, clock, request).await;
    let receipt = receipt.map_err(|error| match error {
        CoreError::NotFound => Problem::from(ProblemType::NO_SUCH_USER),
        error => error.into(),
    })?;
    // A user without tokens is signed out already: success, as in RFC 7009 §2.2.
    if own && receipt.identity.is_none() {
        return Ok(ApiResponse::empty());
    }
    let output = ReceiptOutput::from(&receipt);
    Ok(ApiResponse::json(StatusCode::OK, &output)?.about(receipt.identity.as_ref()))
}

/// The request of a user who signs out. Their bearer tokens are refused afterwards, even if they
/// have no record yet.
fn sign_out(
    caller: &Caller,
    pace: Option<TokenPace>,
    invocation: Invocation,
) -> RevokeAccessTokensRequest {
    RevokeAccessTokensRequest {
        identity: IdentityRef::External(caller.user().clone()),
        block: false,
        bearer: Some(caller.bearer()),
        if_missing: IfMissing::Create,
        pace,
        cause: Cause::of(By::User),
        invocation,
    }
}

/// The request of an administrator.
fn order(
    identity: IdentityRef,
    by: By,
    input: Input,
    invocation: Invocation,
) -> Result<RevokeAccessTokensRequest, Problem> {
    let Input { block, create_if_missing, reason } = input;
    let reason = fields::reason(reason, "/reason")?;
    let if_missing =
        if create_if_missing == Some(true) { IfMissing::Create } else { IfMissing::Refuse };
    let cause = Cause { by, reason };
    Ok(RevokeAccessTokensRequest {
        identity,
        block: block == Some(true),
        bearer: None,
        if_missing,
        pace: None,
        cause,
        invocation,
    })
}

#[cfg(test)]
mod tests;
