//! Reads `AWS::Serverless::Function` and its event sources.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value as Json;
use serde_norway::Value as Yaml;

use super::api::ApiRoutes;
use super::error::{TemplateResult, invalid};
use super::events;
use super::names::TemplateNames;
use super::sam::FunctionProperties;
use super::spec::{FunctionSpec, QueueSpec};
use super::yaml::{child, parse};

/// Reads functions.
pub(super) struct FunctionReader<'a> {
    names: &'a TemplateNames,
    globals: FunctionProperties,
    routes: &'a ApiRoutes,
    queues: &'a [QueueSpec],
}

impl<'a> FunctionReader<'a> {
    pub(super) fn new(
        names: &'a TemplateNames,
        document: &Yaml,
        routes: &'a ApiRoutes,
        queues: &'a [QueueSpec],
    ) -> TemplateResult<Self> {
        let globals = match child(document, &["Globals", "Function"]) {
            Some(node) => properties(names, node, "Globals.Function")?,
            None => FunctionProperties::default(),
        };
        Ok(Self { names, globals, routes, queues })
    }

    /// Reads the function of the logical id `id`, whose properties are at `at`.
    pub(super) fn function(&self, id: &str, node: &Yaml, at: &str) -> TemplateResult<FunctionSpec> {
        let (own, globals) = (properties(self.names, node, at)?, &self.globals);
        let binary = own
            .code_uri
            .as_deref()
            .and_then(|uri| uri.trim_end_matches('/').rsplit('/').next())
            .filter(|name| !name.is_empty())
            .ok_or_else(|| invalid(&format!("{at}.CodeUri"), "must end with the name of a binary"))?
            .to_owned();
        let concurrency = own.reserved_concurrent_executions;
        if concurrency == Some(0) {
            let at = format!("{at}.ReservedConcurrentExecutions");
            return Err(invalid(
                &at,
                "0 is not supported: the local stack cannot disable a function",
            ));
        }
        let mut function = FunctionSpec {
            logical_id: id.to_owned(),
            binary,
            environment: self.environment(&own, at)?,
            // Lambda's own defaults.
            timeout: Duration::from_secs(own.timeout.or(globals.timeout).unwrap_or(3)),
            memory: own.memory_size.or(globals.memory_size).unwrap_or(128),
            concurrency,
            routes: self.routes.of(id),
            queues: Vec::new(),
            schedules: Vec::new(),
        };
        let events = child(node, &["Events"]).and_then(Yaml::as_mapping);
        for (name, event) in events.into_iter().flatten() {
            let name =
                name.as_str().ok_or_else(|| invalid(at, "the name of an event must be text"))?;
            self.event(&mut function, name, event, &format!("{at}.Events.{name}"))?;
        }
        Ok(function)
    }

    fn environment(
        &self,
        own: &FunctionProperties,
        at: &str,
    ) -> TemplateResult<BTreeMap<String, String>> {
        let globals = self.globals.environment.variables.iter();
        let mut environment = BTreeMap::new();
        for (name, value) in globals.chain(&own.environment.variables) {
            let at = format!("{at}.Environment.Variables.{name}");
            let text = match value {
                Json::String(text) => text.clone(),
                Json::Number(_) | Json::Bool(_) => value.to_string(),
                _ => return Err(invalid(&at, "must be text, a number or a boolean")),
            };
            environment.insert(name.clone(), text);
        }
        Ok(environment)
    }

    fn event(
        &self,
        function: &mut FunctionSpec,
        name: &str,
        event: &Yaml,
        at: &str,
    ) -> TemplateResult<()> {
        let event = self.names.chosen(event, at)?;
        let kind = child(event, &["Type"]).and_then(Yaml::as_str).unwrap_or_default();
        let properties = child(event, &["Properties"]).unwrap_or(&Yaml::Null);
        match kind {
            "SQS" => {
                let mapping = events::mapping(self.names, properties, self.queues, at)?;
                function.queues.extend(mapping);
            }
            "Schedule" | "ScheduleV2" => {
                // The resource name that SAM generates for the event.
                let name = format!("{}{name}", function.logical_id);
                let schedule = events::schedule(self.names, kind, &name, properties, at)?;
                function.schedules.push(schedule);
            }
            _ => {
                let supported = "must be SQS, Schedule or ScheduleV2";
                return Err(invalid(at, format!("unsupported event type `{kind}`: {supported}")));
            }
        }
        Ok(())
    }
}

/// Evaluates only the properties of a function that the stack reads.
fn properties(names: &TemplateNames, node: &Yaml, at: &str) -> TemplateResult<FunctionProperties> {
    parse(names.pick(node, &KEYS, at)?, at)
}

/// The properties of a function that the stack reads, besides its events.
const KEYS: [&str; 5] =
    ["CodeUri", "Timeout", "MemorySize", "Environment", "ReservedConcurrentExecutions"];
