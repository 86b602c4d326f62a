//! Scheduled: keeps the subscription to changes of Entra users, and finds the changes whose
//! notification was lost.

mod config;
mod output;
mod record;
mod subscription;
mod watch;

use std::time::{Duration, SystemTime};

use config::WatchConfig;
use event_queue::SqsEventQueue;
use identity_core::error_chain;
use identity_core::ports::Clock;
use identity_store::DynamoIdentityStore;
use lambda_edge::config::process_env;
use lambda_edge::{deadline, system_clock, telemetry};
use lambda_http::lambda_runtime::{run, service_fn};
use lambda_http::{Context, Error, LambdaEvent};
use output::WatchOutput;
use record::record_watches;
use serde_json::Value;
use tracing::warn;
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
        let configured = clients.keys().flat_map(|name| {
            let tenants = graph.settings.get(name).into_iter();
            let tenants = tenants.flat_map(|transmitter| transmitter.settings.tenants());
            tenants.map(move |tenant| (name.to_owned(), tenant.to_string()))
        });
        if let Err(error) = record_watches(&store, configured, &output, clock.now()).await {
            // The subscriptions are kept all the same.
            let cause = error_chain(&error);
            warn!(cause, "the time of this run cannot be recorded for `guestpass doctor`");
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
