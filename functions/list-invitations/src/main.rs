//! `GET /v1/invitations`: lists the invitations that the caller made, in pages. Who is an
//! administrator besides gets the invitations of all callers.

use api_types::{InvitationListOutput, InvitationOutput};
use aws_secrets::SecretArn;
use identity_core::guest::InvitationStatus;
use identity_core::inviter::Inviter;
use identity_core::list_invitations::{
    InvitationList, ListInvitationsRequest, MAX_PAGE, list_invitations,
};
use identity_core::ports::{Clock, IdentityStore, InvitationStore};
use identity_store::{DynamoIdentityStore, Tables};
use lambda_edge::config::{ConfigError, Env, optional, process_env};
use lambda_edge::{
    ApiResponse, InvitationRules, Problem, ServiceEdge, invalid_parameter, paging, query, run,
    serve, system_clock, telemetry,
};
use lambda_http::{Error, Request, http::StatusCode};
use serde::Deserialize;

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
        serve("ListInvitations", &clock, &edge, &request, response).await
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

/// The query parameters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    /// `open`, `locked`, `closed`, `revoking` or `revoked`.
    state: Option<String>,
    /// 1 to 100; 50 if absent.
    limit: Option<String>,
    /// The `next` value of the previous page; the first page if absent or empty.
    cursor: Option<String>,
}

impl Input {
    fn into_request(self, by: Inviter) -> Result<ListInvitationsRequest, Problem> {
        let status = self.state.map(|raw| {
            InvitationStatus::parse(&raw).ok_or_else(|| {
                invalid_parameter("state", "must be open, locked, closed, revoking or revoked")
            })
        });
        Ok(ListInvitationsRequest {
            status: status.transpose()?,
            limit: paging::limit(self.limit.as_deref(), DEFAULT_PAGE, MAX_PAGE)?,
            cursor: paging::cursor(self.cursor.as_deref())?,
            by,
        })
    }
}

/// The number of invitations in a page if the client does not set it.
const DEFAULT_PAGE: u16 = 50;

pub(crate) async fn handle(
    store: &(impl IdentityStore + InvitationStore),
    clock: &impl Clock,
    rules: &InvitationRules,
    request: &Request,
) -> Result<ApiResponse, Problem> {
    let (by, guests) = rules.inviter(store, clock, request).await?;
    let request = query::<Input>(request)?.into_request(by)?;
    let InvitationList { invitations, next } =
        list_invitations(store, clock, Some(guests), request).await?;
    let now = clock.now();
    let output = InvitationListOutput {
        invitations: invitations.iter().map(|one| InvitationOutput::new(one, now)).collect(),
        next: next.as_ref().map(paging::next),
    };
    ApiResponse::json(StatusCode::OK, &output)
}

#[cfg(test)]
mod tests;
