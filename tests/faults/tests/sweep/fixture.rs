//! The environment of a function: an ACS, a table, a secret, the template's variables.

use std::{
    cell::Cell,
    fs::File,
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use acs_client::{AcsIdentityClient, Config};
use acs_emulator::{Emulator, EmulatorOptions};
use aws_sdk_dynamodb::Client;
use dynoxide::Database;
use harness::{
    DynamoEngine, SECRET_ARN, TestFunction, TestServer, binary, create_tables, dynamodb_config,
    lambda_environment, secrets_manager, template_with,
};
use identity_core::{
    identity::{AcsId, ExternalId},
    phone::PhonePrincipal,
    ports::{
        Change, Clock as _, IdentityClient as _, IdentityStore as _, SystemClock,
        TeamsPhoneClient as _,
    },
    record::{Record, State},
    resource::ResourceName,
    testing::{an_hour, phone::guid, record},
};
use identity_store::DynamoIdentityStore;
use local_stack::template::FunctionSpec;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::timeout;

use crate::gate::{Gate, SweepStrike};

/// Two ACS resources, which are used by many fixtures: their keys are expensive to generate.
pub(crate) struct SweepAcs {
    main: SweepResource,
    other: SweepResource,
    http: reqwest::Client,
}

struct SweepResource {
    name: ResourceName,
    server: acs_emulator::EmulatorServer,
    client: AcsIdentityClient<SystemClock>,
}

impl SweepResource {
    async fn start(name: ResourceName) -> Self {
        let emulator = Emulator::builder()
            .options(EmulatorOptions { no_limits: true, ..EmulatorOptions::default() })
            .build()
            .unwrap();
        let server = emulator.serve_on_loopback().await.unwrap();
        let mut config = Config::new(server.connection_string().parse().unwrap());
        let limits = &mut config.limits;
        (limits.connect, limits.attempt, limits.call) = (LIMIT, LIMIT, LIMIT);
        let client = AcsIdentityClient::new(config, SystemClock::default()).unwrap();
        Self { name, server, client }
    }

    /// The connection string of the resource, which is reached at `address`.
    fn connection_string(&self, address: SocketAddr) -> String {
        let connection_string = self.server.connection_string();
        let (_, key) = connection_string.split_once(';').unwrap();
        format!("endpoint=http://{address}/;{key}")
    }
}

impl SweepAcs {
    pub(crate) async fn start() -> Self {
        let main = SweepResource::start(ResourceName::MAIN).await;
        let other = SweepResource::start(other_resource()).await;
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { main, other, http }
    }

    fn resources(&self) -> [&SweepResource; 2] {
        [&self.main, &self.other]
    }

    /// Removes everything except the keys.
    async fn reset(&self) {
        for resource in self.resources() {
            let url = format!("http://{}/_emulator/reset", resource.server.address());
            let answer = self.http.post(url).send().await.unwrap();
            assert!(answer.status().is_success());
        }
    }

    /// The members of a list of both resources.
    async fn list(&self, name: &str) -> Vec<Value> {
        let mut all = Vec::new();
        for resource in self.resources() {
            let url = format!("http://{}/_emulator/{name}", resource.server.address());
            let listed: Value = self.http.get(url).send().await.unwrap().json().await.unwrap();
            all.extend_from_slice(listed[name].as_array().unwrap());
        }
        all
    }
}

/// The second resource. New identities are in the first one, because no placement names this one.
pub(crate) fn other_resource() -> ResourceName {
    ResourceName::parse("other").unwrap()
}

/// The environment of one function. It ends when this is dropped.
pub(crate) struct SweepFixture<'a> {
    acs: &'a SweepAcs,
    functions: Vec<FunctionSpec>,
    function: FunctionSpec,
    /// The table, accessed without a gate.
    pub(crate) store: DynamoIdentityStore,
    engine: DynamoEngine,
    /// The offset of the function's clock.
    ahead: Cell<Duration>,
    dir: TempDir,
}

/// The outcome of a run.
#[derive(Debug)]
pub(crate) enum SweepRun {
    /// The run ended with this response.
    Completed(Value),
    /// The run was killed.
    Killed,
}

impl<'a> SweepFixture<'a> {
    /// An environment with empty tables and an ACS without identities.
    pub(crate) async fn new(acs: &'a SweepAcs, function: &str) -> Self {
        acs.reset().await;
        let phone = json!({ "tenants": [guid(1)], "clients": [guid(9)] }).to_string();
        let template = template_with(&[
            ("CleanupMode", "apply"),
            ("InviteScope", "guestpass.invite"),
            ("Policy", r#"{"guests": {}}"#),
            ("AdminCondition", r#"{"role": "guestpass-admin"}"#),
            ("TeamsPhone", &phone),
        ]);
        let database = Database::memory().unwrap();
        create_tables(&database, &template);
        let table = template.table("Identities").unwrap().name.clone();
        let functions = template.functions;
        let function = spec(&functions, function);
        let engine = DynamoEngine::start(database).await.unwrap();
        let client = Client::from_conf(dynamodb_config(&engine.url()).build());
        let store = DynamoIdentityStore::new(client, table);
        let dir = tempfile::tempdir().unwrap();
        Self { acs, functions, function, store, engine, ahead: Cell::default(), dir }
    }

    /// Lets the next runs be those of another function, with the same tables and the same ACS.
    pub(crate) fn switch_to(&mut self, function: &str) {
        self.function = spec(&self.functions, function);
    }

    /// Whether ACS has an assignment to Teams Phone of this principal.
    pub(crate) async fn is_assigned(&self, principal: &PhonePrincipal) -> bool {
        let deadline = SystemClock::default().now() + LIMIT;
        self.acs.main.client.find_assignment(principal, deadline).await.unwrap().is_some()
    }

    /// Creates an identity in ACS.
    pub(crate) async fn identity(&self) -> AcsId {
        self.identity_in(&ResourceName::MAIN).await
    }

    /// Creates an identity in one of the resources.
    pub(crate) async fn identity_in(&self, resource: &ResourceName) -> AcsId {
        let mut resources = self.acs.resources().into_iter();
        let SweepResource { client, .. } = resources.find(|one| one.name == *resource).unwrap();
        client.create_identity(SystemClock::default().now() + LIMIT).await.unwrap()
    }

    /// Writes the record of a guest.
    pub(crate) async fn add_guest(&self, id: &ExternalId, acs_id: AcsId, due_at: SystemTime) {
        let usable = State::Active { acs_id };
        let guest = Record { due_at: Some(due_at), ..record(id.as_str(), usable, days_ago(0)) };
        let written = self.store.advance(None, &guest).await.unwrap();
        assert!(matches!(written, Change::Made(_)));
    }

    /// Issues a token for an identity, and discards it.
    pub(crate) async fn token(&self, identity: &AcsId) {
        let deadline = SystemClock::default().now() + LIMIT;
        self.acs.main.client.issue_access_token(identity, &an_hour(), deadline).await.unwrap();
    }

    /// The identities in ACS, with the number of live tokens of each.
    pub(crate) async fn living(&self) -> Vec<(String, u64)> {
        let listed = self.acs.list("identities").await;
        let living = listed.iter().map(|one| (one["id"].as_str(), one["liveTokens"].as_u64()));
        living.map(|(id, tokens)| (id.unwrap().to_owned(), tokens.unwrap())).collect()
    }

    /// The identities for which ACS was asked to do `operation`, one entry per request.
    pub(crate) async fn asked(&self, operation: &str) -> Vec<String> {
        let listed = self.acs.list("requests").await;
        let asked = listed.iter().filter(|request| request["operation"] == operation);
        asked.map(|request| request["identity"].as_str().unwrap().to_owned()).collect()
    }

    /// Sets the offset of the function's clock.
    pub(crate) fn advance(&self, by: Duration) {
        std::fs::write(self.clock_file(), by.as_millis().to_string()).unwrap();
        self.ahead.set(by);
    }

    /// Lets a new process handle `event` through its own gate, and kills it when the gate shuts.
    /// Also returns the calls of the process.
    pub(crate) async fn run(
        &self,
        event: &Value,
        strike: Option<SweepStrike>,
    ) -> (SweepRun, Vec<String>) {
        let gate = Gate::new(strike, self.acs.http.clone());
        let dynamodb = gate.open(self.engine.address()).await;
        let main = gate.open(self.acs.main.server.address()).await;
        let other = gate.open(self.acs.other.server.address()).await;
        let secrets_manager = self.secrets_manager(main.address(), other.address()).await;
        let secrets = gate.open(secrets_manager.address()).await;
        let mut environment = lambda_environment();
        environment.extend(self.function.environment.clone());
        for (name, value) in [
            ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb.url()),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", secrets.url()),
            ("GUESTPASS_CLOCK_OFFSET_FILE", self.clock_file().to_string_lossy().into_owned()),
        ] {
            environment.insert(name.to_owned(), value);
        }
        // The deadline of the process uses its own clock.
        let limit = self.function.timeout + self.ahead.get();
        let log = self.dir.path().join("log");
        let file = File::options().create(true).append(true).open(&log).unwrap();
        let binary = binary(&self.function.binary);
        let mut process = TestFunction::start(&binary, &environment, &file).await.unwrap();
        let response = tokio::select! {
            biased;
            () = gate.shut() => None,
            response = timeout(LIMIT, process.invoke(event, limit)) => {
                Some(response.unwrap_or_else(|_| Err("timed out".to_owned())))
            }
        };
        process.kill().await.unwrap();
        gate.quiet().await;
        let run = match response {
            None => SweepRun::Killed,
            Some(Ok(response)) => SweepRun::Completed(response),
            Some(Err(error)) => {
                unreachable!("{error}\n{}", std::fs::read_to_string(log).unwrap())
            }
        };
        (run, gate.calls())
    }

    /// A Secrets Manager whose only secret contains these addresses of the resources.
    async fn secrets_manager(&self, main: SocketAddr, other: SocketAddr) -> TestServer {
        let SweepAcs { main: first, other: second, .. } = self.acs;
        let (name, of_other) = (&second.name, second.connection_string(other));
        let secret = json!({ "main": first.connection_string(main), name.as_str(): of_other });
        secrets_manager(SECRET_ARN, &secret.to_string()).await.unwrap()
    }

    fn clock_file(&self) -> PathBuf {
        self.dir.path().join("clock")
    }
}

fn spec(functions: &[FunctionSpec], binary: &str) -> FunctionSpec {
    functions.iter().find(|one| one.binary == binary).unwrap().clone()
}

/// The time so many days ago.
pub(crate) fn days_ago(days: u64) -> SystemTime {
    SystemClock::default().now() - Duration::from_hours(24 * days)
}

/// Far more than any test here needs.
const LIMIT: Duration = Duration::from_mins(1);
