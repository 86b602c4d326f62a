//! The machine and the time of a measurement, without which a figure cannot be compared.

use std::{fs, process::Command, thread};

use api_types::format_timestamp;
use identity_core::ports::{Clock as _, SystemClock};
use serde::Serialize;

/// A machine at a time.
#[derive(Serialize)]
pub(crate) struct Machine {
    pub(crate) date: String,
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) rustc: String,
}

impl Machine {
    /// This machine, now. Unavailable values are `unknown`.
    pub(crate) fn current() -> Self {
        Self {
            date: format_timestamp(SystemClock::default().now()),
            cpu: cpu().unwrap_or_else(unknown),
            cores: thread::available_parallelism().map_or(0, usize::from),
            rustc: rustc().unwrap_or_else(unknown),
        }
    }
}

fn cpu() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, model)| model.trim().to_owned())
}

/// The compiler in the path is the one with which `make bench` has just built.
fn rustc() -> Option<String> {
    let version = Command::new("rustc").arg("--version").output().ok()?;
    let version = String::from_utf8(version.stdout).ok()?;
    let version = version.trim();
    (!version.is_empty()).then(|| version.to_owned())
}

fn unknown() -> String {
    "unknown".to_owned()
}
