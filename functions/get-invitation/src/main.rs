//! `GET /v1/invitations/{id}`: returns an invitation, the guests who came in by it, and the receipt
//! of its revocation.

use api_types::InvitationDetailsOutput;
use aws_secrets::SecretArn;
use identity_core::get_invitation::{GetInvitationRequest, get_invitation};
use identity_core::ports::{Clock, IdentityStore, InvitationStore};
use identity_store::{DynamoIdentityStore, Tables};
use lambda_edge::config::{ConfigError, Env, optional, process_env};
use lambda_edge::{
    ApiResponse, InvitationRules, Problem, ServiceEdge, named_invitation, run, serve, system_clock,
    telemetry,
};
use lambda_http::{Error, Request, http::StatusCode};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = Config::from_env(&process_env)?;
    let (store, key) = tokio::join!(
        DynamoIdentityStore::connect(config.tables),
        aws_secrets::key(config.caller_key)
    );
    let edge = ServiceEdge::new(key, config.rules.subject_claims());
    let (rules, clock) = (config.rules, system_clock());
    run(async |request| {
        let response = handle(&store, &clock, &rules, &request);
        serve("GetInvitation", &clock, &edge, &request, response).await
    })
    .await
}

/// The configuration from the environment.
struct Config {
    tables: Tables,
    caller_key: Option<SecretArn>,
    rules: InvitationRules,
}

impl Config {
    fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        Ok(Self {
            tables: Tables::read_only(env)?,
            caller_key: optional(env, "CALLER_HASH_SECRET_ARN")?,
            rules: InvitationRules::from_env(env)?,
        })
    }
}

pub(crate) async fn handle(
    store: &(impl IdentityStore + InvitationStore),
    clock: &impl Clock,
    rules: &InvitationRules,
    request: &Request,
) -> Result<ApiResponse, Problem> {
    let (by, guests) = rules.inviter(store, clock, request).await?;
    let id = named_invitation(request)?;
    let details = get_invitation(store, Some(guests), GetInvitationRequest { id, by }).await?;
    ApiResponse::json(StatusCode::OK, &InvitationDetailsOutput::new(&details, clock.now()))
}

#[cfg(test)]
mod tests;
