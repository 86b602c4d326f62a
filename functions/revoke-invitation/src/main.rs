//! `POST /v1/invitations/{id}/revoke`: revokes an invitation and every token of its guests. The
//! answer is 200 only when ACS has confirmed the revocation for every guest.

use acs_secret::{AcsResources, SecretArn};
use api_types::{InvitationReceiptOutput, ProblemType};
use identity_core::ports::{Clock, IdentityClients, IdentityStore, InvitationStore};
use identity_core::revoke_invitation::{RevokeInvitationRequest, revoke_invitation};
use identity_store::{DynamoIdentityStore, Tables};
use lambda_edge::config::{ConfigError, Env, optional, process_env};
use lambda_edge::{
    ApiResponse, InvitationRules, Problem, ServiceEdge, fields, invocation, json, named_invitation,
    run, serve, system_clock, telemetry,
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
    let (acs, edge) = (acs?, ServiceEdge::new(key, config.rules.subject_claims()));
    let (rules, clock) = (config.rules, system_clock());
    run(async |request| {
        let response = handle(&store, &acs, &clock, &rules, &request);
        serve("RevokeInvitation", &clock, &edge, &request, response).await
    })
    .await
}

/// The configuration from the environment.
struct Config {
    tables: Tables,
    acs: AcsResources,
    caller_key: Option<SecretArn>,
    rules: InvitationRules,
}

impl Config {
    fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        Ok(Self {
            tables: Tables::from_env(env)?,
            acs: AcsResources::from_env(env)?,
            caller_key: optional(env, "CALLER_HASH_SECRET_ARN")?,
            rules: InvitationRules::from_env(env)?,
        })
    }
}

/// The request body.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    /// The reason, for the receipt.
    reason: Option<String>,
}

pub(crate) async fn handle(
    store: &(impl IdentityStore + InvitationStore),
    acs: &impl IdentityClients,
    clock: &impl Clock,
    rules: &InvitationRules,
    request: &Request,
) -> Result<ApiResponse, Problem> {
    let (by, guests) = rules.inviter(store, clock, request).await?;
    let id = named_invitation(request)?;
    let invocation = invocation(request, clock);
    let reason = fields::reason(json::<Input>(request)?.reason, "/reason")?;
    let request = RevokeInvitationRequest { id, reason, by, invocation };
    let invitation = revoke_invitation(store, acs, clock, Some(guests), request).await?;
    let receipt = InvitationReceiptOutput::of(&invitation).ok_or(ProblemType::INTERNAL)?;
    ApiResponse::json(StatusCode::OK, &receipt)
}

#[cfg(test)]
mod tests;
