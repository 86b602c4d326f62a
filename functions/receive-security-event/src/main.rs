//! `POST /v1/signals/{transmitter}` and `/scim/v2/{proxy+}`: receives the signals of a configured
//! identity provider.
//!
//! The routes have no authorizer: each kind of transmitter authenticates its messages itself, by a
//! shared secret, a signature, or both. An accepted signal is put into the queue of events before
//! the transmitter gets its answer, and `revoke-on-event` applies it. For a transmitter, a refusal
//! is final and a 5xx is not: so trouble of this deployment is never answered as a refusal, and no
//! signal is lost.

mod answer;
mod config;
mod intake;
mod kinds;
mod receiver;
mod request;
mod scim;
mod secret_cache;
mod signal_log;

use std::time::Instant;

use aws_secrets::SecretReader;
use config::ReceiverConfig;
use event_queue::SqsEventQueue;
use lambda_edge::config::process_env;
use lambda_edge::{run, system_clock, telemetry};
use lambda_http::Error;
use receiver::Receiver;
use scim::{receive_scim, scim_path};
use scim_store::DynamoScimUserStore;
use secret_cache::{SecretCache, StoredSecret};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let config = ReceiverConfig::from_env(&process_env)?;
    let secret = config.secret.map(|arn| StoredSecret { reader: SecretReader::of_process(), arn });
    let secrets = SecretCache::new(secret);
    let queue = SqsEventQueue::connect(config.queue_url);
    let receiver = Receiver::new(config.transmitters, secrets, queue)?;
    // During init, Lambda gives the function more CPU than later, and no transmitter waits.
    receiver.prepare(Instant::now()).await;
    let clock = system_clock();
    let scim_users = DynamoScimUserStore::of_process(config.scim_table);
    run(async |request| {
        Ok(match scim_path(&request) {
            Some(path) => {
                receive_scim(&receiver, &scim_users, &request, &path, &clock, Instant::now()).await
            }
            None => receiver.receive(&request, &clock, Instant::now()).await,
        })
    })
    .await
}

#[cfg(test)]
mod tests;
