//! Scheduled: fetches the signals of SSF transmitters that do not send them (RFC 8936), and puts
//! them into the queue of events. A signal is acknowledged only after it is stored there.

mod config;
mod poll_run;
mod set_verifier;
mod stream_api;
mod turns;

use std::time::{Duration, Instant};

use aws_secrets::SecretReader;
use config::{PollConfig, PolledStream};
use event_queue::{EventQueue, SqsEventQueue};
use identity_core::ports::Clock;
use lambda_edge::config::process_env;
use lambda_edge::{deadline, system_clock, telemetry};
use lambda_http::lambda_runtime::{run, service_fn};
use lambda_http::{Error, LambdaEvent};
use poll_run::{PollOutcome, PollRun};
use security_events::TransmitterSecrets;
use serde_json::{Map, Value};
use set_verifier::SetVerifier;
use stream_api::StreamApi;
use tracing::error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = PollConfig::from_env(&process_env)?;
    let secrets = SecretReader::of_process();
    let verifier = SetVerifier::new(config.https_only)?;
    let queue = SqsEventQueue::connect(config.queue_url.clone());
    let clock = system_clock();
    run(service_fn(async |event: LambdaEvent<Value>| {
        if config.streams.is_empty() {
            return Ok(Value::Object(Map::new()));
        }
        let until = deadline(&event.context, clock.now(), WITHOUT_DEADLINE);
        let left = until.duration_since(clock.now()).unwrap_or_default();
        let until = Instant::now() + left.saturating_sub(RESERVE);
        let read = secrets.read(&config.secret).await?;
        let secrets = TransmitterSecrets::parse(&read)?;
        poll_all(&config, &secrets, &verifier, &queue, &clock, until).await
    }))
    .await
}

/// Polls each stream in its part of the time. One that fails does not stop the others, but the
/// invocation fails, so that the alarm is raised; so it does if the time ends before a stream's turn.
async fn poll_all(
    config: &PollConfig,
    secrets: &TransmitterSecrets,
    verifier: &SetVerifier,
    queue: &impl EventQueue,
    clock: &impl Clock,
    until: Instant,
) -> Result<Value, Error> {
    let mut outcomes = Map::new();
    let mut failed = Vec::new();
    let (count, end) = (config.streams.len(), until + ACKNOWLEDGEMENT);
    let first = turns::first_of(count, clock.now());
    for (index, stream) in config.streams.iter().cycle().skip(first).take(count).enumerate() {
        let name = stream.transmitter.name.as_str();
        let Some(until) = turns::part_of(until, count - index, Instant::now()) else {
            error!(transmitter = name, "stream not polled: the time of the run is over");
            failed.push(name);
            continue;
        };
        match poll(config, stream, secrets, verifier, queue, clock, (until, end)).await {
            Ok(outcome) => {
                outcome.log(name);
                outcomes.insert(name.to_owned(), outcome.to_json());
            }
            Err(cause) => {
                error!(transmitter = name, %cause, "poll of the stream failed");
                failed.push(name);
            }
        }
    }
    if failed.is_empty() {
        return Ok(Value::Object(outcomes));
    }
    Err(format!("failed to poll {}: see the log", failed.join(", ")).into())
}

async fn poll(
    config: &PollConfig,
    stream: &PolledStream,
    secrets: &TransmitterSecrets,
    verifier: &SetVerifier,
    queue: &impl EventQueue,
    clock: &impl Clock,
    (until, end): (Instant, Instant),
) -> Result<PollOutcome, Error> {
    let api = StreamApi::connect(config.https_only, stream, secrets, until).await?;
    let run = PollRun { stream, api: &api, verifier, queue, now: clock.now(), until, end };
    Ok(run.run().await?)
}

/// The part of the time limit that is left for the last acknowledgement and the response.
const RESERVE: Duration = Duration::from_secs(10);

/// The last acknowledgement ends at most this long after the time in which SETs are fetched.
const ACKNOWLEDGEMENT: Duration = Duration::from_secs(9);

/// For an event that Lambda did not deliver.
const WITHOUT_DEADLINE: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests;
