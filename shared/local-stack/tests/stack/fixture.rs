//! A stack with the echo function, and a client for it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use acs_emulator::AllowedHosts;
use local_stack::{LocalStack, StackOptions};
use reqwest::{Client, Response};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) struct StackFixture {
    pub(crate) stack: LocalStack,
    pub(crate) client: Client,
    pub(crate) directory: TempDir,
}

impl StackFixture {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut StackOptions)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut options = options(directory.path());
        change(&mut options);
        let stack = LocalStack::start(options).await.unwrap();
        Self { stack, client: client(), directory }
    }

    /// A token for alice.
    pub(crate) async fn token(&self, scope: &str) -> String {
        token(&self.client, self.stack.issuer(), scope).await
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        let token = self.token("guestpass.token").await;
        self.client
            .get(format!("{}{path}", self.stack.gateway()))
            .bearer_auth(token)
            .send()
            .await
            .unwrap()
    }

    /// A stack with the function `worker_function`, its queues and its schedules.
    pub(crate) async fn delivering() -> Self {
        Self::with(|options| options.template = delivery_template()).await
    }

    /// Sends `body` to the control API, and returns the status and the answer.
    pub(crate) async fn control(&self, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}/_local/{path}", self.stack.console());
        let answer = self.client.post(url).body(body.to_string()).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// Reads from the control API.
    pub(crate) async fn told(&self, path: &str) -> Value {
        let url = format!("{}/_local/{path}", self.stack.console());
        self.client.get(url).send().await.unwrap().json().await.unwrap()
    }

    pub(crate) async fn advance(&self, seconds: i64) {
        let (status, _) =
            self.control("clock", &serde_json::json!({ "advanceSeconds": seconds })).await;
        assert_eq!(status, 200);
    }

    pub(crate) fn log(&self) -> String {
        let path = self.directory.path().join("data/logs/echo_function.log");
        std::fs::read_to_string(path).unwrap_or_default()
    }
}

pub(crate) fn client() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

pub(crate) async fn token(client: &Client, issuer: &str, scope: &str) -> String {
    let answer: Value = client
        .post(format!("{issuer}/token"))
        .body(format!("sub=alice&scope={scope}"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    answer["access_token"].as_str().unwrap().to_owned()
}

pub(crate) fn options(directory: &Path) -> StackOptions {
    StackOptions {
        resources: 1,
        allowed_hosts: AllowedHosts::default(),
        acs: acs_emulator::EmulatorOptions::default(),
        template: template(),
        data: directory.join("data"),
        ephemeral: true,
        stack_file: directory.join("stack.json"),
        port: 0,
        host: std::net::Ipv4Addr::LOCALHOST.into(),
        https: false,
        functions_dir: functions_dir(),
        parameters: std::collections::BTreeMap::new(),
        rust_log: "info".to_owned(),
        processes: 16,
        idle_limit: Duration::from_mins(5),
        gateway: local_stack::GatewayLimits::default(),
    }
}

pub(crate) fn template() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stack/templates/requests.yaml")
}

pub(crate) fn delivery_template() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stack/templates/delivery.yaml")
}

/// Cargo builds the examples with the tests, in the directory of the program.
pub(crate) fn functions_dir() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_local-stack")).with_file_name("examples")
}

/// Whether a process exists and has not ended.
pub(crate) fn is_running(pid: u32) -> bool {
    let ended = |state: &str| state.trim_start().starts_with(['Z', 'X']);
    match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => !stat.rsplit_once(')').is_some_and(|(_, state)| ended(state)),
        Err(_) => false,
    }
}

/// Waits until `condition` holds; panics after a minute.
pub(crate) async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !condition().await {
        assert!(Instant::now() < deadline, "timed out while waiting until {what}");
        // The stack runs on the same thread, and its functions in other processes.
        tokio::task::yield_now().await;
        std::thread::yield_now();
    }
}
