//! Starts the services of a stack, in the order of their dependencies, and connects them.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use dynoxide::Database;
use tokio::sync::watch;

use super::LocalStack;
use super::data_directory::DataDirectory;
use super::fleet::{Fleet, FleetContext};
use super::introduction::{SCOPE, administrator_token, first_request};
use super::listeners::{Listeners, url};
use super::servers::Servers;
use super::stack_file::{StackAddresses, StackFile};
use super::start_error::StackStartError;
use crate::acs::LocalAcs;
use crate::bus::{self, EventBus};
use crate::clock::StackClock;
use crate::console::{self, Console};
use crate::control::{self, ControlApi};
use crate::gateway::{
    self, ApiAuthorizer, Gateway, GatewayLimits, JwtAuthorizer, LambdaAuthorizer, Routes,
};
use crate::issuer::{self, OidcIssuer};
use crate::options::StackOptions;
use crate::queue::{self, Queues};
use crate::runtime::{FunctionPool, ProcessReaper};
use crate::template::{AuthorizerSpec, Inputs, SecretSpec, Template};
use crate::{dynamodb, secrets};

/// The `aud` of the issuer's tokens.
const AUDIENCE: &str = "guestpass-local";

/// The additional claim of an administrator's token, unless `--parameter` changes it.
const ADMIN_CONDITION: &str = r#"{"role": "guestpass-admin"}"#;

/// The secret from which a function reads the connection string.
const ACS_SECRET: &str = "arn:aws:secretsmanager:local:000000000000:secret:acs";

impl LocalStack {
    /// Starts all services. When it returns, every service accepts requests and `stack.json` is
    /// written.
    pub async fn start(options: StackOptions) -> Result<Self, StackStartError> {
        let data = DataDirectory::open(&options)?;
        let (listeners, acs_listeners) = Listeners::bind(options.port).await?;
        // The file of a killed stack has the addresses of that stack.
        StackFile::remove_stale(&options.stack_file);

        let acs = LocalAcs::start(acs_listeners, &options)?;
        let clock = data.open_clock(&acs)?;
        let template = read_template(&options, &url(&listeners.issuer)?, &acs)?;
        let addresses = stack_addresses(&listeners, &acs, &template)?;
        let end_functions = watch::Sender::new(false);
        let services = Services::open(&options, &template, &data, &addresses.issuer, clock)?;
        let fleet = FleetContext {
            options: &options,
            logs: &data.logs,
            addresses: &addresses,
            clock: &services.clock,
            queues: &services.queues,
            reaper: ProcessReaper::new().map_err(StackStartError::System)?,
            stopping: end_functions.subscribe(),
        }
        .create(&template.functions)?;

        let (functions, clock) = (fleet.functions.clone(), Arc::clone(&services.clock));
        let mut servers = services.serve(listeners, template, &addresses, &acs, &fleet)?;
        deliver_events(&mut servers, fleet, &end_functions);
        servers.run(end_idle(functions.clone(), options.idle_limit, servers.stopping()));
        let file = StackFile::write(&options.stack_file, &addresses)
            .map_err(StackStartError::file(&options.stack_file))?;
        Ok(Self { addresses, file, functions, end_functions, acs, servers, clock, data })
    }
}

/// The services that are the same for every request.
struct Services {
    clock: Arc<StackClock>,
    database: Database,
    issuer: Arc<OidcIssuer>,
    /// The ARNs and the values of the secrets that the template generates.
    generated_secrets: Vec<(String, String)>,
    queues: Arc<Queues>,
    bus: Arc<EventBus>,
    gateway_limits: GatewayLimits,
}

impl Services {
    /// Opens the services with the data of the last run.
    fn open(
        options: &StackOptions,
        template: &Template,
        data: &DataDirectory,
        issuer_url: &str,
        clock: Arc<StackClock>,
    ) -> Result<Self, StackStartError> {
        let tables = data.kept_file("dynamodb.sqlite");
        let database = dynamodb::open(tables.as_deref(), &template.tables)?;
        let key = data.kept_file("issuer-key.pkcs8");
        let issuer =
            OidcIssuer::new(issuer_url, AUDIENCE, SCOPE, key.as_deref(), Arc::clone(&clock))?;
        let generated_secrets = generate_secrets(&template.secrets, data)?;
        let messages = data.kept_file("queues.jsonl");
        let queues = Queues::open(template.queues.clone(), messages, Arc::clone(&clock))?;
        let bus = EventBus::new(&template.rules, Arc::clone(&queues), Arc::clone(&clock))
            .map_err(StackStartError::template(&options.template))?;
        Ok(Self {
            clock,
            database,
            issuer: Arc::new(issuer),
            generated_secrets,
            queues,
            bus,
            gateway_limits: options.gateway,
        })
    }

    /// The API's authorizer. A JWT authorizer trusts the keys of the development issuer.
    fn authorizer(&self, spec: Option<AuthorizerSpec>, fleet: &Fleet) -> ApiAuthorizer {
        let authorizer = match spec {
            None => None,
            Some(AuthorizerSpec::Jwt(spec)) => serde_json::from_value(self.issuer.jwks())
                .ok()
                .map(|keys| ApiAuthorizer::Jwt(JwtAuthorizer::new(spec, keys))),
            Some(AuthorizerSpec::Lambda(spec)) => fleet.by_id.get(&spec.function).map(|function| {
                let authorizer = LambdaAuthorizer::new(Arc::clone(function), spec.cache_for);
                ApiAuthorizer::Lambda(authorizer)
            }),
        };
        authorizer.unwrap_or(ApiAuthorizer::None)
    }

    /// Serves all services on their listeners.
    fn serve(
        self,
        listeners: Listeners,
        template: Template,
        addresses: &StackAddresses,
        acs: &LocalAcs,
        fleet: &Fleet,
    ) -> Result<Servers, StackStartError> {
        let authorizer = self.authorizer(template.authorizer, fleet);
        let routes = Routes::new(fleet.routes.clone());
        let (api, clock) = (template.api, Arc::clone(&self.clock));
        let gateway = Gateway::new(routes, authorizer, api, self.gateway_limits, clock);
        let console = Arc::new(Console {
            addresses: addresses.to_public_json(),
            first_request: first_request(addresses),
            administrator_token: administrator_token(addresses),
            gateway: Arc::clone(&gateway),
            functions: fleet.functions.clone(),
            acs: acs.address(),
        });
        let control = Arc::new(ControlApi {
            clock: self.clock,
            bus: Arc::clone(&self.bus),
            queues: self.queues,
            schedules: fleet.schedules.clone(),
            functions: fleet.functions.clone(),
        });
        let engine = listeners.engine.local_addr().map_err(StackStartError::System)?;
        let dynamodb = dynamodb::router(engine).map_err(StackStartError::HttpClient)?;
        let connection_string = (ACS_SECRET, acs.connection_string());
        let secrets = secrets::router(connection_string, self.generated_secrets);
        let mut servers = Servers::new();
        servers.serve(listeners.gateway, gateway::router(gateway));
        let console = console::router(console).merge(control::router(control));
        servers.serve_local(listeners.console, console);
        servers.serve_local(listeners.issuer, issuer::router(self.issuer));
        servers.serve_local(listeners.events, bus::put_events::router(self.bus));
        servers.serve_local(listeners.secrets, secrets);
        servers.serve_local(listeners.dynamodb, dynamodb);
        let (database, stop) = (self.database, servers.stopping());
        servers.run(async move {
            let _ = dynoxide::server::serve_with_shutdown(listeners.engine, database, stop).await;
        });
        Ok(servers)
    }
}

/// Reads the template with the parameters that the stack sets itself.
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
    Template::read(&yaml, &Inputs { parameters, secrets }).map_err(StackStartError::template(path))
}

fn stack_addresses(
    listeners: &Listeners,
    acs: &LocalAcs,
    template: &Template,
) -> Result<StackAddresses, StackStartError> {
    let output = |name: &str| template.outputs.get(name).cloned();
    Ok(StackAddresses {
        gateway: url(&listeners.gateway)?,
        console: url(&listeners.console)?,
        issuer: url(&listeners.issuer)?,
        events: url(&listeners.events)?,
        acs: acs.urls(),
        dynamodb: url(&listeners.dynamodb)?,
        secrets: url(&listeners.secrets)?,
        acs_secret_arn: ACS_SECRET,
        table: output("TableName"),
        audit_table: output("AuditTableName"),
        event_bus: output("EventBusName"),
    })
}

/// Loads or generates the values of the secrets, with their ARNs.
fn generate_secrets(
    secrets: &[SecretSpec],
    data: &DataDirectory,
) -> Result<Vec<(String, String)>, StackStartError> {
    let value = |secret: &SecretSpec| {
        let file = data.kept_file(&format!("secret-{}", secret.name));
        let value = secrets::load_or_create(file.as_deref(), secret.length);
        let value = value.map_err(|source| match file {
            Some(path) => StackStartError::File { path, source },
            None => StackStartError::System(source),
        })?;
        Ok((secret.arn.clone(), value))
    };
    secrets.iter().map(value).collect()
}

/// Starts the tasks that invoke functions for messages and at due times.
fn deliver_events(servers: &mut Servers, fleet: Fleet, end_functions: &watch::Sender<bool>) {
    for source in fleet.sources {
        servers.run(queue::poll(source, end_functions.subscribe()));
    }
    for schedule in fleet.schedules {
        servers.run(schedule.keep(end_functions.subscribe()));
    }
}

/// Ends the processes that were idle for `limit`, until `stopping` resolves.
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
