//! The functions of a template, each with its event sources: routes, queues, schedules.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::watch;

use super::stack_file::StackAddresses;
use super::start_error::StackStartError;
use crate::clock::{OFFSET_FILE, StackClock};
use crate::options::StackOptions;
use crate::queue::{QueueSource, Queues, SQS_PATH};
use crate::runtime::{FunctionPool, ProcessReaper, ProcessSpec};
use crate::schedule::Schedule;
use crate::template::{FunctionSpec, RouteSpec};

/// Functions, and their event sources.
#[derive(Default)]
pub(crate) struct Fleet {
    pub(crate) functions: Vec<Arc<FunctionPool>>,
    /// The functions by their logical ids.
    pub(crate) by_id: BTreeMap<String, Arc<FunctionPool>>,
    pub(crate) routes: Vec<(RouteSpec, Arc<FunctionPool>)>,
    pub(crate) sources: Vec<QueueSource>,
    pub(crate) schedules: Vec<Arc<Schedule>>,
}

/// The dependencies of the functions.
pub(crate) struct FleetContext<'a> {
    pub(crate) options: &'a StackOptions,
    /// The directory of their logs.
    pub(crate) logs: &'a Path,
    pub(crate) addresses: &'a StackAddresses,
    pub(crate) clock: &'a Arc<StackClock>,
    pub(crate) queues: &'a Arc<Queues>,
    pub(crate) reaper: ProcessReaper,
    /// Turns true when the functions must end.
    pub(crate) stopping: watch::Receiver<bool>,
}

impl FleetContext<'_> {
    /// Creates the functions. A process starts with the first request that needs it.
    pub(crate) fn create(self, specs: &[FunctionSpec]) -> Result<Fleet, StackStartError> {
        let mut fleet = Fleet::default();
        for spec in specs {
            let function = self.function(spec)?;
            for route in &spec.routes {
                fleet.routes.push((route.clone(), Arc::clone(&function)));
            }
            for mapping in spec.queues.clone() {
                let (queues, function) = (Arc::clone(self.queues), Arc::clone(&function));
                fleet.sources.push(QueueSource { queues, function, mapping });
            }
            for schedule in spec.schedules.clone() {
                let (function, clock) = (Arc::clone(&function), Arc::clone(self.clock));
                let schedule = Schedule::new(schedule, function, clock)
                    .map_err(StackStartError::template(&self.options.template))?;
                fleet.schedules.push(schedule);
            }
            fleet.by_id.insert(spec.logical_id.clone(), Arc::clone(&function));
            fleet.functions.push(function);
        }
        Ok(fleet)
    }

    fn function(&self, spec: &FunctionSpec) -> Result<Arc<FunctionPool>, StackStartError> {
        let processes = spec.concurrency.unwrap_or(usize::MAX).min(self.options.processes);
        let process = ProcessSpec {
            name: spec.binary.clone(),
            binary: binary(&self.options.functions_dir, &spec.binary)?,
            environment: self.environment(spec),
            timeout: spec.timeout,
            clock: Arc::clone(self.clock),
            log: self.logs.join(format!("{}.log", spec.binary)),
            reaper: self.reaper.clone(),
        };
        Ok(FunctionPool::new(process, processes, self.stopping.clone()))
    }

    /// The template's variables, and those that Lambda and the AWS SDK find in the cloud.
    fn environment(&self, function: &FunctionSpec) -> BTreeMap<String, String> {
        let name = &function.binary;
        let memory = function.memory.to_string();
        let mut environment: BTreeMap<String, String> = [
            ("AWS_LAMBDA_FUNCTION_NAME", name.as_str()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &memory),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", &format!("/aws/lambda/{name}")),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "local"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_ENDPOINT_URL_DYNAMODB", &self.addresses.dynamodb),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &self.addresses.secrets),
            ("AWS_ENDPOINT_URL_SQS", &format!("{}{SQS_PATH}", self.addresses.events)),
            ("TZ", ":UTC"),
            ("LANG", "en_US.UTF-8"),
            ("_HANDLER", "bootstrap"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        if let Some(file) = self.clock.file() {
            environment.insert(OFFSET_FILE.to_owned(), file.to_string_lossy().into_owned());
        }
        environment.extend(function.environment.clone());
        // On this machine, the option decides, and not the template's parameter.
        environment.insert("RUST_LOG".to_owned(), self.options.rust_log.clone());
        environment
    }
}

fn binary(directory: &Path, name: &str) -> Result<PathBuf, StackStartError> {
    let path = directory.join(name);
    if path.is_file() {
        // A relative path would be searched in PATH, or relative to a changed directory.
        fs::canonicalize(&path).map_err(StackStartError::file(path))
    } else {
        Err(StackStartError::FunctionMissing { path, name: name.to_owned() })
    }
}
