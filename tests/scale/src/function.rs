use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::PathBuf,
    process::Stdio,
    sync::Arc,
    time::{Duration, SystemTime},
};

use acs_emulator::{Emulator, Server};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    net::TcpListener,
    process::{Child, Command},
    sync::{Mutex, mpsc},
    task::JoinHandle,
    time::timeout,
};

use crate::{Engine, population::RESOURCE};

/// The binary of `delete-stale-identities`, connected to a Lambda Runtime API and an ACS. It ends
/// when this is dropped.
pub struct Function {
    process: Child,
    events: mpsc::UnboundedSender<Value>,
    answers: mpsc::UnboundedReceiver<Result<Value, String>>,
    log: TempDir,
    _acs: Server,
    services: [JoinHandle<io::Result<()>>; 2],
}

impl Function {
    /// Starts the function in the environment that the template gives it, with `more`.
    ///
    /// The binary is cargo's, which puts the binaries of the workspace beside its tests.
    pub async fn start(engine: &Engine, more: &[(&str, &str)]) -> Self {
        let emulator = Emulator::builder().resource(RESOURCE).limits(false).build().unwrap();
        let acs = emulator.serve_on_loopback().await.unwrap();
        let secret = json!({ "ARN": SECRET, "SecretString": acs.connection_string() }).to_string();
        let secrets = Router::new().route("/", post(async move || secret));
        let (secrets, secrets_manager) = serve(secrets).await;

        let (events, handed_out) = mpsc::unbounded_channel();
        let (tell, answers) = mpsc::unbounded_channel();
        let (runtime_api, serving) = serve(runtime_api(handed_out, tell)).await;

        let tests = std::env::current_exe().unwrap();
        let binary: PathBuf = tests.parent().unwrap().with_file_name("delete-stale-identities");
        assert!(binary.is_file(), "{} is missing: run `make cost`", binary.display());
        let log = tempfile::tempdir().unwrap();
        let file = File::create(log.path().join("log")).unwrap();
        let process = Command::new(binary)
            .env_clear()
            .envs(environment(engine.table()))
            .env("ACS_SECRET_ARN", SECRET)
            .env("AWS_ENDPOINT_URL_DYNAMODB", engine.endpoint())
            .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", secrets)
            .env("AWS_LAMBDA_RUNTIME_API", runtime_api.trim_start_matches("http://"))
            .envs(more.iter().copied())
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let services = [secrets_manager, serving];
        Self { process, events, answers, log, _acs: acs, services }
    }

    /// Runs it once, and returns its answer.
    pub async fn invoke(&mut self, event: Value) -> Value {
        self.events.send(event).unwrap();
        let answer = timeout(LONGEST, self.answers.recv()).await;
        let answer = answer.map_err(|_| "it does not answer".to_owned());
        let answer =
            answer.and_then(|answer| answer.ok_or("the Runtime API is gone".to_owned())?);
        answer.unwrap_or_else(|why| {
            let log = fs::read_to_string(self.log.path().join("log")).unwrap();
            unreachable!("{why}\n{log}")
        })
    }

    /// The peak memory of the process in bytes, where the kernel reports it.
    #[must_use]
    pub fn peak_memory(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kibibytes * 1024)
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        for service in &self.services {
            service.abort();
        }
    }
}

async fn serve(router: Router) -> (String, JoinHandle<io::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    (endpoint, tokio::spawn(async move { axum::serve(listener, router).await }))
}

/// The variables of Lambda and the template, without the addresses.
fn environment(table: &str) -> BTreeMap<&str, &str> {
    BTreeMap::from([
        ("ACS_API_VERSION", "2026-09-23"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_FUNCTION_NAME", "scale"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/scale"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "scale"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMIEXAMPLEKEY"),
        ("AWS_SESSION_TOKEN", "example"),
        ("RETENTION_DAYS", "90"),
        ("TABLE_NAME", table),
    ])
}

struct Api {
    events: Mutex<mpsc::UnboundedReceiver<Value>>,
    tell: mpsc::UnboundedSender<Result<Value, String>>,
}

fn runtime_api(
    events: mpsc::UnboundedReceiver<Value>,
    tell: mpsc::UnboundedSender<Result<Value, String>>,
) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(error))
        .with_state(Arc::new(Api { events: Mutex::new(events), tell }))
}

async fn next(State(api): State<Arc<Api>>) -> Response {
    let Some(event) = api.events.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    #[expect(clippy::disallowed_methods, reason = "Lambda's clock is the system's")]
    let deadline = SystemTime::now() + LONGEST;
    let deadline = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", format!("request-{deadline}"))
        .header("lambda-runtime-deadline-ms", deadline.to_string())
        .header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:x:0:function:scale")
        .body(Body::from(event.to_string()))
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

const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:acs";

/// Lambda's maximum timeout of a function.
const LONGEST: Duration = Duration::from_mins(15);
