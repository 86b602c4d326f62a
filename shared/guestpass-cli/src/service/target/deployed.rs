//! What the options and the environment say about something that is not on this machine: a deployed
//! service, or an ACS resource alone.

use acs_client::{Config, ConnectionStringError, Credential, Endpoint};
use identity_core::secret::Secret;
use identity_store::{AuditRetention, AuditTable};

use crate::options::ServiceOptions;
use crate::report::{CliError, Result};
use crate::service::CliEnvironment;
use crate::service::aws::AwsSettings;
use crate::service::entra::EntraSignIn;
use crate::service::resources::ConfiguredResources;

/// What is selected.
pub(super) struct DeployedSelection {
    /// The credential for ACS, in words.
    pub(super) with: String,
    /// Whether it is an ACS resource without a service.
    pub(super) is_alone: bool,
    pub(super) resources: ConfiguredResources,
    pub(super) table: Option<String>,
    pub(super) audit_table: Option<AuditTable>,
    pub(super) aws: AwsSettings,
    pub(super) entra: Option<EntraSignIn>,
}

/// The options and the environment.
pub(super) struct DeployedOptions<'a> {
    options: &'a ServiceOptions,
    environment: &'a CliEnvironment,
    pub(super) aws: AwsSettings,
}

impl<'a> DeployedOptions<'a> {
    pub(super) fn new(options: &'a ServiceOptions, environment: &'a CliEnvironment) -> Self {
        Self { options, environment, aws: AwsSettings::of(options, environment) }
    }

    /// What a connection string selects, or the JSON of several.
    pub(super) fn connection_string(
        self,
        from: &str,
        secret: &Secret,
    ) -> Result<DeployedSelection> {
        let remedy = format!("set {from} to the whole connection string");
        let source = ConfiguredResources::of_service(secret, &remedy);
        let resources = source.read(self.options, self.environment)?;
        self.select(format!("the connection string in {from}"), resources, None)
    }

    /// What an endpoint selects, with the operator's Entra credential.
    pub(super) fn endpoint(self, url: &str) -> Result<DeployedSelection> {
        let endpoint: Endpoint = url.parse().map_err(|error: ConnectionStringError| {
            // Also for http: no list of hosts permits a bearer of Entra there.
            CliError::usage("invalid endpoint of the ACS resource")
                .because(error.to_string())
                .hint("give https://<resource>.communication.azure.com, from the resource's page \"Overview\"; for an emulator in another container, use its connection string")
        })?;
        let entra = EntraSignIn::of(self.environment)?;
        let config = Config::with_credential(endpoint, Credential::bearer(entra.clone()));
        let resources = ConfiguredResources::of_endpoint(config, self.options, self.environment)?;
        self.select(entra.in_words(), resources, Some(entra))
    }

    /// The one place that decides between a service and an ACS resource alone.
    fn select(
        self,
        with: String,
        resources: ConfiguredResources,
        entra: Option<EntraSignIn>,
    ) -> Result<DeployedSelection> {
        Ok(DeployedSelection {
            with,
            is_alone: !resources.are_several() && !self.names_a_service(),
            resources,
            table: self.options.table.clone().or_else(|| self.environment.variable(TABLE)),
            audit_table: self.audit_table()?,
            aws: self.aws,
            entra,
        })
    }

    /// Whether anything of a service is named. If that is not its table, a user of the service has
    /// forgotten it: without it, a token would be issued to a blocked user.
    fn names_a_service(&self) -> bool {
        let ServiceOptions { secret, table, audit_table, placement, profile, region, .. } =
            self.options;
        let flags = [secret, table, audit_table, placement, profile, region];
        let has_variable = |name: &&str| self.environment.variable(name).is_some();
        flags.into_iter().any(Option::is_some) || SERVICE_VARIABLES.iter().any(has_variable)
    }

    /// The table of a deployed service's audit log. The operator's changes are written to it, too,
    /// with the same retention as the entries of the functions.
    fn audit_table(&self) -> Result<Option<AuditTable>> {
        let Self { options, environment, .. } = self;
        let name = options.audit_table.clone().or_else(|| environment.variable(AUDIT_TABLE));
        let Some(name) = name else { return Ok(None) };
        let retention = match environment.variable(AUDIT_RETENTION_DAYS) {
        None => AuditRetention::default(),
        Some(days) => days.parse().map_err(|why: &str| {
            CliError::usage(format!("invalid value {days:?} for {AUDIT_RETENTION_DAYS}"))
                .because(why)
                .hint("set it to the parameter `AuditRetentionDays` of the deployed stack, or unset it")
        })?,
    };
        Ok(Some(AuditTable { name, retention }))
    }
}

/// The variable that names the secret with the connection string.
pub(super) const SECRET: &str = "GUESTPASS_SECRET";

/// The variable that names the table.
pub(super) const TABLE: &str = "GUESTPASS_TABLE";

/// The variable that names the table of the audit log.
pub(super) const AUDIT_TABLE: &str = "GUESTPASS_AUDIT_TABLE";

/// The variable with the retention of audit log entries, in days.
const AUDIT_RETENTION_DAYS: &str = "GUESTPASS_AUDIT_RETENTION_DAYS";

/// The variables that name parts of a deployed service. `AWS_REGION` and credentials are not among
/// them: they are often set for something else.
const SERVICE_VARIABLES: [&str; 7] = [
    SECRET,
    TABLE,
    AUDIT_TABLE,
    "GUESTPASS_PLACEMENT",
    "GUESTPASS_EVENT_BUS",
    "GUESTPASS_DEAD_LETTER_QUEUE",
    "GUESTPASS_EVENT_QUEUE",
];
