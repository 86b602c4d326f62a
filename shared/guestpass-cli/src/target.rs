//! Selects a service: one in the cloud, or the local stack.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    time::Duration,
};

use acs_client::{ApiVersion, ConnectionString};
use identity_core::{ports::SystemClock, secret::Secret};
use identity_store::{AuditRetention, AuditTable};

use serde_json::Value;

use crate::{
    cli::Where,
    control,
    failure::{Failure, Result},
    input::take_stdin,
    stack_file::{self, StackFile},
    surroundings::Surroundings,
    world::{aws::Aws, secret},
};

/// The selected service.
pub(crate) struct Target {
    /// How the service is reached.
    pub(crate) way: Way,
    /// The configuration of the ACS client.
    pub(crate) acs: acs_client::Config,
    /// The table, if one is named.
    pub(crate) table: Option<String>,
    /// The table of the audit log, if one is named, and the retention period of its entries.
    pub(crate) audit_table: Option<AuditTable>,
    /// The operator's AWS configuration, for a deployed service.
    pub(crate) aws: Aws,
    /// The time of the service.
    pub(crate) clock: SystemClock,
}

/// How the service is reached.
pub(crate) enum Way {
    /// ACS and the table directly, with the operator's own credentials.
    Direct {
        /// The source of the connection string.
        from: String,
    },
    /// A local stack.
    Local {
        /// The path of its `stack.json`.
        file: PathBuf,
        /// The content of that file.
        stack: Box<StackFile>,
    },
}

impl Target {
    /// Finds the selected service.
    ///
    /// The order is: a flag, a connection string in the environment, a secret named in the
    /// environment, a local stack that was started here.
    pub(crate) async fn find(wanted: &Where, around: &Surroundings) -> Result<Self> {
        if let Some(file) = &wanted.stack_file {
            return Self::local(file.clone(), wanted, around);
        }
        if wanted.local {
            let file = stack_file::find(&around.directory).ok_or_else(|| no_stack(around))?;
            return Self::local(file, wanted, around);
        }
        if let Some(file) = &wanted.connection_string_file {
            let secret = secret_in(file, "the connection string")?;
            let from = if file == Path::new("-") {
                "stdin".to_owned()
            } else {
                file.display().to_string()
            };
            return Self::direct(from, &secret, Aws::of(wanted), wanted, around);
        }
        if wanted.secret.is_none()
            && let Some((from, secret)) = connection_string(around)?
        {
            return Self::direct(from, &secret, Aws::of(wanted), wanted, around);
        }
        if let Some(arn) = secret_named(wanted, around) {
            let aws = Aws::of(wanted);
            let secret = secret::read(&arn, aws.config().await?).await?;
            return Self::direct(format!("the secret {arn}"), &secret, aws, wanted, around);
        }
        match stack_file::find(&around.directory) {
            Some(file) => Self::local(file, wanted, around),
            None => Err(nothing()),
        }
    }

    /// Whether a flag, a variable or a local stack selects a service.
    pub(crate) fn is_told(wanted: &Where, around: &Surroundings) -> bool {
        let by_flag = wanted.local || wanted.stack_file.is_some();
        let by_flag = by_flag || wanted.connection_string_file.is_some();
        let by_variable = || CONNECTION_STRINGS.iter().any(|name| around.variable(name).is_some());
        by_flag
            || by_variable()
            || secret_named(wanted, around).is_some()
            || stack_file::find(&around.directory).is_some()
    }

    /// A local stack.
    pub(crate) fn local(file: PathBuf, wanted: &Where, around: &Surroundings) -> Result<Self> {
        let stack = stack_file::read(&file)?;
        let string = Secret::new(stack.acs.connection_string.as_str());
        let acs = acs(&string, "start the stack again with `make run`", wanted, around)?;
        let table = wanted.table.clone().or_else(|| stack.table.clone());
        let audit_table = wanted.audit_table.clone().or_else(|| stack.audit_table.clone());
        let audit_table =
            audit_table.map(|name| AuditTable { name, retention: AuditRetention::default() });
        let way = Way::Local { file, stack: Box::new(stack) };
        Ok(Self {
            way,
            acs,
            table,
            audit_table,
            aws: Aws::of(wanted),
            clock: SystemClock::default(),
        })
    }

    fn direct(
        from: String,
        secret: &Secret,
        aws: Aws,
        wanted: &Where,
        around: &Surroundings,
    ) -> Result<Self> {
        let remedy = format!("set {from} to the whole connection string");
        let acs = acs(secret, &remedy, wanted, around)?;
        Ok(Self {
            way: Way::Direct { from },
            acs,
            table: wanted.table.clone().or_else(|| around.variable(TABLE)),
            audit_table: audit_table(wanted, around)?,
            aws,
            clock: SystemClock::default(),
        })
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
    pub(crate) fn stack(&self) -> Option<&StackFile> {
        match &self.way {
            Way::Local { stack, .. } => Some(stack),
            Way::Direct { .. } => None,
        }
    }

    /// The table.
    pub(crate) fn table(&self) -> Result<&str> {
        self.table.as_deref().ok_or_else(|| {
            Failure::usage("no table is named")
                .because(
                    "ACS cannot list or find identities: the service's DynamoDB table knows them",
                )
                .so(format!("set {TABLE}, or give --table: the output `TableName` of the deployed stack is its name"))
        })
    }

    /// The table of the audit log.
    pub(crate) fn audit_table(&self) -> Result<&AuditTable> {
        let missing =
            |why: &str| Failure::usage("no audit log: no table for it is named").because(why);
        self.audit_table.as_ref().ok_or_else(|| match self.way {
            Way::Local { .. } => {
                missing("the local stack was started by a version without an audit log")
                    .so("build and start the stack again with `make run`")
            }
            Way::Direct { .. } => {
                missing("entries are in a DynamoDB table of their own").so(format!(
                    "set {AUDIT_TABLE}, or give --audit-table: the output `AuditTableName` of the \
                     deployed stack is its name; a stack without that output has no audit log yet"
                ))
            }
        })
    }

    /// A short description of the service, for a prompt.
    pub(crate) fn in_words(&self) -> String {
        match self.way {
            Way::Direct { .. } => format!("at {}", self.acs.endpoint),
            Way::Local { .. } => "of the local stack".to_owned(),
        }
    }
}

/// The table of a deployed service's audit log. The operator's changes are written to it, too,
/// with the same retention as the entries of the functions.
fn audit_table(wanted: &Where, around: &Surroundings) -> Result<Option<AuditTable>> {
    let name = wanted.audit_table.clone().or_else(|| around.variable(AUDIT_TABLE));
    let Some(name) = name else { return Ok(None) };
    let retention = match around.variable(AUDIT_RETENTION_DAYS) {
        None => AuditRetention::default(),
        Some(days) => days.parse().map_err(|why: &str| {
            Failure::usage(format!("invalid value {days:?} for {AUDIT_RETENTION_DAYS}"))
                .because(why)
                .so("set it to the parameter `AuditRetentionDays` of the deployed stack, or unset it")
        })?,
    };
    Ok(Some(AuditTable { name, retention }))
}

/// The URL of the clock of a local stack.
fn clock(stack: &StackFile) -> String {
    format!("{}/_local/clock", stack.console)
}

/// The configuration of the ACS client; `remedy` is for an invalid connection string.
fn acs(
    secret: &Secret,
    remedy: &str,
    wanted: &Where,
    around: &Surroundings,
) -> Result<acs_client::Config> {
    let string: ConnectionString = secret.expose().trim().parse().map_err(|error| {
        Failure::usage("the connection string makes no sense")
            .because(format!("{error}"))
            .so(remedy)
    })?;
    let mut config = acs_client::Config::new(string);
    // An operator may be further away from ACS than a function is.
    config.limits.connect = Duration::from_secs(3);
    config.limits.attempt = Duration::from_secs(5);
    let version = wanted.api_version.clone().or_else(|| around.variable("ACS_API_VERSION"));
    if let Some(version) = version {
        config.api_version = version.parse::<ApiVersion>().map_err(|error| {
            Failure::usage(format!("{version:?} is no api-version"))
                .because(error.to_string())
                .so("leave it out, or write one like 2026-09-23")
        })?;
    }
    Ok(config)
}

/// The secret that holds the connection string, if one is named.
pub(crate) fn secret_named(wanted: &Where, around: &Surroundings) -> Option<String> {
    wanted.secret.clone().or_else(|| around.variable(SECRET))
}

/// The connection string in the environment, and the name of its variable.
fn connection_string(around: &Surroundings) -> Result<Option<(String, Secret)>> {
    let mut found = CONNECTION_STRINGS
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), around.variable(name)?)));
    let first = found.next();
    if let (Some((one, value)), Some((other, others))) = (&first, found.next())
        && *value != others
    {
        return Err(Failure::usage(format!("{one} and {other} differ"))
            .because("either could be meant")
            .so("unset one of them"));
    }
    Ok(first.map(|(from, value)| (from, Secret::new(value))))
}

/// Reads a secret from a file, or with `-` from stdin.
pub(crate) fn secret_in(file: &Path, what: &str) -> Result<Secret> {
    text_in(file, what).map(|text| Secret::new(text.trim()))
}

/// Reads a short text from a file, or with `-` from stdin.
pub(crate) fn text_in(file: &Path, what: &str) -> Result<String> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        take_stdin()?.take(LONGEST_TEXT).read_to_string(&mut text)
    } else {
        fs::File::open(file).and_then(|file| file.take(LONGEST_TEXT).read_to_string(&mut text))
    };
    read.map_err(|error| {
        Failure::usage(format!("cannot read {what} from {}", file.display()))
            .because(error.to_string())
            .so("name a file that you can read, or `-` for stdin")
    })?;
    if !text.trim().is_empty() {
        return Ok(text);
    }
    Err(Failure::usage(format!("{what} is empty"))
        .because(if file == Path::new("-") {
            "nothing came in on stdin".to_owned()
        } else {
            format!("there is nothing in {}", file.display())
        })
        .so("check what writes it"))
}

fn no_stack(around: &Surroundings) -> Failure {
    Failure::usage("no local stack runs here")
        .because(format!(
            "there is no target/local/stack.json in {} or above it",
            around.directory.display()
        ))
        .so("start one with `make run` in the repository, or name its --stack-file")
}

fn nothing() -> Failure {
    Failure::usage("it is not clear which service is meant")
        .because(format!(
            "{} is not set, and no local stack runs in this directory or above it",
            CONNECTION_STRINGS.join(" or ")
        ))
        .so(format!(
            "set one of them, or {SECRET}, and {TABLE} for a deployed service; or start a local stack with \
             `make run`; `guestpass quickstart` needs neither"
        ))
}

/// The variable that names the secret with the connection string.
const SECRET: &str = "GUESTPASS_SECRET";

/// The variable that names the table.
const TABLE: &str = "GUESTPASS_TABLE";

/// The variable that names the table of the audit log.
const AUDIT_TABLE: &str = "GUESTPASS_AUDIT_TABLE";

/// The variable with the retention of audit log entries, in days.
const AUDIT_RETENTION_DAYS: &str = "GUESTPASS_AUDIT_RETENTION_DAYS";

/// The variables of Microsoft's SDKs and of the Azure CLI.
const CONNECTION_STRINGS: [&str; 2] =
    ["COMMUNICATION_SERVICES_CONNECTION_STRING", "AZURE_COMMUNICATION_CONNECTION_STRING"];

/// A token has some 2 KB, and a batch of events at most 256 KB.
const LONGEST_TEXT: u64 = 1024 * 1024;
