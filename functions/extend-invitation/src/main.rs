//! `PATCH /v1/invitations/{id}`: moves the end of an invitation, admits more devices, or unlocks it.

use api_types::{InvitationOutput, ProblemType};
use aws_secrets::SecretArn;
use identity_core::extend_invitation::{ExtendInvitationRequest, extend_invitation};
use identity_core::guest::InvitationId;
use identity_core::inviter::Inviter;
use identity_core::ports::{Clock, IdentityStore, InvitationStore};
use identity_store::{DynamoIdentityStore, Tables};
use lambda_edge::config::{ConfigError, Env, optional, process_env};
use lambda_edge::{
    ApiResponse, InvitationRules, Problem, ServiceEdge, fields, json, named_invitation, run, serve,
    system_clock, telemetry,
};
use lambda_http::{Error, Request, http::StatusCode};
use serde::Deserialize;
use serde_json::Value;

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
        serve("ExtendInvitation", &clock, &edge, &request, response).await
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

/// The request body. One field must be present.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Input {
    /// RFC 3339.
    closes_at: Option<String>,
    /// Not fewer devices than now.
    devices: Option<Value>,
    /// Whether to permit ten PINs again.
    unlock: Option<bool>,
}

impl Input {
    fn into_request(
        self,
        id: InvitationId,
        by: Inviter,
    ) -> Result<ExtendInvitationRequest, Problem> {
        let closes_at = self.closes_at.map(|raw| fields::timestamp(&raw, "/closesAt"));
        let devices = self.devices.map(|raw| fields::count(&raw, "/devices"));
        let (closes_at, devices) = (closes_at.transpose()?, devices.transpose()?);
        let unlock = self.unlock == Some(true);
        if closes_at.is_none() && devices.is_none() && !unlock {
            let detail = "The request body changes nothing: send `closesAt`, `devices`, or \
                          `\"unlock\": true`.";
            return Err(Problem::new(ProblemType::INVALID_BODY, detail));
        }
        Ok(ExtendInvitationRequest { id, closes_at, devices, unlock, by })
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
    let request = json::<Input>(request)?.into_request(id, by)?;
    let invitation = extend_invitation(store, clock, Some(guests), request).await?;
    ApiResponse::json(StatusCode::OK, &InvitationOutput::new(&invitation, clock.now()))
}

#[cfg(test)]
mod tests;
