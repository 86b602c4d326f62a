//! SQS: applies events that the identity provider sent about users.
//!
//! A rule of `EventBridge` puts the events into the queue, which delivers them at least once and
//! in any order. The response lists the messages to deliver again. The core ensures that repeated
//! events are not applied twice. This function ensures that a message does not affect the others
//! if it is malformed, fails, is slow, or panics.

mod batch;
mod config;
mod line;
mod message;
mod paced;

use std::{
    cell::Cell,
    convert::Infallible,
    time::{Duration, SystemTime},
};

use futures_util::{StreamExt, stream};
use identity_core::{
    event::Event,
    ports::{Clock, IdentityClient, IdentityStore},
};
use identity_events::Reading;
use identity_store::DynamoIdentityStore;
use lambda_edge::{config::process_env, deadline, system_clock, telemetry};
use lambda_http::{
    Context, Error, LambdaEvent,
    lambda_runtime::{run, service_fn},
};
use tracing::error;

use batch::{Answer, Batch, Message};
use config::{Config, Rules};
use line::{Line, Outcome};
use message::{Ports, Trouble, read};
use paced::Paced;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = Config::from_env(&process_env)?;
    let (store, acs) = tokio::join!(
        DynamoIdentityStore::connect(config.tables),
        config.acs.connect(system_clock())
    );
    let acs = Paced::per_second(EVENTS_PER_SECOND, acs?, system_clock());
    let (rules, clock) = (config.rules, system_clock());
    run(service_fn(async |event: LambdaEvent<Batch>| {
        let LambdaEvent { payload, context } = event;
        Ok::<_, Infallible>(handle(&store, &acs, &clock, &rules, payload, &context).await)
    }))
    .await
}

/// Processes the messages, and returns those to deliver again: all that are not known to be done.
/// It never fails as a whole, because that would cause redelivery of every message.
async fn handle(
    store: &impl IdentityStore,
    acs: &impl IdentityClient,
    clock: &impl Clock,
    rules: &Rules,
    batch: Batch,
    context: &Context,
) -> Answer {
    let jobs = batch.messages.into_iter().map(|message| Job::of(message, rules)).collect();
    let lanes = lanes(jobs);
    let ports = Ports { store, acs, clock, rules, context };
    let all = stream::iter(&lanes).for_each_concurrent(AT_ONCE, async |lane| {
        for job in lane {
            job.is_done.set(Some(ports.obey(&job.message, &job.reading).await));
        }
    });
    tokio::select! {
        biased;
        () = all => {}
        () = clock.sleep(time_left(context, clock.now())) => {}
    }
    let failed = lanes.iter().flatten().filter(|job| job.is_done.get() != Some(true));
    Answer::failed(failed.map(Job::given_up))
}

/// A message, its parsed content, and its result; the result is absent if the time was too short.
struct Job {
    message: Message,
    reading: Result<Reading, Trouble>,
    is_done: Cell<Option<bool>>,
}

impl Job {
    fn of(message: Message, rules: &Rules) -> Self {
        let mut reading = read(&message.body, &rules.issuer);
        if let (Ok(Reading::Events { events, .. }), Some(sent_at)) =
            (&mut reading, message.sent_at())
        {
            for event in events {
                event.heard_at = Some(sent_at);
            }
        }
        Self { message, reading, is_done: Cell::new(None) }
    }

    /// The first event of the message. The others are about the same user.
    fn event(&self) -> Option<&Event> {
        match &self.reading {
            Ok(Reading::Events { events, .. }) => events.first(),
            _ => None,
        }
    }

    fn is_about_the_user_of(&self, other: &Self) -> bool {
        let pair = self.event().zip(other.event());
        pair.is_some_and(|(one, other)| one.identity == other.identity)
    }

    fn given_up(&self) -> &Message {
        let message = &self.message;
        if self.is_done.get().is_none() {
            Line::of(&message.id).write(&Outcome::Failed(&Trouble::TooLittleTime));
        }
        if message.is_at_its_end() {
            error!(
                metric.events_dead_lettered = 1_u64,
                CorrelationId = message.id,
                "the message goes to the dead-letter queue now"
            );
        }
        message
    }
}

/// Groups the messages by user, oldest first. Messages about the same user are processed one
/// after the other: processed at the same time, they would reach the same result, but most would
/// first fail with `Error::Busy`.
fn lanes(mut jobs: Vec<Job>) -> Vec<Vec<Job>> {
    jobs.sort_by_key(|job| job.event().map(|event| event.occurred_at));
    let mut lanes: Vec<Vec<Job>> = Vec::new();
    for job in jobs {
        let is_its = |lane: &&mut Vec<Job>| {
            lane.first().is_some_and(|first| first.is_about_the_user_of(&job))
        };
        match lanes.iter_mut().find(is_its) {
            Some(lane) => lane.push(job),
            None => lanes.push(vec![job]),
        }
    }
    lanes
}

/// The time until Lambda kills the function, minus the time needed to answer.
fn time_left(context: &Context, now: SystemTime) -> Duration {
    let left = deadline(context, now, WITHOUT_DEADLINE).duration_since(now);
    left.unwrap_or_default().saturating_sub(LAST_WORDS)
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
const LAST_WORDS: Duration = Duration::from_millis(300);

#[cfg(test)]
mod tests;
