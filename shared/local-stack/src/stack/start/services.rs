//! The services of a stack that are the same for every request, and the ports that serve them.

use std::sync::Arc;

use acs_emulator::AllowedHosts;
use axum::Router;
use dynoxide::Database;

use crate::acs::LocalAcs;
use crate::bus::{self, EventBus};
use crate::clock::StackClock;
use crate::console::{self, Console, RecordTable};
use crate::control::{self, ControlApi};
use crate::entra::{self, SimulatedEntra};
use crate::gateway::{
    self, ApiAuthorizer, Gateway, JwtAuthorizer, LambdaAuthorizer, serve_console,
};
use crate::issuer::{self, OidcIssuer, TrustedKeys};
use crate::options::StackOptions;
use crate::queue::{self, Queues};
use crate::stack::data_directory::DataDirectory;
use crate::stack::fleet::Fleet;
use crate::stack::introduction::{SCOPE, administrator_token, first_request};
use crate::stack::listeners::Listeners;
use crate::stack::servers::Servers;
use crate::stack::stack_file::StackAddresses;
use crate::stack::start_error::StackStartError;
use crate::template::{AuthorizerSpec, SecretSpec, Template};
use crate::{dynamodb, guest_page, secrets};

/// The `aud` of the issuer's tokens.
pub(super) const AUDIENCE: &str = "guestpass-local";

/// The services that are the same for every request.
pub(super) struct Services {
    pub(super) clock: Arc<StackClock>,
    database: Database,
    issuer: Arc<OidcIssuer>,
    /// The ARNs and the values of all secrets except the connection string.
    pub(super) secrets: Vec<(String, String)>,
    pub(super) queues: Arc<Queues>,
    bus: Arc<EventBus>,
    /// The names under which the services without credentials can be requested.
    allowed_hosts: AllowedHosts,
    /// After how many days an unused identity is deleted.
    retention_days: Option<u32>,
}

impl Services {
    /// Opens the services with the data of the last run.
    pub(super) fn open(
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
        let retention_days = template.parameters.get("RetentionDays");
        let retention_days = retention_days.and_then(|days| days.parse().ok());
        Ok(Self { clock, database, issuer, secrets, queues, bus, allowed_hosts, retention_days })
    }

    /// The API's authorizer. A JWT authorizer trusts the keys of the development issuer, or those of
    /// a real issuer.
    pub(super) async fn authorizer(
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
    pub(super) fn serve(
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
            api_issuer: addresses.api_issuer.clone(),
            first_request: first_request(addresses),
            administrator_token: administrator_token(addresses),
            gateway: Arc::clone(&gateway),
            functions: fleet.functions.clone(),
            acs: acs.addresses(),
            records: RecordTable::new(self.database.clone(), addresses.table.clone()),
            clock: Arc::clone(&self.clock),
            retention_days: self.retention_days,
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
        let issuer = issuer::router(self.issuer, gateway.web_app_origins());
        let issuer = serve_console(&addresses.console, gateway.serve_web_apps(issuer));
        let issuer = servers.local_only(issuer);
        servers.serve_reachable(listeners.issuer, issuer, tls.as_ref())?;
        let gateway = serve_console(&addresses.console, gateway::router(gateway));
        let gateway = gateway.merge(guest_page::router());
        servers.serve_reachable(listeners.gateway, gateway, tls.as_ref())?;
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

/// The first item of a parameter that is a list, or its value.
fn first_item<'a>(template: &'a Template, parameter: &str) -> Option<&'a str> {
    template.parameters.get(parameter)?.split(',').map(str::trim).find(|item| !item.is_empty())
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
