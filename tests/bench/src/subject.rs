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
use serde_json::Value;
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
    event: RuntimeEvent,
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
        let payload = event::post_token().to_string().into();
        let event = RuntimeEvent { payload, timeout: LONGEST };
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
        let measured = measured.unwrap_or_else(|_| Err("timed out".into()));
        measured.map_err(|why| format!("{}: {why}; see target/bench.log", self.name).into())
    }

    async fn measure(&self) -> Result<Sample, Box<dyn Error>> {
        let mut process = TestFunction::start(&self.binary, &self.environment, &self.log).await?;
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
            check(&payload)?;
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
}

/// A fast refusal must not be measured.
fn check(payload: &[u8]) -> Result<(), Box<dyn Error>> {
    let response: Value = serde_json::from_slice(payload)?;
    let status = response.get("statusCode").and_then(Value::as_u64);
    if status == Some(200) {
        return Ok(());
    }
    // The body of any other response is a problem document, without a token.
    Err(format!("it responds {}", String::from_utf8_lossy(payload)).into())
}

/// The timeout for one process with all its calls.
const LONGEST: Duration = Duration::from_secs(30);
