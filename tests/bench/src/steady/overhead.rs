//! P02: what the function adds to the time of ACS, at a steady rate of requests.
//!
//! The requests are sent at fixed times, however long the earlier ones take, and each one is for
//! another of fifty users. Like in Lambda, a process has one request at a time, and a request
//! waits if all processes are busy.

use std::{
    error::Error,
    io,
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

use crate::{
    event,
    fixture::{BenchFixture, DirectAcs},
    sample::median,
    subject::Subject,
};

/// The time that requests took in addition to the time of ACS, in milliseconds.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Overhead {
    pub(crate) requests: usize,
    /// The time of ACS alone: the median, and what 99 % of its calls do not exceed.
    pub(crate) acs_ms: f64,
    pub(crate) acs_p99_ms: f64,
    /// Each is the difference between the same figures of the function and of ACS alone.
    pub(crate) median_ms: f64,
    pub(crate) p99_ms: f64,
}

impl Overhead {
    /// Takes the times in the order of the answers. Each figure is the median of those of
    /// [`PARTS`] equal parts: what slows down the machine for some seconds is in few of them, and
    /// what slows down every hundredth request is in all.
    fn of(function: &[Duration], acs: &[Duration]) -> Self {
        let part = |times: &[Duration]| times.len().div_ceil(PARTS).max(1);
        let parts = function.chunks(part(function)).zip(acs.chunks(part(acs)));
        let figures: Vec<_> =
            parts.map(|(function, acs)| (median_and_p99(function), median_and_p99(acs))).collect();
        let middle = |of: fn(&([f64; 2], [f64; 2])) -> f64| median(figures.iter().map(of));
        Self {
            requests: function.len(),
            acs_ms: middle(|(_, [acs, _])| *acs),
            acs_p99_ms: middle(|(_, [_, acs])| *acs),
            median_ms: middle(|([function, _], [acs, _])| function - acs),
            p99_ms: middle(|([_, function], [_, acs])| function - acs),
        }
    }
}

/// In milliseconds.
fn median_and_p99(times: &[Duration]) -> [f64; 2] {
    let mut times = times.to_vec();
    times.sort_unstable();
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    [0.5, 0.99].map(|part| percentile(&times, part).map_or(f64::NAN, ms))
}

/// Measures the overhead at [`RATE`] while ACS delays each token by [`ACS_DELAY`].
///
/// Between two requests there is a call to ACS alone, so that both get the same machine: a process
/// that has to wait for a core makes both slower.
pub(crate) async fn overhead(
    subject: &Subject,
    fixture: &BenchFixture,
) -> Result<Overhead, Box<dyn Error>> {
    let acs = Arc::new(fixture.direct_acs().await?);
    let (sender, mut served, _processes) = start(subject).await?;
    // The first request of a user creates the identity, and is not counted.
    for user in 0..USERS {
        sender.send(TokenRequest::of(user))?;
        served.recv().await.ok_or("all processes have ended")??;
    }
    fixture.delay_tokens(ACS_DELAY).await?;
    let started = tokio::time::Instant::now();
    let mut calls = JoinSet::new();
    for number in 0..RATE * SECONDS {
        let at = started + Duration::from_secs(1) * number / RATE;
        sleep_until(at).await;
        sender.send(TokenRequest::of(number % USERS))?;
        sleep_until(at + Duration::from_secs(1) / RATE / 2).await;
        calls.spawn(time_of_acs(acs.clone()));
    }
    let mut times = Vec::new();
    for _ in 0..RATE * SECONDS {
        times.push(served.recv().await.ok_or("all processes have ended")??);
    }
    let acs_times: Vec<_> = calls.join_all().await.into_iter().collect::<Result<_, _>>()?;
    fixture.delay_tokens(Duration::ZERO).await?;
    Ok(Overhead::of(&times, &acs_times))
}

async fn time_of_acs(acs: Arc<DirectAcs>) -> Result<Duration, identity_core::Error> {
    let started = Instant::now();
    acs.issue_token().await?;
    Ok(started.elapsed())
}

type Served = mpsc::UnboundedReceiver<Result<Duration, String>>;

/// Starts the processes: where to send requests, how long each took, and the processes, which end
/// when they are dropped.
async fn start(
    subject: &Subject,
) -> io::Result<(mpsc::UnboundedSender<TokenRequest>, Served, JoinSet<()>)> {
    let (sender, requests) = mpsc::unbounded_channel();
    let (results, served) = mpsc::unbounded_channel();
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
    Ok((sender, served, processes))
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

/// The parts of a measurement, of six seconds each.
const PARTS: usize = 5;

/// The delay of each token in ACS.
const ACS_DELAY: Duration = Duration::from_millis(20);

/// The number of warm processes: at this rate, one or two of them are busy.
const PROCESSES: usize = 4;

const USERS: u32 = 50;

#[cfg(test)]
mod tests {
    use super::*;

    /// The times of two hundred calls in milliseconds, `parts` times.
    fn times(parts: usize, of: impl Fn(u64) -> u64) -> Vec<Duration> {
        (0..parts).flat_map(|_| (1..=200).rev().map(|n| Duration::from_millis(of(n)))).collect()
    }

    #[test]
    fn p02_the_overhead_is_the_99th_percentile_without_the_time_of_acs() {
        let function = times(5, |n| 20 + n);
        let acs = times(5, |n| if n <= 197 { 20 } else { 27 });
        let Overhead { requests, acs_ms, acs_p99_ms, median_ms, p99_ms } =
            Overhead::of(&function, &acs);
        assert_eq!((requests, acs_ms.round(), acs_p99_ms.round()), (1000, 20.0, 27.0));
        assert_eq!((median_ms.round(), p99_ms.round()), (100.0, 191.0));
        assert!(Overhead::of(&[], &[]).p99_ms.is_nan());
    }

    #[test]
    fn p02_two_slow_parts_of_five_do_not_count_and_three_do() {
        let acs = times(5, |_| 20);
        let overhead = |slow: usize| {
            let function = [times(5 - slow, |_| 22), times(slow, |_| 90)].concat();
            format!("{:.0} ms", Overhead::of(&function, &acs).p99_ms)
        };
        assert_eq!([0, 2, 3].map(overhead), ["2 ms", "2 ms", "70 ms"]);
    }
}
