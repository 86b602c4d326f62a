//! `POST /v1/invitations`: creates an invitation for a guest. Its handle and its PIN are in the
//! response and nowhere else.

use api_types::{CreatedInvitationOutput, InvitationOutput, ProblemType};
use aws_secrets::SecretArn;
use identity_core::create_invitation::{
    CreateInvitationRequest, CreatedInvitation, create_invitation,
};
use identity_core::guest::Meeting;
use identity_core::inviter::Inviter;
use identity_core::ports::{Clock, IdentityStore, InvitationStore, RandomSource, SystemRandom};
use identity_core::secret::Secret;
use identity_store::{DynamoIdentityStore, Tables};
use lambda_edge::config::{ConfigError, Env, optional, process_env};
use lambda_edge::{
    ApiResponse, InvitationRules, Object, Problem, ServiceEdge, fields, json, run, serve,
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
    let (rules, page, clock) = (config.rules, config.page, system_clock());
    run(async |request| {
        let response = handle(&store, &clock, &SystemRandom, &rules, &page, &request);
        serve("CreateInvitation", &clock, &edge, &request, response).await
    })
    .await
}

/// The configuration from the environment.
struct Config {
    tables: Tables,
    caller_key: Option<SecretArn>,
    rules: InvitationRules,
    page: GuestPage,
}

/// The page on which guests join. The handle is put behind it as a fragment.
pub(crate) struct GuestPage(Option<String>);

impl Config {
    fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        Ok(Self {
            tables: Tables::read_only(env)?,
            caller_key: optional(env, "CALLER_HASH_SECRET_ARN")?,
            rules: InvitationRules::from_env(env)?,
            page: GuestPage(optional(env, "GUEST_JOIN_URL")?),
        })
    }
}

/// The request body.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Input {
    /// How the guest's app joins the meeting.
    meeting: Object<MeetingInput>,
    /// RFC 3339.
    closes_at: String,
    /// RFC 3339; now if absent.
    opens_at: Option<String>,
    /// The name of the guest.
    display_name: Option<String>,
    /// All that the policy permits if absent.
    scopes: Option<Vec<String>>,
    /// How many devices the invitation admits; one if absent.
    devices: Option<Value>,
    /// Whether a new device must send a PIN.
    pin: Option<bool>,
    /// The hours between the end and the deletion of the guests; those of the policy if absent.
    delete_after_hours: Option<Value>,
    /// The caller's own name for the invitation.
    reference: Option<String>,
}

/// A link, or an ID with its passcode.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct MeetingInput {
    join_url: Option<String>,
    meeting_id: Option<String>,
    passcode: Option<String>,
}

impl MeetingInput {
    fn into_meeting(self) -> Result<Meeting, Problem> {
        match (self.join_url, self.meeting_id, self.passcode) {
            (Some(link), None, None) => Ok(Meeting::Link(Secret::new(link))),
            (None, Some(id), passcode) => {
                Ok(Meeting::Id { meeting_id: Secret::new(id), passcode: passcode.map(Secret::new) })
            }
            _ => {
                let detail = "invalid value at `/meeting`: must have either `joinUrl`, or \
                              `meetingId` and optionally `passcode`";
                Err(Problem::new(ProblemType::INVALID_BODY, detail))
            }
        }
    }
}

impl Input {
    fn into_request(self, by: Inviter) -> Result<CreateInvitationRequest, Problem> {
        let closes_at = fields::timestamp(&self.closes_at, "/closesAt")?;
        let opens_at = self.opens_at.map(|raw| fields::timestamp(&raw, "/opensAt"));
        let scopes = self.scopes.map(|raw| fields::scopes(&raw, "/scopes"));
        let devices = self.devices.map(|raw| fields::count(&raw, "/devices"));
        let hours = self.delete_after_hours.map(|raw| fields::count(&raw, "/deleteAfterHours"));
        Ok(CreateInvitationRequest {
            meeting: self.meeting.0.into_meeting()?,
            opens_at: opens_at.transpose()?,
            closes_at,
            display_name: self.display_name.map(Secret::new),
            scopes: scopes.transpose()?,
            devices: devices.transpose()?,
            pin: self.pin,
            delete_after_hours: hours.transpose()?,
            reference: self.reference.map(Secret::new),
            by,
        })
    }
}

pub(crate) async fn handle(
    store: &(impl IdentityStore + InvitationStore),
    clock: &impl Clock,
    random: &impl RandomSource,
    rules: &InvitationRules,
    page: &GuestPage,
    request: &Request,
) -> Result<ApiResponse, Problem> {
    let (by, guests) = rules.inviter(store, clock, request).await?;
    let request = json::<Input>(request)?.into_request(by)?;
    let CreatedInvitation { handle, pin, invitation } =
        create_invitation(store, clock, random, Some(guests), request).await?;
    let invitation = InvitationOutput::new(&invitation, clock.now());
    let output = CreatedInvitationOutput::new(&handle, pin.as_ref(), page.0.as_deref(), invitation);
    ApiResponse::json(StatusCode::CREATED, &output)
}

#[cfg(test)]
mod tests;
