//! The schedule: deletes the identities that nobody has used for the whole retention, or
//! says which it would delete. Its answer is the record of the run, and so is what the
//! operator reads.

mod config;
mod failure;
mod input;
mod output;

use std::time::Duration;

use identity_core::{
    delete_stale_identities::{self, Mode, delete_stale_identities},
    identity::Invocation,
    ports::{Clock, IdentityClient, IdentityStore, Orphanage, RunLog},
};
use identity_store::DynamoIdentityStore;
use lambda_edge::{SystemClock, config::process_env, deadline, telemetry};
use lambda_http::{
    Context, Error, LambdaEvent,
    lambda_runtime::{run, service_fn},
};
use serde_json::Value;

use crate::{
    config::{Config, Job},
    failure::Failure,
    input::Input,
    output::Output,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let Config { tables, acs, job } = Config::from_env(&process_env)?;
    // The job has a pace, and waits as long as ACS asks; a client that tries again by
    // itself would know of neither.
    let once = acs_secret::Limits { attempts: 1, ..acs_secret::Limits::default() };
    let (store, acs) =
        tokio::join!(DynamoIdentityStore::connect(tables), acs.connect_within(once, SystemClock));
    let acs = acs?;
    run(service_fn(async |event| handle(&store, &acs, &SystemClock, &job, event).await)).await
}

/// One run. What ACS fails at is in the answer; an error means that the store failed, or
/// that the event is none of ours, and then nothing was deleted that is not written down.
async fn handle(
    store: &(impl IdentityStore + Orphanage + RunLog),
    acs: &impl IdentityClient,
    clock: &impl Clock,
    job: &Job,
    event: LambdaEvent<Value>,
) -> Result<Output, Failure> {
    let input = Input::parse(event.payload)?;
    // What nobody has asked for in so many words is not done by a clock gone wrong.
    let is_ahead = input.time > clock.now() + AHEAD;
    if is_ahead && input.mode.is_none() && job.mode == Mode::Apply {
        return Err(Failure::event(
            "the event's `time` is more than an hour ahead of the clock; if that is meant, say \
             \"mode\": \"apply\" beside it",
        ));
    }
    let request = delete_stale_identities::Request {
        time: input.time,
        retention: job.retention,
        mode: input.mode.unwrap_or(job.mode),
        limits: job.limits,
        allow: input.allow,
        invocation: invocation(&event.context, clock),
    };
    let run = delete_stale_identities(store, acs, clock, request).await?;
    Ok(Output::from(&run))
}

/// How far ahead a schedule's clock may be.
const AHEAD: Duration = Duration::from_hours(1);

/// The run's name and its deadline, as Lambda gave them. How long ACS may take is the
/// job's to say: it has more than one call to make.
fn invocation(context: &Context, clock: &impl Clock) -> Invocation {
    let deadline = deadline(context, clock.now(), WITHOUT_DEADLINE);
    Invocation {
        id: context.request_id.clone(),
        deadline,
        acs_until: deadline,
        patience: Duration::ZERO,
    }
}

/// For an event that did not come through Lambda.
const WITHOUT_DEADLINE: Duration = Duration::from_mins(5);

#[cfg(test)]
mod tests;
