//! P02: what the function adds to the time of ACS, at a steady rate of requests.
//!
//! The requests are sent at fixed times, however long the earlier ones take, and each one is for
//! another of fifty users. Like in Lambda, a process has one request at a time, and a request
//! waits if all processes are busy.

use std::{
    error::Error,
    sync::Arc,
    time::{Duration, Instant},
};

use harness::{RuntimeEvent, TestFunction};
use serde::Serialize;
use tokio::{
    sync::{Mutex, mpsc},
    task::JoinSet,
    time::sleep_until,
};

use crate::{event, fixture::BenchFixture, subject::Subject};

/// The time that a request took in addition to the time of ACS, in milliseconds.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Overhead {
    pub(crate) requests: usize,
    /// The time of ACS alone.
    pub(crate) acs_ms: f64,
    pub(crate) median_ms: f64,
    pub(crate) p99_ms: f64,
}

impl Overhead {
    fn of(mut times: Vec<Duration>, acs_ms: f64) -> Self {
        times.sort_unstable();
        let overhead = |part: f64| {
            let time = percentile(&times, part);
            time.map_or(f64::NAN, |time| time.as_secs_f64() * 1000.0 - acs_ms)
        };
        let (median_ms, p99_ms) = (overhead(0.5), overhead(0.99));
        Self { requests: times.len(), acs_ms, median_ms, p99_ms }
    }
}

/// Measures the overhead at [`RATE`] while ACS delays each token by [`ACS_DELAY`].
pub(crate) async fn overhead(
    subject: &Subject,
    fixture: &BenchFixture,
) -> Result<Overhead, Box<dyn Error>> {
    let (sender, requests) = mpsc::unbounded_channel();
    let (results, mut served) = mpsc::unbounded_channel();
    let requests = Arc::new(Mutex::new(requests));
    let mut processes = JoinSet::new();
    for _ in 0..PROCESSES {
        let (process, requests, results) =
            (subject.start().await?, requests.clone(), results.clone());
        let is_success = subject.is_success;
        processes.spawn(async move {
            if let Err(error) = serve(process, is_success, &requests, &results).await {
                // The measurement has ended already if this cannot be sent.
                let _ = results.send(Err(error));
            }
        });
    }
    // The first request of a user creates the identity, and is not counted.
    for user in 0..USERS {
        sender.send(TokenRequest::of(user))?;
        served.recv().await.ok_or("all processes have ended")??;
    }
    fixture.delay_tokens(ACS_DELAY).await?;
    let acs_ms = fixture.acs_call().await?;
    let started = tokio::time::Instant::now();
    for number in 0..RATE * SECONDS {
        sleep_until(started + Duration::from_secs(1) * number / RATE).await;
        sender.send(TokenRequest::of(number % USERS))?;
    }
    let mut times = Vec::new();
    for _ in 0..RATE * SECONDS {
        times.push(served.recv().await.ok_or("all processes have ended")??);
    }
    fixture.delay_tokens(Duration::ZERO).await?;
    Ok(Overhead::of(times, acs_ms))
}

/// A request, and when it was sent.
struct TokenRequest {
    sent: Instant,
    payload: axum::body::Bytes,
}

impl TokenRequest {
    fn of(user: u32) -> Self {
        let payload = event::post_token_of(&format!("user-{user}")).to_string().into();
        Self { sent: Instant::now(), payload }
    }
}

/// Serves requests with one process, and sends how long each took.
async fn serve(
    mut process: TestFunction,
    is_success: fn(&serde_json::Value) -> bool,
    requests: &Mutex<mpsc::UnboundedReceiver<TokenRequest>>,
    results: &mpsc::UnboundedSender<Result<Duration, String>>,
) -> Result<(), String> {
    loop {
        let (_, event) = process.ready().await?;
        let Some(request) = requests.lock().await.recv().await else { return Ok(()) };
        let TokenRequest { sent, payload } = request;
        let timeout = Duration::from_secs(10);
        let sending = event.send(RuntimeEvent { payload, timeout });
        sending.map_err(|_| "the process does not wait for its event")?;
        let (answered, payload) = process.response().await?;
        let response = serde_json::from_slice(&payload).map_err(|error| error.to_string())?;
        if !is_success(&response) {
            return Err("a request failed; see target/bench.log".to_owned());
        }
        if results.send(Ok(answered - sent)).is_err() {
            return Ok(());
        }
    }
}

/// The smallest of the sorted values that is not exceeded by this part of them.
fn percentile(sorted: &[Duration], part: f64) -> Option<Duration> {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the number of requests is small and positive"
    )]
    let rank = (sorted.len() as f64 * part).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied()
}

/// Requests per second.
const RATE: u32 = 50;

/// The duration of the measurement in seconds.
const SECONDS: u32 = 30;

/// The delay of each token in ACS. The time of ACS alone is measured in the same run.
const ACS_DELAY: Duration = Duration::from_millis(20);

/// The number of warm processes: at this rate, one or two of them are busy.
const PROCESSES: usize = 4;

const USERS: u32 = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p02_the_overhead_is_the_99th_percentile_without_the_time_of_acs() {
        let times = (1..=200).rev().map(|n| Duration::from_millis(20 + n)).collect();
        let Overhead { requests, median_ms, p99_ms, .. } = Overhead::of(times, 20.0);
        assert_eq!((requests, median_ms.round(), p99_ms.round()), (200, 100.0, 198.0));
        assert!(Overhead::of(Vec::new(), 20.0).p99_ms.is_nan());
    }
}
