use std::{
    collections::BTreeMap,
    fs::{self, File},
    time::Duration,
};

use acs_emulator::{Emulator, EmulatorOptions, EmulatorServer as AcsServer};
use harness::{SECRET_ARN, TestFunction, TestServer, binary, lambda_environment, secrets_manager};
use serde_json::Value;
use tempfile::TempDir;

use crate::{ScaleEngine, population::RESOURCE};

/// The binary of `delete-stale-identities`, connected to an ACS. It ends when this is dropped.
pub struct ScaleFunction {
    process: TestFunction,
    log: TempDir,
    _acs: AcsServer,
    _secrets_manager: TestServer,
}

impl ScaleFunction {
    /// Starts the function in the environment that the template gives it, with `more`.
    pub async fn start(engine: &ScaleEngine, more: &[(&str, &str)]) -> Self {
        let emulator = Emulator::builder()
            .resource(RESOURCE)
            .options(EmulatorOptions { no_limits: true, ..EmulatorOptions::default() })
            .build()
            .unwrap();
        let acs = emulator.serve_on_loopback().await.unwrap();
        let secrets = secrets_manager(SECRET_ARN, &acs.connection_string()).await.unwrap();
        let (endpoint, secrets_url) = (engine.endpoint(), secrets.url());
        let own = [
            ("ACS_API_VERSION", "2026-09-23"),
            ("ACS_SECRET_ARN", SECRET_ARN),
            ("AWS_ENDPOINT_URL_DYNAMODB", &*endpoint),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &*secrets_url),
            ("RETENTION_DAYS", "90"),
            ("TABLE_NAME", engine.table()),
        ];
        let own = own.iter().chain(more).map(|(name, value)| ((*name).into(), (*value).into()));
        let environment: BTreeMap<_, _> = lambda_environment().into_iter().chain(own).collect();
        let log = tempfile::tempdir().unwrap();
        let file = File::create(log.path().join("log")).unwrap();
        let binary = binary("delete-stale-identities");
        let process = TestFunction::start(&binary, &environment, &file).await.unwrap();
        Self { process, log, _acs: acs, _secrets_manager: secrets }
    }

    /// Runs it once, and returns its response.
    pub async fn invoke(&mut self, event: Value) -> Value {
        let response = self.process.invoke(&event, LONGEST).await;
        response.unwrap_or_else(|error| {
            let log = fs::read_to_string(self.log.path().join("log")).unwrap();
            unreachable!("{error}\n{log}")
        })
    }

    /// The peak memory of the process in bytes, where the kernel reports it.
    #[must_use]
    pub fn peak_memory(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.pid()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kibibytes * 1024)
    }
}

/// Lambda's maximum timeout of a function.
const LONGEST: Duration = Duration::from_mins(15);
