//! The binary of a function, connected to a Lambda Runtime API that has one event for it.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use identity_core::ports::{Clock as _, SystemClock};
use serde_json::Value;
use tokio::{
    net::TcpListener,
    process::{Child, Command},
    sync::mpsc,
    task::JoinHandle,
};

/// A process that has one event to handle. It is killed when this is dropped.
pub(crate) struct Process {
    child: Child,
    answers: mpsc::UnboundedReceiver<Result<Value, String>>,
    serving: JoinHandle<io::Result<()>>,
}

impl Process {
    /// Starts `function`, with this timeout for `event`, and writes its log to a file.
    pub(crate) async fn start(
        function: &str,
        environment: &BTreeMap<String, String>,
        event: &Value,
        limit: Duration,
        log: &Path,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let runtime_api = listener.local_addr().unwrap().to_string();
        let (tell, answers) = mpsc::unbounded_channel();
        let event = Mutex::new(Some(event.to_string()));
        let router = router(Arc::new(Api { event, limit, tell }));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        let log = File::options().create(true).append(true).open(log).unwrap();
        let tests = std::env::current_exe().unwrap();
        let binary = tests.parent().unwrap().with_file_name(function);
        assert!(binary.is_file(), "{} is missing: run `make binaries`", binary.display());
        let child = Command::new(binary)
            .env_clear()
            .envs(environment)
            .env("AWS_LAMBDA_RUNTIME_API", runtime_api)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self { child, answers, serving }
    }

    /// The answer of the process.
    pub(crate) async fn answer(&mut self) -> Result<Value, String> {
        tokio::select! {
            biased;
            answer = self.answers.recv() => answer.unwrap(),
            ended = self.child.wait() => Err(format!("it has ended: {}", ended.unwrap())),
        }
    }

    /// `kill -9`. The process is gone when this returns.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

struct Api {
    event: Mutex<Option<String>>,
    limit: Duration,
    tell: mpsc::UnboundedSender<Result<Value, String>>,
}

fn router(api: Arc<Api>) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(error))
        .with_state(api)
}

async fn next(State(api): State<Arc<Api>>) -> Response {
    let event = api.event.lock().unwrap().take();
    let Some(event) = event else { return std::future::pending().await };
    let since =
        SystemClock::default().now().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap();
    let deadline = (since + api.limit).as_millis();
    Response::builder()
        .header("content-type", "application/json")
        // Every run has a different name.
        .header("lambda-runtime-aws-request-id", format!("run-{}", since.as_nanos()))
        .header("lambda-runtime-deadline-ms", deadline.to_string())
        .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:x:0:function:swept")
        .body(Body::from(event))
        .unwrap()
}

async fn response(State(api): State<Arc<Api>>, payload: Bytes) -> StatusCode {
    let answer = serde_json::from_slice(&payload).map_err(|error| error.to_string());
    let _ = api.tell.send(answer);
    StatusCode::ACCEPTED
}

async fn error(State(api): State<Arc<Api>>, payload: Bytes) -> StatusCode {
    let _ = api.tell.send(Err(String::from_utf8_lossy(&payload).into_owned()));
    StatusCode::ACCEPTED
}
