//! The environment of a function: an ACS, a table, a secret, the template's variables.

use std::{
    cell::Cell,
    collections::BTreeMap,
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use acs_client::{AcsIdentityClient, Config};
use acs_emulator::{Emulator, Server};
use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
};
use axum::{Router, routing::post};
use dynoxide::Database;
use identity_core::{
    identity::AcsId,
    ports::{Clock as _, IdentityClient as _, SystemClock},
    testing::an_hour,
};
use identity_store::DynamoIdentityStore;
use local_stack::template::{FunctionSpec, Inputs, Template};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle, time::timeout};

use crate::{
    gate::{Gate, Strike},
    process::Process,
};

/// An ACS, which is used for many worlds: its keys are expensive to generate.
pub(crate) struct Acs {
    server: Server,
    client: AcsIdentityClient<SystemClock>,
    http: reqwest::Client,
}

impl Acs {
    pub(crate) async fn start() -> Self {
        let emulator = Emulator::builder().limits(false).build().unwrap();
        let server = emulator.serve_on_loopback().await.unwrap();
        let mut config = Config::new(server.connection_string().parse().unwrap());
        let limits = &mut config.limits;
        (limits.connect, limits.attempt, limits.call) = (LIMIT, LIMIT, LIMIT);
        let client = AcsIdentityClient::new(config, SystemClock::default()).unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { server, client, http }
    }

    /// Removes everything except its keys.
    async fn reset(&self) {
        let url = format!("http://{}/_emulator/reset", self.server.address());
        let answer = self.http.post(url).send().await.unwrap();
        assert!(answer.status().is_success());
    }

    async fn told(&self, what: &str) -> Value {
        let url = format!("http://{}/_emulator/{what}", self.server.address());
        self.http.get(url).send().await.unwrap().json().await.unwrap()
    }
}

/// The environment of one function. It ends when this is dropped.
pub(crate) struct World<'a> {
    acs: &'a Acs,
    function: FunctionSpec,
    /// The table, accessed without a gate.
    pub(crate) store: DynamoIdentityStore,
    dynamodb: SocketAddr,
    serving: JoinHandle<()>,
    /// The offset of the function's clock.
    ahead: Cell<Duration>,
    dir: TempDir,
}

/// The outcome of a run.
#[derive(Debug)]
pub(crate) enum Run {
    /// The run ended with this answer.
    Answered(Value),
    /// The run was killed.
    Killed,
}

impl<'a> World<'a> {
    /// An environment with empty tables and an ACS without identities.
    pub(crate) async fn new(acs: &'a Acs, function: &str) -> Self {
        acs.reset().await;
        let template = template();
        let database = Database::memory().unwrap();
        for table in &template.tables {
            let definition = serde_json::from_value(table.definition.clone()).unwrap();
            database.create_table(definition).unwrap();
        }
        let table = template.table("Identities").unwrap().name.clone();
        let function = template.functions.into_iter().find(|one| one.binary == function).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dynamodb = listener.local_addr().unwrap();
        let serving = tokio::spawn(dynoxide::server::serve_on(listener, database));
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .endpoint_url(format!("http://{dynamodb}"))
            .build();
        let store = DynamoIdentityStore::new(Client::from_conf(config), table);
        let dir = tempfile::tempdir().unwrap();
        Self { acs, function, store, dynamodb, serving, ahead: Cell::default(), dir }
    }

    /// Creates an identity in ACS.
    pub(crate) async fn identity(&self) -> AcsId {
        self.acs.client.create_identity(SystemClock::default().now() + LIMIT).await.unwrap()
    }

    /// Issues a token for an identity, and discards it.
    pub(crate) async fn token(&self, identity: &AcsId) {
        let deadline = SystemClock::default().now() + LIMIT;
        self.acs.client.issue_access_token(identity, &an_hour(), deadline).await.unwrap();
    }

    /// The identities in ACS, with the number of live tokens of each.
    pub(crate) async fn living(&self) -> Vec<(String, u64)> {
        let told = self.acs.told("identities").await;
        let identities = told["identities"].as_array().unwrap().iter();
        let living = identities.map(|one| (one["id"].as_str(), one["liveTokens"].as_u64()));
        living.map(|(id, tokens)| (id.unwrap().to_owned(), tokens.unwrap())).collect()
    }

    /// The identities for which ACS was asked to do `operation`, one entry per request.
    pub(crate) async fn asked(&self, operation: &str) -> Vec<String> {
        let told = self.acs.told("requests").await;
        let requests = told["requests"].as_array().unwrap().iter();
        let asked = requests.filter(|request| request["operation"] == operation);
        asked.map(|request| request["identity"].as_str().unwrap().to_owned()).collect()
    }

    /// Sets the offset of the function's clock.
    pub(crate) fn advance(&self, by: Duration) {
        std::fs::write(self.clock_file(), by.as_millis().to_string()).unwrap();
        self.ahead.set(by);
    }

    /// Lets a new process handle `event` through its own gate, and kills it when the gate shuts.
    /// Also returns the calls of the process.
    pub(crate) async fn run(&self, event: &Value, strike: Option<Strike>) -> (Run, Vec<String>) {
        let gate = Gate::new(strike, self.acs.http.clone());
        let (dynamodb, _one) = gate.door(self.dynamodb).await;
        let (acs, _two) = gate.door(self.acs.server.address()).await;
        let (secrets, _three) = gate.door(self.secrets_manager(acs).await).await;
        let mut environment = self.function.environment.clone();
        for (name, value) in [
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
            ("AWS_ENDPOINT_URL_DYNAMODB", &format!("http://{dynamodb}")),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &format!("http://{secrets}")),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_FUNCTION_NAME", "swept"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "swept"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "swept"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMIEXAMPLEKEY"),
            ("GUESTPASS_CLOCK_OFFSET_FILE", &self.clock_file().to_string_lossy()),
        ] {
            environment.insert(name.to_owned(), value.to_owned());
        }
        // The deadline of the process uses its own clock.
        let (name, limit) = (&self.function.binary, self.function.timeout + self.ahead.get());
        let log = self.dir.path().join("log");
        let mut process = Process::start(name, &environment, event, limit, &log).await;
        let answer = tokio::select! {
            biased;
            () = gate.shut() => None,
            answer = timeout(LIMIT, process.answer()) => Some(answer.map_err(|_| "no answer".to_owned())),
        };
        process.kill().await;
        gate.quiet().await;
        let run = match answer {
            None => Run::Killed,
            Some(Ok(Ok(answer))) => Run::Answered(answer),
            Some(Ok(Err(why)) | Err(why)) => {
                unreachable!("{why}\n{}", std::fs::read_to_string(log).unwrap())
            }
        };
        (run, gate.calls())
    }

    /// A Secrets Manager whose only secret contains the address of ACS, `address`.
    async fn secrets_manager(&self, acs: SocketAddr) -> SocketAddr {
        let connection_string = self.acs.server.connection_string();
        let (_, key) = connection_string.split_once(';').unwrap();
        let text = format!("endpoint=http://{acs}/;{key}");
        let secret = json!({ "ARN": SECRET, "SecretString": text }).to_string();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", post(async move || secret));
        tokio::spawn(async move { axum::serve(listener, router).await });
        address
    }

    fn clock_file(&self) -> PathBuf {
        self.dir.path().join("clock")
    }
}

impl Drop for World<'_> {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The time so many days ago.
pub(crate) fn days_ago(days: u64) -> SystemTime {
    SystemClock::default().now() - Duration::from_hours(24 * days)
}

fn template() -> Template {
    let parameters =
        [("Issuer", ISSUER), ("Audience", "x"), ("AcsSecretArn", SECRET), ("CleanupMode", "apply")];
    let inputs = Inputs {
        parameters: BTreeMap::from(parameters.map(|(name, value)| (name.into(), value.into()))),
        secrets: BTreeMap::from([(SECRET.to_owned(), "unused".to_owned())]),
    };
    Template::read(include_str!("../../../../infra/template.yaml"), &inputs).unwrap()
}

const ISSUER: &str = "https://idp.example";
const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:acs";

/// Far more than any test here needs.
const LIMIT: Duration = Duration::from_mins(1);
