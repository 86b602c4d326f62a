//! The subject of a measurement: a binary and its environment.

use std::{
    collections::BTreeMap,
    error::Error,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use axum::body::Bytes;
use serde_json::Value;
use tokio::{process::Command, sync::oneshot, time::timeout};

use crate::{
    event, process,
    runtime_api::{RuntimeApi, Said},
    sample::Sample,
};

/// The number of events per process.
pub(crate) const CALLS: u32 = 100;

/// A function to measure.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    binary: PathBuf,
    environment: BTreeMap<String, String>,
    log: File,
    event: Bytes,
}

impl Subject {
    /// The binary `name` in `directory`; it logs to `log`.
    pub(crate) fn new(
        directory: &Path,
        name: &'static str,
        environment: BTreeMap<String, String>,
        log: File,
    ) -> Result<Self, Box<dyn Error>> {
        let binary = directory.join(name);
        if !binary.is_file() {
            return Err(format!("{} is missing: run `make bench`", binary.display()).into());
        }
        let event = event::post_token().to_string().into();
        Ok(Self { name, binary, environment, log, event })
    }

    /// Another binary of the same directory, in the same environment.
    pub(crate) fn beside(&self, name: &'static str) -> Result<Self, Box<dyn Error>> {
        let directory = self.binary.parent().unwrap_or_else(|| Path::new("."));
        Self::new(directory, name, self.environment.clone(), self.log.try_clone()?)
    }

    /// The size of the binary in bytes.
    pub(crate) fn size(&self) -> io::Result<u64> {
        Ok(fs::metadata(&self.binary)?.len())
    }

    /// Starts a process, sends it events, and ends it.
    pub(crate) async fn sample(&self) -> Result<Sample, Box<dyn Error>> {
        let measured = timeout(LONGEST, self.measure()).await;
        let measured = measured.unwrap_or_else(|_| Err("it does not answer".into()));
        measured.map_err(|why| format!("{}: {why}; see target/bench.log", self.name).into())
    }

    async fn measure(&self) -> Result<Sample, Box<dyn Error>> {
        let mut api = RuntimeApi::start().await?;
        let mut command = Command::new(&self.binary);
        command
            // Lambda starts a function with only the variables of its configuration.
            .env_clear()
            .envs(&self.environment)
            .env("AWS_LAMBDA_RUNTIME_API", api.address().to_string())
            .stdin(Stdio::null())
            .stdout(self.log.try_clone()?)
            .stderr(self.log.try_clone()?)
            .kill_on_drop(true);
        let started = Instant::now();
        let mut child = command.spawn()?;
        let pid = child.id().ok_or("it ended at once")?;

        let (at, mut next) = asked(&mut api).await?;
        let init = at - started;
        let init_cpu = process::cpu(pid)?;
        let mut calls = Vec::new();
        let mut cold_cpu = init_cpu;
        for number in 1..=CALLS {
            let handed_over = Instant::now();
            next.send(self.event.clone()).map_err(|_| "it does not wait for its event")?;
            let (at, payload) = answered(&mut api).await?;
            calls.push(at - handed_over);
            check(&payload)?;
            (_, next) = asked(&mut api).await?;
            if number == 1 {
                cold_cpu = process::cpu(pid)?;
            }
        }
        let sample = Sample {
            init,
            init_cpu,
            cold_cpu,
            warm_cpu: process::cpu(pid)?.saturating_sub(cold_cpu) / (CALLS - 1),
            calls,
            memory: process::memory(pid, "VmRSS")?,
            peak_memory: process::memory(pid, "VmHWM")?,
        };
        child.kill().await?;
        Ok(sample)
    }
}

/// Waits until the process asks for an event.
async fn asked(api: &mut RuntimeApi) -> Result<(Instant, oneshot::Sender<Bytes>), Box<dyn Error>> {
    match api.said().await {
        Some(Said::Next { at, event }) => Ok((at, event)),
        Some(Said::Error(payload)) => Err(quoted(&payload)),
        _ => Err("it answers without an event".into()),
    }
}

async fn answered(api: &mut RuntimeApi) -> Result<(Instant, Bytes), Box<dyn Error>> {
    match api.said().await {
        Some(Said::Response { at, payload }) => Ok((at, payload)),
        Some(Said::Error(payload)) => Err(quoted(&payload)),
        _ => Err("it asks for an event and owes an answer".into()),
    }
}

/// A fast refusal must not be measured.
fn check(payload: &[u8]) -> Result<(), Box<dyn Error>> {
    let answer: Value = serde_json::from_slice(payload)?;
    let status = answer.get("statusCode").and_then(Value::as_u64);
    // The body of any other response is a problem, without a token.
    if status == Some(200) { Ok(()) } else { Err(quoted(payload)) }
}

fn quoted(payload: &[u8]) -> Box<dyn Error> {
    format!("it answers {}", String::from_utf8_lossy(payload)).into()
}

/// The timeout for one process with all its calls.
const LONGEST: Duration = Duration::from_secs(30);
