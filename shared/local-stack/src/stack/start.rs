//! Starts the services of a stack, in the order of their dependencies, and connects them.

mod services;

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

use super::LocalStack;
use super::data_directory::DataDirectory;
use super::fleet::{Fleet, FleetContext};
use super::listeners::{Listeners, url};
use super::servers::Servers;
use super::stack_file::{StackAddresses, StackFile};
use super::start_error::StackStartError;
use super::tls::ca_cert;
use super::transmitters::{self, StackTransmitters};
use crate::acs::{AcsUrls, LocalAcs};
use crate::gateway::{Gateway, Routes};
use crate::issuer::add_issuer_keys;
use crate::options::StackOptions;
use crate::queue;
use crate::runtime::{FunctionPool, ProcessReaper};
use crate::signals::{self, Simulation};
use crate::template::{AuthorizerSpec, Inputs, Template};
use services::{AUDIENCE, Services};

/// What the template's defaults close: the routes of administrators, and those of guests.
const OPENED: [(&str, &str); 3] = [
    ("AdminCondition", r#"{"role": "guestpass-admin"}"#),
    ("InviteScope", "guestpass.invite"),
    (
        "Policy",
        r#"{"otherwise": {"scopes": ["chat", "voip"], "defaultLifetimeMinutes": 480}, "guests": {}}"#,
    ),
];

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
        let [gateway, issuer] = listeners.reachable_urls()?;
        let transmitters = StackTransmitters::new(&options, &listeners)?;
        let urls = [gateway.public.as_str(), &issuer.public];
        let mut template = read_template(&options, urls, &acs, &transmitters)?;
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

/// Reads the template with the parameters that the stack sets itself. The URLs are those of gateway
/// and issuer.
fn read_template(
    options: &StackOptions,
    [gateway, issuer]: [&str; 2],
    acs: &LocalAcs,
    transmitters: &StackTransmitters,
) -> Result<Template, StackStartError> {
    let path = &options.template;
    let yaml = fs::read_to_string(path).map_err(StackStartError::file(path))?;
    let parameters = options.parameters.clone();
    let placement = acs.placement();
    let join_url = format!("{gateway}/join/");
    let phone = acs.teams_phone();
    let mut defaults = BTreeMap::from([
        ("AcsSecretArn", ACS_SECRET),
        ("GuestJoinUrl", &join_url),
        ("TeamsPhone", &phone),
    ]);
    if options.resources > 1 {
        defaults.insert("AcsPlacement", &placement);
    }
    // A real issuer has an audience and administrators of its own.
    if !parameters.contains_key("Issuer") {
        defaults.extend([("Issuer", issuer), ("Audience", AUDIENCE)].into_iter().chain(OPENED));
    }
    let secret = parameters.get("AcsSecretArn").map_or(ACS_SECRET, String::as_str).to_owned();
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let mut defaults: BTreeMap<_, _> = defaults.into_iter().map(owned).collect();
    defaults.extend(transmitters.defaults(&parameters));
    let inputs = Inputs { parameters, defaults, secrets: BTreeMap::from([(secret, acs.secret())]) };
    Template::read(&yaml, &inputs).map_err(StackStartError::template(path))
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
