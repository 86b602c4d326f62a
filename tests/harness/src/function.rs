use std::{
    collections::BTreeMap,
    fs::File,
    io,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use axum::body::Bytes;
use serde_json::Value;
use tokio::{
    process::{Child, Command},
    sync::oneshot,
};

use crate::runtime_api::{RuntimeApi, RuntimeCall, RuntimeEvent};

/// A function binary with its own Lambda Runtime API. It is killed when this is dropped.
#[derive(Debug)]
pub struct TestFunction {
    /// When it was started.
    pub started: Instant,
    child: Child,
    api: RuntimeApi,
}

impl TestFunction {
    /// Starts a binary that logs to `log`. Like in Lambda, it has only these variables.
    pub async fn start(
        binary: &Path,
        environment: &BTreeMap<String, String>,
        log: &File,
    ) -> io::Result<Self> {
        let api = RuntimeApi::start().await?;
        let mut command = Command::new(binary);
        command
            .env_clear()
            .envs(environment)
            .env("AWS_LAMBDA_RUNTIME_API", api.address().to_string())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log.try_clone()?)
            .kill_on_drop(true);
        let started = Instant::now();
        let child = command.spawn()?;
        Ok(Self { started, child, api })
    }

    /// The id of the process; `None` if it has ended.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits until the process asks for an event.
    pub async fn ready(&mut self) -> Result<(Instant, oneshot::Sender<RuntimeEvent>), String> {
        match self.call().await? {
            RuntimeCall::Next { at, event } => Ok((at, event)),
            _ => Err("the process sent a response without an event".to_owned()),
        }
    }

    /// Waits for the response of the process.
    pub async fn response(&mut self) -> Result<(Instant, Bytes), String> {
        match self.call().await? {
            RuntimeCall::Response { at, payload } => Ok((at, payload)),
            _ => Err("the process asked for an event before it sent a response".to_owned()),
        }
    }

    /// Sends an event, and returns the response.
    pub async fn invoke(&mut self, event: &Value, timeout: Duration) -> Result<Value, String> {
        let (_, sender) = self.ready().await?;
        let event = RuntimeEvent { payload: event.to_string().into(), timeout };
        sender.send(event).map_err(|_| "the process does not wait for its event".to_owned())?;
        let (_, payload) = self.response().await?;
        serde_json::from_slice(&payload).map_err(|error| error.to_string())
    }

    /// `kill -9`. The process has ended when this returns.
    pub async fn kill(mut self) -> io::Result<()> {
        self.child.kill().await
    }

    async fn call(&mut self) -> Result<RuntimeCall, String> {
        tokio::select! {
            biased;
            call = self.api.call() => match call {
                Some(RuntimeCall::Error(payload)) => {
                    Err(format!("the process failed: {}", String::from_utf8_lossy(&payload)))
                }
                Some(call) => Ok(call),
                None => Err("the Runtime API has ended".to_owned()),
            },
            status = self.child.wait() => Err(format!("the process has ended: {status:?}")),
        }
    }
}

/// The variables that Lambda sets for every function.
#[must_use]
pub fn lambda_environment() -> BTreeMap<String, String> {
    [
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_FUNCTION_NAME", "test"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/test"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "test"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMIEXAMPLEKEY"),
        ("AWS_SESSION_TOKEN", "example"),
        ("TZ", ":UTC"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}
