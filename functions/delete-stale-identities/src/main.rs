//! Scheduled: deletes the identities that were not used for the whole retention period, or
//! reports which it would delete. The response is the record of the run, which is also what the
//! operator reads.

mod config;
mod error;
mod input;
mod output;
mod phone;

use std::time::Duration;

use identity_core::delete_stale_identities::{
    CleanupMode, CleanupRequest, delete_stale_identities,
};
use identity_core::identity::Invocation;
use identity_core::ports::{
    Clock, IdentityClients, IdentityStore, InvitationStore, OrphanStore, RunLog,
};
use identity_store::DynamoIdentityStore;
use lambda_edge::config::process_env;
use lambda_edge::{deadline, system_clock, telemetry};
use lambda_http::lambda_runtime::{run, service_fn};
use lambda_http::{Context, Error, LambdaEvent};
use serde_json::Value;

use crate::config::{CleanupConfig, CleanupSettings};
use crate::error::CleanupError;
use crate::input::CleanupInput;
use crate::output::CleanupOutput;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let CleanupConfig { tables, acs, settings } = CleanupConfig::from_env(&process_env)?;
    // The run limits its own rate and waits as long as ACS asks; retries inside the client would
    // bypass both.
    let once = acs_secret::CallLimits { attempts: 1, ..acs_secret::CallLimits::default() };
    let clock = system_clock();
    let (store, acs) =
        tokio::join!(DynamoIdentityStore::connect(tables), acs.connect_within(once, clock));
    let acs = acs?;
    // Assignments to Teams Phone are in the first resource.
    let phone = acs.first().ok_or("the secret has no connection string")?;
    run(service_fn(async |event: LambdaEvent<Value>| {
        phone::finish(&store, phone, &clock, &invocation(&event.context, &clock)).await;
        handle(&store, &acs, &clock, &settings, event).await
    }))
    .await
}

/// Performs one run. Failures of ACS are part of the response. An error means that the store
/// failed or the event was invalid; every deletion up to then is recorded.
async fn handle(
    store: &(impl IdentityStore + InvitationStore + OrphanStore + RunLog),
    acs: &impl IdentityClients,
    clock: &impl Clock,
    settings: &CleanupSettings,
    event: LambdaEvent<Value>,
) -> Result<CleanupOutput, CleanupError> {
    let input = CleanupInput::parse(event.payload)?;
    // A wrong clock must not start a run that deletes, unless the event explicitly requests it.
    let is_ahead = input.time > clock.now() + AHEAD;
    if is_ahead && input.mode.is_none() && settings.mode == CleanupMode::Apply {
        return Err(CleanupError::event(
            "invalid event: `time` is more than an hour ahead of the clock. To run anyway, set \
             `mode` to \"apply\" in the event",
        ));
    }
    let is_preview = input.mode == Some(CleanupMode::Plan);
    let request = CleanupRequest {
        time: input.time,
        retention: settings.retention,
        mode: input.mode.unwrap_or(settings.mode),
        // An event that asks for a plan deletes nothing at all.
        guests: if is_preview { CleanupMode::Plan } else { settings.guests },
        is_preview,
        limits: settings.limits,
        allow: input.allow,
        invocation: invocation(&event.context, clock),
    };
    let run = delete_stale_identities(store, acs, clock, request).await?;
    Ok(CleanupOutput::from(&run))
}

/// How far a schedule's clock may be ahead.
const AHEAD: Duration = Duration::from_hours(1);

/// The run's ID and deadline from Lambda. The run itself sets the deadlines of its calls to ACS,
/// because it makes more than one.
fn invocation(context: &Context, clock: &impl Clock) -> Invocation {
    let deadline = deadline(context, clock.now(), WITHOUT_DEADLINE);
    Invocation {
        id: context.request_id.clone(),
        deadline,
        acs_until: deadline,
        patience: Duration::ZERO,
    }
}

/// For an event that Lambda did not deliver.
const WITHOUT_DEADLINE: Duration = Duration::from_mins(5);

#[cfg(test)]
mod tests;
