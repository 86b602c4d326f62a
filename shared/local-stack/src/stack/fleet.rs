//! The functions of a template, each with its event sources: routes, queues, schedules.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::watch;

use super::start_error::StackStartError;
use crate::clock::{OFFSET_FILE, StackClock};
use crate::options::StackOptions;
use crate::queue::{QueueSource, Queues};
use crate::runtime::{FunctionPool, ProcessReaper, ProcessSpec};
use crate::schedule::Schedule;
use crate::template;

/// Functions, and their event sources.
#[derive(Default)]
pub(crate) struct Fleet {
    pub(crate) functions: Vec<Arc<FunctionPool>>,
    pub(crate) routes: Vec<(template::RouteSpec, Arc<FunctionPool>)>,
    pub(crate) sources: Vec<QueueSource>,
    pub(crate) schedules: Vec<Arc<Schedule>>,
}

/// The dependencies of the functions.
pub(crate) struct FleetContext<'a> {
    pub(crate) options: &'a StackOptions,
    /// The directory of their logs.
    pub(crate) logs: &'a Path,
    /// The URL of DynamoDB.
    pub(crate) dynamodb: &'a str,
    /// The URL of Secrets Manager.
    pub(crate) secrets: &'a str,
    pub(crate) clock: &'a Arc<StackClock>,
    pub(crate) queues: &'a Arc<Queues>,
    pub(crate) reaper: ProcessReaper,
    /// Turns true when the functions must end.
    pub(crate) stopping: watch::Receiver<bool>,
}

impl FleetContext<'_> {
    /// Creates the functions. A process starts with the first request that needs it.
    pub(crate) fn fleet(
        self,
        described: Vec<template::FunctionSpec>,
    ) -> Result<Fleet, StackStartError> {
        let mut fleet = Fleet::default();
        for described in described {
            let most = described.concurrency.unwrap_or(usize::MAX).min(self.options.processes);
            let spec = ProcessSpec {
                binary: binary(&self.options.functions_dir, &described.binary)?,
                log: self.logs.join(format!("{}.log", described.binary)),
                environment: self.environment(&described),
                name: described.binary,
                timeout: described.timeout,
                clock: Arc::clone(self.clock),
                reaper: self.reaper.clone(),
            };
            let function = FunctionPool::new(spec, most, self.stopping.clone());
            for route in described.routes {
                fleet.routes.push((route, Arc::clone(&function)));
            }
            for mapping in described.queues {
                let (queues, function) = (Arc::clone(self.queues), Arc::clone(&function));
                fleet.sources.push(QueueSource { queues, function, mapping });
            }
            for settings in described.schedules {
                let (function, clock) = (Arc::clone(&function), Arc::clone(self.clock));
                fleet.schedules.push(Schedule::new(settings, function, clock));
            }
            fleet.functions.push(function);
        }
        Ok(fleet)
    }

    /// The template's variables, and those that Lambda and the AWS SDK find in the cloud.
    fn environment(&self, function: &template::FunctionSpec) -> BTreeMap<String, String> {
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
            ("AWS_ENDPOINT_URL_DYNAMODB", self.dynamodb),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", self.secrets),
            ("TZ", ":UTC"),
            ("LANG", "en_US.UTF-8"),
            ("_HANDLER", "bootstrap"),
            ("RUST_LOG", self.options.rust_log.as_str()),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        if let Some(file) = self.clock.file() {
            environment.insert(OFFSET_FILE.to_owned(), file.to_string_lossy().into_owned());
        }
        environment.extend(function.environment.clone());
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
