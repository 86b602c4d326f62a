//! Selects a service: one in the cloud, an ACS resource alone, or the local stack.

mod deployed;

use std::path::{Path, PathBuf};

use identity_core::ports::{Clock as _, SystemClock};
use identity_core::secret::Secret;
use identity_store::{AuditRetention, AuditTable};
use serde_json::Value;

use crate::input::secret_in;
use crate::options::ServiceOptions;
use crate::report::{CliError, Result};
use crate::service::aws::AwsSettings;
use crate::service::entra::EntraSignIn;
use crate::service::local::stack_file;
use crate::service::resources::ConfiguredResources;
use crate::service::{CliEnvironment, StackDescription, control, secret};
use deployed::{AUDIT_TABLE, DeployedOptions, DeployedSelection, SECRET, TABLE};

/// The selected service.
pub(crate) struct Target {
    /// How the service is reached.
    pub(crate) way: ServiceAccess,
    /// The ACS resources.
    pub(crate) resources: ConfiguredResources,
    /// The table, if one is named.
    pub(crate) table: Option<String>,
    /// The table of the audit log, if one is named, and the retention period of its entries.
    pub(crate) audit_table: Option<AuditTable>,
    /// The operator's AWS configuration, for a deployed service.
    pub(crate) aws: AwsSettings,
    /// The Entra credential, if ACS is not reached with an access key.
    pub(crate) entra: Option<EntraSignIn>,
    /// The time of the service.
    pub(crate) clock: SystemClock,
}

/// How the service is reached.
pub(crate) enum ServiceAccess {
    /// ACS and the table directly, with the operator's own credentials.
    Direct {
        /// The credential for ACS.
        with: String,
    },
    /// An ACS resource without a service: no table is named, and nothing else of a service.
    AcsAlone {
        /// The credential for ACS.
        with: String,
    },
    /// A local stack.
    Local {
        /// The path of its `stack.json`.
        file: PathBuf,
        /// The content of that file.
        stack: Box<StackDescription>,
    },
}

impl Target {
    /// Finds the selected service.
    ///
    /// The order is: a flag, and in the environment a connection string, a secret or an endpoint,
    /// and then a local stack that was started here.
    pub(crate) async fn find(
        options: &ServiceOptions,
        environment: &CliEnvironment,
    ) -> Result<Self> {
        if let Some(file) = &options.stack_file {
            return Self::local(file.clone(), options, environment);
        }
        if options.local {
            let file =
                stack_file::find(&environment.directory).ok_or_else(|| no_stack(environment))?;
            return Self::local(file, options, environment);
        }
        let given = DeployedOptions::new(options, environment);
        if let Some(endpoint) = &options.endpoint {
            return given.endpoint(endpoint).map(Self::deployed);
        }
        if let Some(file) = &options.connection_string_file {
            let secret = secret_in(file, "the connection string")?;
            let from = if file == Path::new("-") {
                "stdin".to_owned()
            } else {
                file.display().to_string()
            };
            return given.connection_string(&from, &secret).map(Self::deployed);
        }
        if options.secret.is_none()
            && let Some((from, secret)) = connection_string(environment)?
        {
            return given.connection_string(&from, &secret).map(Self::deployed);
        }
        if let Some(arn) = secret_named(options, environment) {
            let secret = secret::read(&arn, given.aws.config().await?).await?;
            let from = format!("the secret {arn}");
            return given.connection_string(&from, &secret).map(Self::deployed);
        }
        if let Some(endpoint) = environment.variable(ENDPOINT) {
            return given.endpoint(&endpoint).map(Self::deployed);
        }
        match stack_file::find(&environment.directory) {
            Some(file) => Self::local(file, options, environment),
            None => Err(nothing()),
        }
    }

    /// Whether a flag, a variable or a local stack selects a service.
    pub(crate) fn is_told(options: &ServiceOptions, environment: &CliEnvironment) -> bool {
        let by_flag = options.local || options.stack_file.is_some();
        let by_flag = by_flag || options.connection_string_file.is_some();
        let by_flag = by_flag || options.endpoint.is_some();
        let names = CONNECTION_STRINGS.iter().chain([&ENDPOINT]);
        let by_variable = || names.clone().any(|name| environment.variable(name).is_some());
        by_flag
            || by_variable()
            || secret_named(options, environment).is_some()
            || stack_file::find(&environment.directory).is_some()
    }

    /// A local stack.
    pub(crate) fn local(
        file: PathBuf,
        options: &ServiceOptions,
        environment: &CliEnvironment,
    ) -> Result<Self> {
        let stack = stack_file::read(&file)?;
        let remedy = "start the stack again with `make run`";
        let placement = stack.acs.placement.clone();
        let resources = ConfiguredResources::of_stack(&stack.acs.secret(), placement, remedy)
            .read(options, environment)?;
        let table = options.table.clone().or_else(|| stack.table.clone());
        let audit_table = options.audit_table.clone().or_else(|| stack.audit_table.clone());
        let audit_table =
            audit_table.map(|name| AuditTable { name, retention: AuditRetention::default() });
        let way = ServiceAccess::Local { file, stack: Box::new(stack) };
        Ok(Self {
            way,
            resources,
            table,
            audit_table,
            aws: AwsSettings::of(options, environment),
            entra: None,
            clock: SystemClock::default(),
        })
    }

    /// A deployed service, or an ACS resource alone.
    fn deployed(selection: DeployedSelection) -> Self {
        let DeployedSelection { with, is_alone, resources, table, audit_table, aws, entra } =
            selection;
        let way = if is_alone {
            ServiceAccess::AcsAlone { with }
        } else {
            ServiceAccess::Direct { with }
        };
        let clock = SystemClock::default();
        Self { way, resources, table, audit_table, aws, entra, clock }
    }

    /// Takes the time from a local stack, whose clock can be moved.
    pub(crate) async fn in_time(mut self) -> Self {
        if let Some(stack) = self.stack() {
            // If the stack does not answer, the next request reports it.
            let told = control::ask(clock(stack)).await.unwrap_or_default();
            let seconds = told.get("offsetSeconds").and_then(Value::as_i64).unwrap_or_default();
            self.clock = SystemClock::ahead_by(seconds.saturating_mul(1000));
        }
        self
    }

    /// Whether a local stack answers. Always true for a deployed service, which only the doctor
    /// checks.
    pub(crate) async fn answers(&self) -> bool {
        match self.stack() {
            Some(stack) => control::ask(clock(stack)).await.is_ok(),
            None => true,
        }
    }

    /// The local stack, if the service is one.
    pub(crate) fn stack(&self) -> Option<&StackDescription> {
        match &self.way {
            ServiceAccess::Local { stack, .. } => Some(stack),
            ServiceAccess::Direct { .. } | ServiceAccess::AcsAlone { .. } => None,
        }
    }

    /// The configuration of the client of the first ACS resource.
    pub(crate) fn acs(&self) -> &acs_client::Config {
        self.resources.first()
    }

    /// The endpoints of all ACS resources, for a message.
    pub(crate) fn endpoints(&self) -> String {
        let endpoints = self.resources.iter().map(|(_, config)| config.endpoint.to_string());
        endpoints.collect::<Vec<_>>().join(", ")
    }

    /// The table.
    pub(crate) fn table(&self) -> Result<&str> {
        self.table.as_deref().ok_or_else(|| match self.way {
            ServiceAccess::AcsAlone { .. } => self.no_service(),
            _ => CliError::usage("no table is named")
                .because(
                    "ACS cannot list or find identities: the service's DynamoDB table knows them",
                )
                .hint(format!("set {TABLE}, or give --table: the output `TableName` of the deployed stack is its name")),
        })
    }

    /// The error for a command that needs more than an ACS resource.
    pub(crate) fn no_service(&self) -> CliError {
        CliError::usage("no table is named: this command needs a Guestpass service")
            .because(format!(
                "ACS alone ({}) has no list of identities, users, events or audit entries: they are in \
                 the service's AWS account",
                self.endpoints()
            ))
            .hint(format!(
                "set {TABLE}, or give --table: the output `TableName` of the deployed stack is its \
                 name. Without a table, you can use `identity create`, `identity delete`, `token …` \
                 and `doctor`"
            ))
    }

    /// Gets the first Entra token, if ACS is reached with one.
    pub(crate) async fn sign_in(&self) -> Result<()> {
        match &self.entra {
            Some(entra) => entra.complete(self.clock.now()).await,
            None => Ok(()),
        }
    }

    /// The table of the audit log.
    pub(crate) fn audit_table(&self) -> Result<&AuditTable> {
        let missing =
            |why: &str| CliError::usage("no audit log: no table for it is named").because(why);
        self.audit_table.as_ref().ok_or_else(|| match self.way {
            ServiceAccess::Local { .. } => {
                missing("the local stack was started by a version without an audit log")
                    .hint("build and start the stack again with `make run`")
            }
            _ => missing("entries are in a DynamoDB table of their own").hint(format!(
                "set {AUDIT_TABLE}, or give --audit-table: the output `AuditTableName` of the \
                     deployed stack is its name; a stack without that output has no audit log yet"
            )),
        })
    }

    /// A short description of the service, for a prompt.
    pub(crate) fn in_words(&self) -> String {
        match self.way {
            ServiceAccess::Direct { .. } if self.resources.are_several() => {
                format!("in the ACS resources {}", self.resources.names())
            }
            ServiceAccess::Direct { .. } | ServiceAccess::AcsAlone { .. } => {
                format!("at {}", self.acs().endpoint)
            }
            ServiceAccess::Local { .. } => "of the local stack".to_owned(),
        }
    }
}

/// The URL of the clock of a local stack.
fn clock(stack: &StackDescription) -> String {
    format!("{}/_local/clock", stack.console)
}

/// The secret that holds the connection string, if one is named.
pub(crate) fn secret_named(
    options: &ServiceOptions,
    environment: &CliEnvironment,
) -> Option<String> {
    options.secret.clone().or_else(|| environment.variable(SECRET))
}

/// The connection string in the environment, and the name of its variable.
fn connection_string(environment: &CliEnvironment) -> Result<Option<(String, Secret)>> {
    let mut found = CONNECTION_STRINGS
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), environment.variable(name)?)));
    let first = found.next();
    if let (Some((one, value)), Some((other, others))) = (&first, found.next())
        && *value != others
    {
        return Err(CliError::usage(format!("{one} and {other} differ"))
            .because("only one of them can be used")
            .hint("unset one of them"));
    }
    Ok(first.map(|(from, value)| (from, Secret::new(value))))
}

fn no_stack(environment: &CliEnvironment) -> CliError {
    CliError::usage("no local stack runs here")
        .because(format!(
            "no target/local/stack.json in {} or above it",
            environment.directory.display()
        ))
        .hint("start one with `make run` in the repository, or name its --stack-file")
}

fn nothing() -> CliError {
    CliError::usage("no service is selected")
        .because(format!(
            "{} is not set, and no local stack runs in this directory or above it",
            CONNECTION_STRINGS.join(" or ")
        ))
        .hint(format!(
            "set one of them, or {SECRET}, and {TABLE} for a deployed service; or start a local stack with \
             `make run`; `guestpass quickstart` needs neither"
        ))
}

/// The variables of Microsoft's SDKs and of the Azure CLI.
const CONNECTION_STRINGS: [&str; 2] =
    ["COMMUNICATION_SERVICES_CONNECTION_STRING", "AZURE_COMMUNICATION_CONNECTION_STRING"];

/// The variable of Microsoft's samples with the endpoint alone.
const ENDPOINT: &str = "COMMUNICATION_SERVICES_ENDPOINT";
