//! SQS: applies events that the identity provider sent about users.
//!
//! A rule of `EventBridge` puts the events into the queue, which delivers them at least once and
//! in any order. The response lists the messages to deliver again. The core ensures that repeated
//! events are not applied twice. This function ensures that a message does not affect the others
//! if it is malformed, fails, is slow, or panics.

mod batch;
mod config;
mod directories;
mod event_log;
mod event_outcome;
mod lanes;
mod message;
mod message_error;
mod outside;
mod paced;

use std::convert::Infallible;
use std::time::{Duration, SystemTime};

use batch::{BatchResponse, SqsBatch};
use config::{EventConfig, EventRules};
use directories::Directories;
use futures_util::{StreamExt, stream};
use identity_core::ports::{AccountDirectory, Clock, IdentityClients, IdentityStore};
use identity_store::DynamoIdentityStore;
use lambda_edge::config::process_env;
use lambda_edge::{deadline, system_clock, telemetry};
use lambda_http::lambda_runtime::{run, service_fn};
use lambda_http::{Context, Error, LambdaEvent};
use lanes::{QueuedMessage, lanes};
use message::apply_message;
use outside::{Outside, PhoneAccess};
use paced::Paced;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = EventConfig::from_env(&process_env)?;
    let (store, acs) = tokio::join!(
        DynamoIdentityStore::connect(config.tables),
        config.acs.connect(system_clock())
    );
    let acs = acs?.map(|acs| Paced::per_second(EVENTS_PER_SECOND, acs, system_clock()));
    let (rules, clock) = (config.rules, system_clock());
    // Assignments to Teams Phone are in the first resource.
    let phone = acs.first().ok_or("the secret has no connection string")?;
    // Empty, and without an HTTP client, if no transmitter has the kind `graph`.
    let directories = Directories::new(config.graph.clients(&clock)?);
    let outside = Outside { directories, store: &store, acs: phone, clock: &clock };
    run(service_fn(async |event: LambdaEvent<SqsBatch>| {
        let LambdaEvent { payload, context } = event;
        Ok::<_, Infallible>(handle(&store, &acs, &outside, &clock, &rules, payload, &context).await)
    }))
    .await
}

/// Processes the messages, and returns those to deliver again: all that are not known to be done.
/// It never fails as a whole, because that would cause redelivery of every message.
async fn handle(
    store: &impl IdentityStore,
    acs: &impl IdentityClients,
    outside: &(impl AccountDirectory + PhoneAccess),
    clock: &impl Clock,
    rules: &EventRules,
    batch: SqsBatch,
    context: &Context,
) -> BatchResponse {
    let jobs =
        batch.messages.into_iter().map(|message| QueuedMessage::of(message, rules)).collect();
    let lanes = lanes(jobs);
    let all = stream::iter(&lanes).for_each_concurrent(AT_ONCE, async |lane| {
        for job in lane {
            let is_done = apply_message(store, acs, outside, clock, rules, context, job).await;
            job.is_done.set(Some(is_done));
        }
    });
    tokio::select! {
        biased;
        () = all => {}
        () = clock.sleep(time_left(context, clock.now())) => {}
    }
    let failed = lanes.iter().flatten().filter(|job| job.is_done.get() != Some(true));
    BatchResponse::failed(failed.map(QueuedMessage::give_up))
}

/// The time until Lambda kills the function, minus the time needed to answer.
fn time_left(context: &Context, now: SystemTime) -> Duration {
    let left = deadline(context, now, WITHOUT_DEADLINE).duration_since(now);
    left.unwrap_or_default().saturating_sub(TIME_TO_RESPOND)
}

/// Equal to the batch size in the template, so that no message waits for a slow one.
const AT_ONCE: usize = 10;

/// The number of revocations and deletions per second that one batch may request from ACS. A
/// batch of ten then takes half of the function's time, and the maximum number of concurrent
/// batches stays within the share that is reserved for events.
const EVENTS_PER_SECOND: u32 = 2;

/// For a batch that Lambda did not deliver.
const WITHOUT_DEADLINE: Duration = Duration::from_secs(10);

/// The time needed to answer before Lambda kills the function.
const TIME_TO_RESPOND: Duration = Duration::from_millis(300);

#[cfg(test)]
mod tests;
