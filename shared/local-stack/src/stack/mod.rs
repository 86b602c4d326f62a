//! Starts the parts of the stack, connects them, and stops them.

mod fleet;
mod listeners;
mod servers;
mod stack_file;
mod start_error;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use acs_emulator::DirectoryLock;
use tokio::sync::watch;
use uuid::Uuid;

use fleet::{Fleet, FleetContext};
use listeners::{Listeners, url};
use servers::Servers;
use stack_file::{StackAddresses, StackFile};
pub use start_error::StackStartError;

use crate::acs::LocalAcs;
use crate::bus::{self, EventBus};
use crate::clock::StackClock;
use crate::console::{self, Console};
use crate::control::{self, ControlApi};
use crate::gateway::{self, Gateway, JwtAuthorizer, Routes};
use crate::issuer::{self, OidcIssuer, WARNING};
use crate::options::StackOptions;
use crate::output::{flush, say};
use crate::queue::{self, Queues};
use crate::runtime::{FunctionPool, ProcessReaper};
use crate::template::{self, Inputs, Template};
use crate::{dynamodb, secrets};

/// A shell command that extracts the token from the issuer's answer.
const PICK: &str = r#"python3 -c 'import json,sys; print(json.load(sys.stdin)["access_token"])'"#;

/// The `aud` of the issuer's tokens.
const AUDIENCE: &str = "guestpass-local";

/// The default scopes of the issuer's tokens.
const SCOPE: &str = "guestpass.token";

/// The additional claim of an administrator's token, unless `--parameter` changes it.
const ADMIN_CONDITION: &str = r#"{"role": "guestpass-admin"}"#;

/// The secret from which a function reads the connection string.
const ACS_SECRET: &str = "arn:aws:secretsmanager:local:000000000000:secret:acs";

/// A running stack. Dropping it kills it; [`LocalStack::stop`] ends it in order.
pub struct LocalStack {
    addresses: StackAddresses,
    file: StackFile,
    functions: Vec<Arc<FunctionPool>>,
    end_functions: watch::Sender<bool>,
    acs: LocalAcs,
    servers: Servers,
    clock: Arc<StackClock>,
    /// Held while this stack uses the data directory.
    lock: Option<DirectoryLock>,
}

impl LocalStack {
    /// Starts all services. When it returns, every service answers and `stack.json` is written.
    pub async fn start(options: StackOptions) -> Result<Self, StackStartError> {
        let logs = directories(&options.data)?;
        let lock = if options.ephemeral { None } else { Some(lock(&options.data)?) };
        let kept = |name: &str| (!options.ephemeral).then(|| options.data.join(name));
        let ports = Listeners::take(options.port).await?;
        // The file of a killed stack is no longer correct.
        StackFile::remove_stale(&options.stack_file);
        let at = |listener| url(listener).map_err(StackStartError::System);
        let issuer_url = at(&ports.issuer)?;
        let dynamodb_url = at(&ports.dynamodb)?;
        let secrets_url = at(&ports.secrets)?;
        let gateway_url = at(&ports.gateway)?;

        let (data, keeps_nothing) = (&options.data, options.ephemeral);
        let acs =
            LocalAcs::start(ports.acs_http, ports.acs_https, data, keeps_nothing, &options.acs)?;
        let clock = clock(data, keeps_nothing, &acs)?;
        let template = read_template(&options, &issuer_url, &acs)?;
        let database = dynamodb::open(kept("dynamodb.sqlite").as_deref(), &template.tables)?;
        let key = kept("issuer-key.pkcs8");
        let issuer =
            OidcIssuer::new(&issuer_url, AUDIENCE, SCOPE, key.as_deref(), Arc::clone(&clock))?;
        let issuer = Arc::new(issuer);
        let generated = generated(&template.secrets, kept)?;
        let queues = Queues::open(template.queues, kept("queues.jsonl"), Arc::clone(&clock))?;
        let bus = EventBus::new(template.rules, Arc::clone(&queues), Arc::clone(&clock));

        let end_functions = watch::Sender::new(false);
        let fleet = FleetContext {
            options: &options,
            logs: &logs,
            dynamodb: &dynamodb_url,
            secrets: &secrets_url,
            clock: &clock,
            queues: &queues,
            reaper: ProcessReaper::new().map_err(StackStartError::System)?,
            stopping: end_functions.subscribe(),
        }
        .fleet(template.functions)?;
        let Fleet { functions, routes, sources, schedules } = fleet;
        let authorizer = template
            .authorizer
            .zip(serde_json::from_value(issuer.jwks()).ok())
            .map(|(config, keys)| JwtAuthorizer::new(config, keys));
        let gateway = Gateway::new(Routes::new(routes), authorizer, Arc::clone(&clock));

        let addresses = StackAddresses {
            gateway: gateway_url,
            console: at(&ports.console)?,
            issuer: issuer_url,
            events: at(&ports.events)?,
            acs: acs.urls(),
            dynamodb: dynamodb_url,
            secrets: secrets_url,
            acs_secret_arn: ACS_SECRET,
            table: template.outputs.get("TableName").cloned(),
            audit_table: template.outputs.get("AuditTableName").cloned(),
            event_bus: template.outputs.get("EventBusName").cloned(),
        };
        let control = Arc::new(ControlApi {
            clock: Arc::clone(&clock),
            bus: Arc::clone(&bus),
            queues,
            schedules: schedules.clone(),
            functions: functions.clone(),
        });
        let console = Arc::new(Console {
            addresses: addresses.to_public_json(),
            example: example(&addresses),
            administrator: administrator(&addresses),
            gateway: Arc::clone(&gateway),
            functions: functions.clone(),
            acs: acs.address(),
        });

        let mut servers = Servers::new();
        servers.serve(ports.gateway, gateway::router(gateway));
        servers.serve(ports.console, console::router(console).merge(control::router(control)));
        servers.serve(ports.issuer, issuer::router(issuer));
        servers.serve(ports.events, bus::put_events::router(bus));
        let connection_string = (ACS_SECRET, acs.connection_string());
        servers.serve(ports.secrets, secrets::router(connection_string, generated));
        let stopping = servers.stopping();
        servers.run(async move {
            let _ = dynoxide::server::serve_with_shutdown(ports.dynamodb, database, stopping).await;
        });
        for source in sources {
            servers.run(queue::poll(source, end_functions.subscribe()));
        }
        for schedule in schedules {
            servers.run(schedule.keep(end_functions.subscribe()));
        }
        servers.run(end_idle(functions.clone(), options.idle_limit, servers.stopping()));

        let file = StackFile::write(&options.stack_file, &addresses)
            .map_err(StackStartError::file(&options.stack_file))?;
        Ok(Self { addresses, file, functions, end_functions, acs, servers, clock, lock })
    }

    /// The base of the API's URLs.
    #[must_use]
    pub fn gateway(&self) -> &str {
        &self.addresses.gateway
    }

    /// The URL of the console.
    #[must_use]
    pub fn console(&self) -> &str {
        &self.addresses.console
    }

    /// The URL of the issuer, which is its `iss`.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.addresses.issuer
    }

    /// The URL for `PutEvents`.
    #[must_use]
    pub fn events(&self) -> &str {
        &self.addresses.events
    }

    /// The endpoint of ACS.
    #[must_use]
    pub fn acs(&self) -> &str {
        &self.addresses.acs.http
    }

    /// The endpoint of DynamoDB.
    #[must_use]
    pub fn dynamodb(&self) -> &str {
        &self.addresses.dynamodb
    }

    /// The ids of a function's processes, by the name of its binary.
    #[must_use]
    pub fn pids(&self, function: &str) -> Vec<u32> {
        self.functions.iter().find(|f| f.name() == function).map(|f| f.pids()).unwrap_or_default()
    }

    /// Prints the addresses of all services, and the commands for a first call.
    pub fn introduce(&self) {
        let addresses = &self.addresses;
        say("Guestpass runs on this machine:\n");
        for (name, place) in [
            ("gateway", addresses.gateway.as_str()),
            ("console", &addresses.console),
            ("issuer", &addresses.issuer),
            ("events", &addresses.events),
            ("ACS", &addresses.acs.http),
            ("", &addresses.acs.https),
            ("DynamoDB", &addresses.dynamodb),
            ("secrets", &addresses.secrets),
        ] {
            say(format_args!("  {name:<9} {place}"));
        }
        say(format_args!("\nThe issuer is {WARNING}."));
        let (console, ahead) = (&addresses.console, self.clock.offset_ms() / 1000);
        if ahead != 0 {
            say(format_args!("\nThe clock is {ahead} s ahead, where the last run left it."));
        }
        say(format_args!("\nEvents: aws events put-events --endpoint-url {} …", addresses.events));
        if let Some(bus) = &addresses.event_bus {
            say(format_args!("Your own go to the event bus {bus} (EventBusName of each entry)."));
        }
        say(format_args!(
            "An hour later: curl -d '{{\"advanceSeconds\": 3600}}' {console}/_local/clock"
        ));
        say(format_args!("\nAn administrator's token:\n\n{}", administrator(addresses)));
        say(format_args!("\nA first call:\n\n{}\n", example(addresses)));
    }

    /// Stops everything: when it returns, all processes have ended and all ports are free.
    pub async fn stop(self) {
        let Self { file, functions, end_functions, acs, servers, clock, lock, addresses: _ } = self;
        drop(file);
        end_functions.send_replace(true);
        for function in &functions {
            function.stopped().await;
        }
        servers.stop().await;
        acs.stop().await;
        clock.tidy();
        drop(lock);
        let _ = tokio::task::spawn_blocking(flush).await;
    }
}

/// Creates the directories. Only the owner can read the data, because it contains keys.
fn directories(data: &Path) -> Result<PathBuf, StackStartError> {
    let logs = data.join("logs");
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(&logs).map_err(StackStartError::file(&logs))?;
    Ok(logs)
}

/// The ARNs and the values of the secrets that the template generates.
fn generated(
    secrets: &[template::SecretSpec],
    kept: impl Fn(&str) -> Option<PathBuf>,
) -> Result<Vec<(String, String)>, StackStartError> {
    let value = |secret: &template::SecretSpec| {
        let file = kept(&format!("secret-{}", secret.name));
        let value = secrets::load_or_create(file.as_deref(), secret.length);
        let value = value.map_err(|source| match file {
            Some(path) => StackStartError::File { path, source },
            None => StackStartError::System(source),
        })?;
        Ok((secret.arn.clone(), value))
    };
    secrets.iter().map(value).collect()
}

/// The clock. Its file has an absolute path, because functions read it from other directories.
fn clock(data: &Path, ephemeral: bool, acs: &LocalAcs) -> Result<Arc<StackClock>, StackStartError> {
    let data = fs::canonicalize(data).map_err(StackStartError::file(data))?;
    let name = if ephemeral { format!("clock-{}", Uuid::new_v4()) } else { "clock".to_owned() };
    let file = data.join(name);
    StackClock::open(file.clone(), !ephemeral, acs.clock()).map_err(StackStartError::file(file))
}

/// Locks the data directory against other stacks.
fn lock(data: &Path) -> Result<DirectoryLock, StackStartError> {
    let lock =
        DirectoryLock::take(data).map_err(StackStartError::file(DirectoryLock::path(data)))?;
    lock.ok_or_else(|| StackStartError::DataInUse(data.to_owned()))
}

fn read_template(
    options: &StackOptions,
    issuer: &str,
    acs: &LocalAcs,
) -> Result<Template, StackStartError> {
    let path = &options.template;
    let yaml = fs::read_to_string(path).map_err(StackStartError::file(path))?;
    let mut parameters = options.parameters.clone();
    for (name, value) in [("Issuer", issuer), ("Audience", AUDIENCE), ("AcsSecretArn", ACS_SECRET)]
    {
        parameters.insert(name.to_owned(), value.to_owned());
    }
    // The template's default closes the administrators' routes.
    parameters.entry("AdminCondition".to_owned()).or_insert_with(|| ADMIN_CONDITION.to_owned());
    let secrets = BTreeMap::from([(ACS_SECRET.to_owned(), acs.connection_string())]);
    Template::read(&yaml, &Inputs { parameters, secrets })
        .map_err(|source| StackStartError::Template { path: path.clone(), source })
}

async fn end_idle(
    functions: Vec<Arc<FunctionPool>>,
    limit: Duration,
    stopping: impl Future<Output = ()>,
) {
    tokio::pin!(stopping);
    let mut ticks = tokio::time::interval((limit / 10).max(Duration::from_millis(1)));
    loop {
        tokio::select! {
            () = &mut stopping => return,
            _ = ticks.tick() => {}
        }
        for function in &functions {
            function.end_idle(limit).await;
        }
    }
}

/// A line for a shell.
fn administrator(addresses: &StackAddresses) -> String {
    let issuer = &addresses.issuer;
    format!(
        "ADMIN=$(curl -s -d sub=root -d scope=guestpass.admin -d role=guestpass-admin {issuer}/token | {PICK})"
    )
}

/// Two lines for a shell.
fn example(addresses: &StackAddresses) -> String {
    let (issuer, gateway) = (&addresses.issuer, &addresses.gateway);
    format!(
        "TOKEN=$(curl -s -d 'sub=alice' -d 'scope={SCOPE}' {issuer}/token | {PICK})\n\
         curl -s -X POST -H \"Authorization: Bearer $TOKEN\" {gateway}/v1/token"
    )
}

// `AcsUrls` and `StackAddresses` hold the access key, so `Debug` shows only the public half of a stack.
impl std::fmt::Debug for LocalStack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LocalStack {}", self.addresses.to_public_json())
    }
}
