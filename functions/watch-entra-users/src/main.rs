//! Scheduled: keeps the subscription to changes of Entra users, and finds the changes whose
//! notification was lost.

mod config;
mod output;
mod subscription;
mod watch;

use std::time::{Duration, SystemTime};

use config::WatchConfig;
use event_queue::SqsEventQueue;
use identity_core::ports::Clock;
use identity_store::DynamoIdentityStore;
use lambda_edge::config::process_env;
use lambda_edge::{deadline, system_clock, telemetry};
use lambda_http::lambda_runtime::{run, service_fn};
use lambda_http::{Context, Error, LambdaEvent};
use output::WatchOutput;
use serde_json::Value;
use watch::Watch;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let WatchConfig { tables, graph, queue_url } = WatchConfig::from_env(&process_env)?;
    let clock = system_clock();
    let store = DynamoIdentityStore::connect(tables).await;
    let queue = SqsEventQueue::connect(queue_url);
    let clients = graph.clients(&clock)?;
    run(service_fn(async |event: LambdaEvent<Value>| {
        let LambdaEvent { payload, context } = event;
        let mut output = WatchOutput::default();
        for (name, client) in &clients {
            let (Some(transmitter), Some(secret)) =
                (graph.settings.get(name), graph.secret_of(name))
            else {
                continue;
            };
            // Read in each run, so that a new secret is used.
            let client_state = match secret.read("clientState").await {
                Ok(client_state) => client_state,
                Err(error) => {
                    output.failed(name, None, &error);
                    continue;
                }
            };
            let watch = Watch {
                name,
                transmitter,
                client,
                client_state: &client_state,
                store: &store,
                queue: &queue,
                clock: &clock,
                run: &context.request_id,
                recreate: payload.get("recreate") == Some(&Value::Bool(true)),
                until: time_limit(&context, clock.now()),
            };
            watch.all_tenants(&mut output).await;
        }
        output.finish()
    }))
    .await
}

/// When the run must begin nothing new.
fn time_limit(context: &Context, now: SystemTime) -> SystemTime {
    deadline(context, now, WITHOUT_DEADLINE).checked_sub(LAST_REQUEST).unwrap_or(now)
}

/// The time for a last request, and for the answer.
const LAST_REQUEST: Duration = Duration::from_secs(10);

/// For an event that Lambda did not deliver.
const WITHOUT_DEADLINE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
