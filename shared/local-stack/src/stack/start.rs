//! Starts the services of a stack, in the order of their dependencies, and connects them.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use acs_emulator::AllowedHosts;
use axum::Router;
use dynoxide::Database;
use serde_json::Value;
use tokio::sync::watch;

use super::LocalStack;
use super::data_directory::DataDirectory;
use super::fleet::{Fleet, FleetContext};
use super::introduction::{SCOPE, administrator_token, first_request};
use super::listeners::{Listeners, url};
use super::servers::Servers;
use super::stack_file::{StackAddresses, StackFile};
use super::start_error::StackStartError;
use super::tls::ca_cert;
use super::transmitters::{self, StackTransmitters};
use crate::acs::{AcsUrls, LocalAcs};
use crate::bus::{self, EventBus};
use crate::clock::StackClock;
use crate::console::{self, Console};
use crate::control::{self, ControlApi};
use crate::entra::{self, SimulatedEntra};
use crate::gateway::{self, ApiAuthorizer, Gateway, JwtAuthorizer, LambdaAuthorizer, Routes};
use crate::issuer::{self, OidcIssuer, TrustedKeys, add_issuer_keys};
use crate::options::StackOptions;
use crate::queue::{self, Queues};
use crate::runtime::{FunctionPool, ProcessReaper};
use crate::signals::{self, Simulation};
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
        let (listeners, acs_listeners) = Listeners::bind(&options).await?;
        // The file of a killed stack has the addresses of that stack.
        StackFile::remove_stale(&options.stack_file);

        let acs = LocalAcs::start(acs_listeners, &options)?;
        let clock = data.open_clock(&acs)?;
        let [_, issuer] = listeners.reachable_urls()?;
        let transmitters = StackTransmitters::new(&options, &listeners)?;
        let mut template = read_template(&options, &issuer.public, &acs, &transmitters)?;
        if let Some(AuthorizerSpec::Lambda(spec)) = &template.authorizer {
            let console = url(&listeners.console)?;
            let mut functions = template.functions.iter_mut();
            if let Some(function) = functions.find(|one| one.logical_id == spec.function) {
                add_issuer_keys(function, &issuer.public, &console);
            }
        }
        let addresses =
            stack_addresses(&listeners, &acs, &template, transmitters.signed.with_credentials())?;
        let end_functions = watch::Sender::new(false);
        let mut services =
            Services::open(&options, &template, &data, &addresses.issuer.public, clock)?;
        let secret = (transmitters::secret_arn(&options.parameters), transmitters.secret());
        services.secrets.push(secret);
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
        let authorizer = services.authorizer(template.authorizer, &fleet).await?;
        let routes = Routes::new(fleet.routes.clone());
        let (api, limits) = (template.api, options.gateway);
        let gateway = Gateway::new(routes, authorizer, api, limits, Arc::clone(&clock));
        let key = data.kept_file("transmitter-key.pkcs8");
        let (sender, time) = (Arc::clone(&gateway), Arc::clone(&clock));
        let signals = signals::router(&Simulation::new(transmitters.signed, key, sender, time));
        let mut servers = services.serve(listeners, gateway, &addresses, &acs, &fleet, signals)?;
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
    /// The ARNs and the values of all secrets except the connection string.
    secrets: Vec<(String, String)>,
    queues: Arc<Queues>,
    bus: Arc<EventBus>,
    /// The names under which the services without credentials can be requested.
    allowed_hosts: AllowedHosts,
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
        let keys = ["issuer-key.pkcs8", "issuer-key-es256.pkcs8"].map(|name| data.kept_file(name));
        let issuer = OidcIssuer::new(
            issuer_url,
            first_item(template, "Audience").unwrap_or(AUDIENCE),
            first_item(template, "TokenScope").unwrap_or(SCOPE),
            keys.each_ref().map(Option::as_deref),
            Arc::clone(&clock),
        )?;
        let secrets = generate_secrets(&template.secrets, data)?;
        let messages = data.kept_file("queues.jsonl");
        let queues = Queues::open(template.queues.clone(), messages, Arc::clone(&clock))?;
        let bus = EventBus::new(&template.rules, Arc::clone(&queues), Arc::clone(&clock))
            .map_err(StackStartError::template(&options.template))?;
        let (issuer, allowed_hosts) = (Arc::new(issuer), options.allowed_hosts.clone());
        Ok(Self { clock, database, issuer, secrets, queues, bus, allowed_hosts })
    }

    /// The API's authorizer. A JWT authorizer trusts the keys of the development issuer, or those of
    /// a real issuer.
    async fn authorizer(
        &self,
        spec: Option<AuthorizerSpec>,
        fleet: &Fleet,
    ) -> Result<ApiAuthorizer, StackStartError> {
        let authorizer = match spec {
            None => None,
            Some(AuthorizerSpec::Jwt(spec)) => {
                let keys = if spec.issuer == self.issuer.url() {
                    TrustedKeys::Fixed(self.issuer.key_set())
                } else {
                    TrustedKeys::discover(&spec.issuer).await?
                };
                Some(ApiAuthorizer::Jwt(JwtAuthorizer::new(spec, keys)))
            }
            Some(AuthorizerSpec::Lambda(spec)) => fleet.by_id.get(&spec.function).map(|function| {
                let authorizer = LambdaAuthorizer::new(Arc::clone(function), spec.cache_for);
                ApiAuthorizer::Lambda(authorizer)
            }),
        };
        Ok(authorizer.unwrap_or(ApiAuthorizer::None))
    }

    /// Serves all services on their listeners.
    fn serve(
        self,
        listeners: Listeners,
        gateway: Arc<Gateway>,
        addresses: &StackAddresses,
        acs: &LocalAcs,
        fleet: &Fleet,
        signals: Router,
    ) -> Result<Servers, StackStartError> {
        let console = Arc::new(Console {
            addresses: addresses.to_public_json(),
            first_request: first_request(addresses),
            administrator_token: administrator_token(addresses),
            gateway: Arc::clone(&gateway),
            functions: fleet.functions.clone(),
            acs: acs.address(),
        });
        let entra =
            SimulatedEntra::new(Arc::clone(&self.clock)).map_err(StackStartError::HttpClient)?;
        let control = Arc::new(ControlApi {
            clock: self.clock,
            bus: Arc::clone(&self.bus),
            queues: Arc::clone(&self.queues),
            schedules: fleet.schedules.clone(),
            functions: fleet.functions.clone(),
        });
        let engine = listeners.engine.local_addr().map_err(StackStartError::System)?;
        let dynamodb = dynamodb::router(engine).map_err(StackStartError::HttpClient)?;
        let connection_string = (addresses.acs_secret_arn.as_str(), acs.secret());
        let secrets = secrets::router(connection_string, self.secrets);
        let mut servers = Servers::new(self.allowed_hosts);
        let tls = listeners.tls.map(|tls| tls.acceptor);
        let console = console::router(console).merge(control::router(control)).merge(signals);
        let console = console.merge(issuer::keys_router(Arc::clone(&self.issuer)));
        let console = console.merge(entra::control_router(Arc::clone(&entra)));
        servers.serve_local(listeners.console, console);
        // A web app in development gets its bearer from the issuer.
        let issuer = servers.local_only(gateway.serve_web_apps(issuer::router(self.issuer)));
        servers.serve_reachable(listeners.issuer, issuer, tls.as_ref())?;
        servers.serve_reachable(listeners.gateway, gateway::router(gateway), tls.as_ref())?;
        let events = bus::put_events::router(self.bus).merge(queue::router(self.queues));
        servers.serve_local(listeners.events, events);
        servers.serve_local(listeners.secrets, secrets);
        servers.serve_local(listeners.entra, entra::router(entra));
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
    transmitters: &StackTransmitters,
) -> Result<Template, StackStartError> {
    let path = &options.template;
    let yaml = fs::read_to_string(path).map_err(StackStartError::file(path))?;
    let parameters = options.parameters.clone();
    let placement = acs.placement();
    let mut defaults = BTreeMap::from([("AcsSecretArn", ACS_SECRET)]);
    if options.resources > 1 {
        defaults.insert("AcsPlacement", &placement);
    }
    // A real issuer has an audience and administrators of its own.
    if !parameters.contains_key("Issuer") {
        // The template's default of AdminCondition closes the administrators' routes.
        let own = [("Issuer", issuer), ("Audience", AUDIENCE), ("AdminCondition", ADMIN_CONDITION)];
        defaults.extend(own);
    }
    let secret = parameters.get("AcsSecretArn").map_or(ACS_SECRET, String::as_str).to_owned();
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let mut defaults: BTreeMap<_, _> = defaults.into_iter().map(owned).collect();
    defaults.extend(transmitters.defaults(&parameters));
    let inputs = Inputs { parameters, defaults, secrets: BTreeMap::from([(secret, acs.secret())]) };
    Template::read(&yaml, &inputs).map_err(StackStartError::template(path))
}

/// The first item of a parameter that is a list, or its value.
fn first_item<'a>(template: &'a Template, parameter: &str) -> Option<&'a str> {
    template.parameters.get(parameter)?.split(',').map(str::trim).find(|item| !item.is_empty())
}

fn stack_addresses(
    listeners: &Listeners,
    acs: &LocalAcs,
    template: &Template,
    transmitters: Value,
) -> Result<StackAddresses, StackStartError> {
    let output = |name: &str| template.outputs.get(name).cloned();
    let [gateway, issuer] = listeners.reachable_urls()?;
    Ok(StackAddresses {
        gateway,
        console: url(&listeners.console)?,
        events: url(&listeners.events)?,
        acs: AcsUrls { placement: placement(template), ..acs.urls() },
        api_issuer: template
            .parameters
            .get("Issuer")
            .filter(|accepted| **accepted != issuer.public)
            .cloned(),
        issuer,
        ca_cert: listeners.tls.as_ref().and_then(ca_cert),
        authorizer: template.parameters.get("Authorizer").cloned(),
        dynamodb: url(&listeners.dynamodb)?,
        secrets: url(&listeners.secrets)?,
        entra: url(&listeners.entra)?,
        acs_secret_arn: template
            .parameters
            .get("AcsSecretArn")
            .map_or(ACS_SECRET, String::as_str)
            .to_owned(),
        table: output("TableName"),
        audit_table: output("AuditTableName"),
        event_bus: output("EventBusName"),
        transmitters,
    })
}

/// The parameter `AcsPlacement`, unless it has its default, which concerns only `main`.
fn placement(template: &Template) -> Option<String> {
    template.parameters.get("AcsPlacement").filter(|json| *json != "{}").cloned()
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
