//! `POST /v1/guest/token`: issues a token to a guest, who has the handle of an invitation and no
//! account. It is the one route of an app without an authorizer: what the handle says is all that is
//! known about the caller.

use acs_secret::AcsResources;
use api_types::{GuestTokenOutput, MeetingOutput, ProblemType, TokenOutput, format_timestamp};
use identity_core::Error as CoreError;
use identity_core::admission::TokenPace;
use identity_core::exchange_guest_pass::{
    ExchangeGuestPassRequest, GuestPass, exchange_guest_pass,
};
use identity_core::guest::{DeviceSecret, GuestHandle, GuestPin};
use identity_core::identity::{Invocation, SubjectClaims};
use identity_core::policy::Policy;
use identity_core::ports::{Clock, IdentityClients, IdentityStore, InvitationStore};
use identity_store::{DynamoIdentityStore, Tables};
use lambda_edge::config::{ConfigError, Env, pace, policy, process_env};
use lambda_edge::{
    ApiResponse, Problem, ServiceEdge, invocation, run, serve, short_json, system_clock, telemetry,
};
use lambda_http::{Error, Request, http::StatusCode};
use serde::Deserialize;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = Config::from_env(&process_env)?;
    let (store, acs) = tokio::join!(
        DynamoIdentityStore::connect(config.tables),
        config.acs.connect(system_clock())
    );
    let acs = acs?;
    config.rules.policy.check_resources(&acs)?;
    // A guest has no name that log lines could hash, so the function needs no key for it.
    let edge = ServiceEdge::new(None, &SubjectClaims::default());
    let (rules, clock) = (config.rules, system_clock());
    run(async |request| {
        let response = handle(&store, &acs, &clock, &rules, &request);
        serve("ExchangeGuestPass", &clock, &edge, &request, response).await
    })
    .await
}

/// The configuration from the environment.
struct Config {
    tables: Tables,
    acs: AcsResources,
    rules: GuestRules,
}

/// What the policy permits for guests, and how often a guest may ask.
pub(crate) struct GuestRules {
    policy: Policy,
    pace: Option<TokenPace>,
}

impl GuestRules {
    pub(crate) fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        Ok(Self { policy: policy(env, "POLICY")?, pace: pace(env, "PACE_PER_MINUTE")? })
    }
}

impl Config {
    fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        Ok(Self {
            tables: Tables::from_env(env)?,
            acs: AcsResources::from_env(env)?,
            rules: GuestRules::from_env(env)?,
        })
    }
}

/// The request body. A member that names a user or an identity is refused, as any unknown one is.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    /// From the link of the invitation.
    handle: String,
    /// Random text of the guest's app, which it keeps.
    device: String,
    /// Six digits, if the invitation has a PIN and the device is new.
    pin: Option<String>,
}

impl Input {
    fn into_request(
        self,
        pace: Option<TokenPace>,
        invocation: Invocation,
    ) -> Result<ExchangeGuestPassRequest, Problem> {
        let invalid = |detail| Problem::new(ProblemType::INVALID_BODY, detail);
        let device = DeviceSecret::parse(&self.device).ok_or_else(|| {
            invalid("invalid value at `/device`: must be 22 to 86 characters of base64url")
        })?;
        let pin = self.pin.map(|raw| {
            GuestPin::parse(&raw)
                .ok_or_else(|| invalid("invalid value at `/pin`: must be six digits"))
        });
        // Any text is looked up: the answer to one that cannot be a handle, and its time, are those
        // of one that is unknown.
        let handle = GuestHandle::new(self.handle);
        Ok(ExchangeGuestPassRequest { handle, device, pin: pin.transpose()?, pace, invocation })
    }
}

pub(crate) async fn handle(
    store: &(impl IdentityStore + InvitationStore),
    acs: &impl IdentityClients,
    clock: &impl Clock,
    rules: &GuestRules,
    request: &Request,
) -> Result<ApiResponse, Problem> {
    let guests = rules.policy.guests().ok_or(CoreError::GuestsDisabled)?;
    let invocation = invocation(request, clock);
    let request = short_json::<Input>(request)?.into_request(rules.pace, invocation)?;
    let pass: GuestPass = exchange_guest_pass(store, acs, clock, Some(guests), request).await?;
    let output = GuestTokenOutput {
        token: TokenOutput::new(&pass.token, &pass.acs_id, clock.now()),
        meeting: MeetingOutput::from(&pass.meeting),
        display_name: pass.display_name.map(|name| name.expose().to_owned()),
        opens_at: format_timestamp(pass.opens_at),
        closes_at: format_timestamp(pass.closes_at),
    };
    let response = ApiResponse::json(StatusCode::OK, &output)?;
    Ok(response.about(Some(&pass.acs_id)).granting(pass.scopes))
}

#[cfg(test)]
mod tests;
