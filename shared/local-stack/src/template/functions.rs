//! Reads `AWS::Serverless::Function` and its event sources.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value as Json};
use serde_norway::Value as Yaml;

use super::evaluate::Names;
use super::sam::{FunctionProperties, HttpApiEvent};
use super::{Access, Authorizer, Error, Function, Queue, Route, child, events, parse};

/// Reads functions.
pub(super) struct Reader<'a> {
    names: &'a Names,
    globals: FunctionProperties,
    /// The API's authorizer and its name.
    authorizer: Option<&'a (String, Authorizer)>,
    queues: &'a [Queue],
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        names: &'a Names,
        document: &Yaml,
        authorizer: Option<&'a (String, Authorizer)>,
        queues: &'a [Queue],
    ) -> Result<Self, Error> {
        let globals = match child(document, &["Globals", "Function"]) {
            Some(node) => properties(names, node, "Globals.Function")?,
            None => FunctionProperties::default(),
        };
        Ok(Self { names, globals, authorizer, queues })
    }

    /// Reads the function of the logical id `id`, whose properties are at `at`.
    pub(super) fn function(&self, id: &str, node: &Yaml, at: &str) -> Result<Function, Error> {
        let (own, globals) = (properties(self.names, node, at)?, &self.globals);
        let binary = own
            .code_uri
            .as_deref()
            .and_then(|uri| uri.trim_end_matches('/').rsplit('/').next())
            .filter(|name| !name.is_empty())
            .ok_or_else(|| Error::at(&format!("{at}.CodeUri"), "does not name a binary"))?
            .to_owned();
        let concurrency = own.reserved_concurrent_executions;
        if concurrency == Some(0) {
            let at = format!("{at}.ReservedConcurrentExecutions");
            return Err(Error::at(&at, "of 0 switches the function off; the local stack cannot"));
        }
        let mut function = Function {
            logical_id: id.to_owned(),
            binary,
            environment: self.environment(&own, at)?,
            // Lambda's own defaults.
            timeout: Duration::from_secs(own.timeout.or(globals.timeout).unwrap_or(3)),
            memory: own.memory_size.or(globals.memory_size).unwrap_or(128),
            concurrency,
            routes: Vec::new(),
            queues: Vec::new(),
            schedules: Vec::new(),
        };
        let events = child(node, &["Events"]).and_then(Yaml::as_mapping);
        for (name, event) in events.into_iter().flatten() {
            let name = name.as_str().ok_or_else(|| Error::at(at, "an event's name is not text"))?;
            self.event(&mut function, name, event, &format!("{at}.Events.{name}"))?;
        }
        Ok(function)
    }

    fn environment(
        &self,
        own: &FunctionProperties,
        at: &str,
    ) -> Result<BTreeMap<String, String>, Error> {
        let globals = self.globals.environment.variables.iter();
        let mut environment = BTreeMap::new();
        for (name, value) in globals.chain(&own.environment.variables) {
            let at = format!("{at}.Environment.Variables.{name}");
            let text = match value {
                Json::String(text) => text.clone(),
                Json::Number(_) | Json::Bool(_) => value.to_string(),
                _ => return Err(Error::at(&at, "is not text")),
            };
            environment.insert(name.clone(), text);
        }
        Ok(environment)
    }

    fn event(
        &self,
        function: &mut Function,
        name: &str,
        event: &Yaml,
        at: &str,
    ) -> Result<(), Error> {
        let event = self.names.chosen(event, at)?;
        let kind = child(event, &["Type"]).and_then(Yaml::as_str).unwrap_or_default();
        let properties = child(event, &["Properties"]).unwrap_or(&Yaml::Null);
        match kind {
            "HttpApi" => {
                let properties = pick(self.names, properties, &["Method", "Path", "Auth"], at)?;
                function.routes.push(route(parse(properties, at)?, self.authorizer, at)?);
            }
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
                let known = "the local stack delivers HttpApi, SQS, Schedule and ScheduleV2";
                return Err(Error::at(at, format!("the type {kind:?} is not known: {known}")));
            }
        }
        Ok(())
    }
}

/// Evaluates only the properties of a function that the stack reads.
fn properties(names: &Names, node: &Yaml, at: &str) -> Result<FunctionProperties, Error> {
    parse(pick(names, node, &KEYS, at)?, at)
}

/// Evaluates only the members called `keys`.
pub(super) fn pick(names: &Names, node: &Yaml, keys: &[&str], at: &str) -> Result<Json, Error> {
    let mut object = Map::new();
    for key in keys {
        let Some(value) = child(node, &[key]) else { continue };
        if let Some(value) = names.member(value, &format!("{at}.{key}"))? {
            object.insert((*key).to_owned(), value);
        }
    }
    Ok(Json::Object(object))
}

fn route(
    event: HttpApiEvent,
    authorizer: Option<&(String, Authorizer)>,
    at: &str,
) -> Result<Route, Error> {
    if event.path.contains("+}") || event.method.eq_ignore_ascii_case("any") {
        return Err(Error::at(
            at,
            "the local stack knows routes of one method and {name} segments",
        ));
    }
    let access = match (event.auth.authorizer.as_deref(), authorizer) {
        (Some("NONE"), _) | (None, None) => Access::Public,
        (None, Some(_)) => Access::Jwt { scopes: event.auth.authorization_scopes },
        (Some(named), Some((name, _))) if named == name => {
            Access::Jwt { scopes: event.auth.authorization_scopes }
        }
        (Some(named), _) => {
            return Err(Error::at(at, format!("{named} is not the API's default authorizer")));
        }
    };
    Ok(Route { method: event.method.to_ascii_uppercase(), path: event.path, access })
}

/// The properties of a function that the stack reads, besides its events.
const KEYS: [&str; 5] =
    ["CodeUri", "Timeout", "MemorySize", "Environment", "ReservedConcurrentExecutions"];
