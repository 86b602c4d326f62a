//! The subject of a measurement: a binary and its environment.

use std::{
    collections::BTreeMap,
    error::Error,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use harness::{RuntimeEvent, TestFunction};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{event, process, sample::Sample};

/// The number of events per process.
pub(crate) const CALLS: u32 = 100;

/// A function to measure.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    binary: PathBuf,
    environment: BTreeMap<String, String>,
    log: File,
    pub(crate) event: RuntimeEvent,
    pub(crate) is_success: fn(&Value) -> bool,
}

impl Subject {
    /// The binary `name` in `directory`, which answers requests for a token; it logs to `log`.
    pub(crate) fn new(
        directory: &Path,
        name: &'static str,
        environment: BTreeMap<String, String>,
        log: File,
    ) -> Result<Self, Box<dyn Error>> {
        let is_success = |response: &Value| response.get("statusCode") == Some(&json!(200));
        Self::with(directory, name, environment, log, &event::post_token(), is_success)
    }

    /// The binary `name` in `directory`, which gets `payload`. A response that is not a success
    /// ends the measurement: a fast refusal must not be measured.
    pub(crate) fn with(
        directory: &Path,
        name: &'static str,
        environment: BTreeMap<String, String>,
        log: File,
        payload: &Value,
        is_success: fn(&Value) -> bool,
    ) -> Result<Self, Box<dyn Error>> {
        let binary = directory.join(name);
        if !binary.is_file() {
            return Err(format!("{} is missing: run `make bench`", binary.display()).into());
        }
        let event = RuntimeEvent { payload: payload.to_string().into(), timeout: LONGEST };
        Ok(Self { name, binary, environment, log, event, is_success })
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

    /// Starts a process.
    pub(crate) async fn start(&self) -> io::Result<TestFunction> {
        TestFunction::start(&self.binary, &self.environment, &self.log).await
    }

    /// Starts a process, sends it events, and ends it.
    pub(crate) async fn sample(&self) -> Result<Sample, Box<dyn Error>> {
        let measured = timeout(LONGEST, self.measure()).await;
        let measured = measured.unwrap_or_else(|_| Err("timed out".into()));
        measured.map_err(|why| format!("{}: {why}; see target/bench.log", self.name).into())
    }

    async fn measure(&self) -> Result<Sample, Box<dyn Error>> {
        let mut process = self.start().await?;
        let pid = process.pid().ok_or("it ended at once")?;

        let (at, mut next) = process.ready().await?;
        let init = at - process.started;
        let init_cpu = process::cpu(pid)?;
        let mut calls = Vec::new();
        let mut cold_cpu = init_cpu;
        for number in 1..=CALLS {
            let sent = Instant::now();
            next.send(self.event.clone()).map_err(|_| "it does not wait for its event")?;
            let (at, payload) = process.response().await?;
            calls.push(at - sent);
            self.check(&payload)?;
            (_, next) = process.ready().await?;
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
        process.kill().await?;
        Ok(sample)
    }

    /// Returns an error for a response that is not a success.
    pub(crate) fn check(&self, payload: &[u8]) -> Result<(), Box<dyn Error>> {
        if (self.is_success)(&serde_json::from_slice(payload)?) {
            return Ok(());
        }
        // The body of any other response is a problem document or a refusal, without a token.
        Err(format!("it responds {}", String::from_utf8_lossy(payload)).into())
    }
}

/// The timeout for one process with all its calls.
const LONGEST: Duration = Duration::from_secs(30);
