//! `infra/template.yaml`, read into what runs here: functions with their routes, the API's
//! authorizer, the tables.

mod evaluate;
mod sam;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use serde_norway::Value as Yaml;

use evaluate::Names;
use sam::{ApiAuth, FunctionProperties, HttpApiEvent};

/// What a template says that matters on one machine.
#[derive(Debug)]
pub struct Template {
    /// The functions, in the order of their logical ids.
    pub functions: Vec<Function>,
    /// The JWT authorizer of the HTTP API, if there is one.
    pub authorizer: Option<Authorizer>,
    /// The tables, in the order of their logical ids.
    pub tables: Vec<Table>,
}

/// An `AWS::Serverless::Function`.
#[derive(Clone)]
pub struct Function {
    /// Its name in the template.
    pub logical_id: String,
    /// The name of its binary: the last component of `CodeUri`.
    pub binary: String,
    /// Its environment, that of `Globals` included.
    pub environment: BTreeMap<String, String>,
    /// How long one request may take.
    pub timeout: Duration,
    /// Megabytes.
    pub memory: u32,
    /// The routes of the HTTP API that lead here.
    pub routes: Vec<Route>,
}

/// One route of the HTTP API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The method, upper case.
    pub method: String,
    /// The path, with `{names}` for segments that vary.
    pub path: String,
    /// Who may call it.
    pub access: Access,
}

/// Who may call a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Public,
    /// Bearers of a token of the authorizer's issuer.
    Jwt {
        /// The token needs one of these scopes; none: any token will do.
        scopes: Vec<String>,
    },
}

/// The JWT authorizer of the HTTP API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorizer {
    /// The `iss` of its tokens.
    pub issuer: String,
    /// One of these is the `aud` (or `client_id`) of its tokens.
    pub audience: Vec<String>,
}

/// An `AWS::DynamoDB::Table`.
#[derive(Clone, Debug)]
pub struct Table {
    /// What `Ref` gives: the table's name on this machine.
    pub name: String,
    /// The input of `CreateTable`, as JSON.
    pub definition: Json,
    /// The attribute that holds the time of expiry, if the table has one.
    pub ttl_attribute: Option<String>,
}

/// What the template does not say itself.
#[derive(Clone, Default)]
pub struct Inputs {
    /// Values of parameters; they win over the template's defaults.
    pub parameters: BTreeMap<String, String>,
    /// Secrets by ARN.
    pub secrets: BTreeMap<String, String>,
}

/// What cannot be used in a template, and where it stands.
#[derive(Debug, thiserror::Error)]
#[error("{at}: {problem}")]
pub struct Error {
    at: String,
    problem: String,
}

impl Error {
    fn at(at: &str, problem: impl Into<String>) -> Self {
        Self { at: at.to_owned(), problem: problem.into() }
    }
}

impl std::fmt::Debug for Function {
    /// Names the variables, not their values: one of them is the connection string.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Function")
            .field("logical_id", &self.logical_id)
            .field("environment", &self.environment.keys())
            .field("routes", &self.routes)
            .finish_non_exhaustive()
    }
}

impl Template {
    /// Reads a template with `inputs`.
    pub fn read(yaml: &str, inputs: &Inputs) -> Result<Self, Error> {
        let document: Yaml = serde_norway::from_str(yaml)
            .map_err(|error| Error::at("template", format!("is not YAML: {error}")))?;
        let resources = resources(&document)?;
        let names = names(&document, &resources, inputs)?;

        let globals = match child(&document, &["Globals", "Function"]) {
            Some(node) => properties(&names, node, "Globals.Function")?,
            None => FunctionProperties::default(),
        };
        let authorizer = authorizer(&names, &resources)?;
        let mut functions = Vec::new();
        let mut tables = Vec::new();
        for (id, resource) in &resources {
            let at = format!("Resources.{id}.Properties");
            match resource.kind {
                "AWS::Serverless::Function" => {
                    let own = properties(&names, resource.properties, &at)?;
                    functions.push(function(id, own, &globals, authorizer.as_ref(), &at)?);
                }
                "AWS::DynamoDB::Table" => {
                    tables.push(table(id, &names.evaluate(resource.properties, &at)?));
                }
                _ => {}
            }
        }
        Ok(Self { functions, authorizer: authorizer.map(|(_, authorizer)| authorizer), tables })
    }
}

/// The name of a table on this machine.
fn table_name(logical_id: &str) -> String {
    format!("guestpass-local-{logical_id}")
}

struct Resource<'a> {
    kind: &'a str,
    properties: &'a Yaml,
}

fn resources(document: &Yaml) -> Result<BTreeMap<&str, Resource<'_>>, Error> {
    let mapping = child(document, &["Resources"])
        .and_then(Yaml::as_mapping)
        .ok_or_else(|| Error::at("Resources", "is missing"))?;
    mapping
        .iter()
        .map(|(id, resource)| {
            let id = id.as_str().ok_or_else(|| Error::at("Resources", "a key is not text"))?;
            let kind = child(resource, &["Type"])
                .and_then(Yaml::as_str)
                .ok_or_else(|| Error::at(&format!("Resources.{id}.Type"), "is missing"))?;
            let properties = child(resource, &["Properties"]).unwrap_or(&Yaml::Null);
            Ok((id, Resource { kind, properties }))
        })
        .collect()
}

fn names(
    document: &Yaml,
    resources: &BTreeMap<&str, Resource<'_>>,
    inputs: &Inputs,
) -> Result<Names, Error> {
    let mut names = Names { secrets: inputs.secrets.clone(), ..Names::default() };
    for (name, value) in [
        ("AWS::Region", "local"),
        ("AWS::AccountId", "000000000000"),
        ("AWS::Partition", "aws"),
        ("AWS::StackName", "guestpass-local"),
    ] {
        names.references.insert(name.to_owned(), Some(value.to_owned()));
    }
    let parameters = child(document, &["Parameters"]).and_then(Yaml::as_mapping);
    for (name, parameter) in parameters.into_iter().flatten() {
        let name = name.as_str().ok_or_else(|| Error::at("Parameters", "a key is not text"))?;
        let value = match inputs.parameters.get(name) {
            Some(value) => Some(value.clone()),
            None => child(parameter, &["Default"]).and_then(scalar),
        };
        names.references.insert(name.to_owned(), value);
    }
    for (id, resource) in resources {
        let reference = match resource.kind {
            "AWS::DynamoDB::Table" => {
                let arn = format!("arn:aws:dynamodb:local:000000000000:table/{}", table_name(id));
                names.attributes.insert(format!("{id}.Arn"), arn);
                table_name(id)
            }
            _ => (*id).to_owned(),
        };
        names.references.insert((*id).to_owned(), Some(reference));
    }
    Ok(names)
}

/// Evaluates what the stack reads of a function, and nothing else of it.
fn properties(names: &Names, node: &Yaml, at: &str) -> Result<FunctionProperties, Error> {
    let mut object = serde_json::Map::new();
    for key in ["CodeUri", "Timeout", "MemorySize", "Environment", "Events"] {
        if let Some(value) = child(node, &[key]) {
            object.insert(key.to_owned(), names.evaluate(value, &format!("{at}.{key}"))?);
        }
    }
    parse(Json::Object(object), at)
}

fn authorizer(
    names: &Names,
    resources: &BTreeMap<&str, Resource<'_>>,
) -> Result<Option<(String, Authorizer)>, Error> {
    let mut apis = resources.iter().filter(|(_, r)| r.kind == "AWS::Serverless::HttpApi");
    let Some((id, api)) = apis.next() else { return Ok(None) };
    if let Some((second, _)) = apis.next() {
        let at = format!("Resources.{second}");
        return Err(Error::at(&at, "is a second HTTP API; the local stack serves one"));
    }
    let at = format!("Resources.{id}.Properties.Auth");
    let Some(auth) = child(api.properties, &["Auth"]) else { return Ok(None) };
    let mut auth: ApiAuth = parse(names.evaluate(auth, &at)?, &at)?;
    let Some(name) = auth.default_authorizer else { return Ok(None) };
    let jwt = auth
        .authorizers
        .remove(&name)
        .ok_or_else(|| Error::at(&at, format!("DefaultAuthorizer {name} is not an authorizer")))?
        .jwt_configuration;
    Ok(Some((name, Authorizer { issuer: jwt.issuer, audience: jwt.audience })))
}

fn function(
    id: &str,
    own: FunctionProperties,
    globals: &FunctionProperties,
    authorizer: Option<&(String, Authorizer)>,
    at: &str,
) -> Result<Function, Error> {
    let binary = own
        .code_uri
        .as_deref()
        .and_then(|uri| uri.trim_end_matches('/').rsplit('/').next())
        .filter(|name| !name.is_empty())
        .ok_or_else(|| Error::at(&format!("{at}.CodeUri"), "does not name a binary"))?
        .to_owned();
    let mut environment = BTreeMap::new();
    for (name, value) in globals.environment.variables.iter().chain(&own.environment.variables) {
        let at = format!("{at}.Environment.Variables.{name}");
        let text = match value {
            Json::String(text) => text.clone(),
            Json::Number(_) | Json::Bool(_) => value.to_string(),
            _ => return Err(Error::at(&at, "is not text")),
        };
        environment.insert(name.clone(), text);
    }
    let mut routes = Vec::new();
    for (name, event) in own.events {
        // Queues and schedules are not HTTP: they are read by what delivers them.
        if event.kind == "HttpApi" {
            let at = format!("{at}.Events.{name}");
            routes.push(route(parse(event.properties, &at)?, authorizer, &at)?);
        }
    }
    Ok(Function {
        logical_id: id.to_owned(),
        binary,
        environment,
        // Lambda's own defaults.
        timeout: Duration::from_secs(own.timeout.or(globals.timeout).unwrap_or(3)),
        memory: own.memory_size.or(globals.memory_size).unwrap_or(128),
        routes,
    })
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

fn table(id: &str, properties: &Json) -> Table {
    let mut definition = serde_json::Map::new();
    definition.insert("TableName".to_owned(), table_name(id).into());
    definition.insert("BillingMode".to_owned(), "PAY_PER_REQUEST".into());
    for key in ["KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes"] {
        if let Some(value) = properties.get(key) {
            definition.insert(key.to_owned(), value.clone());
        }
    }
    let ttl_attribute = properties
        .get("TimeToLiveSpecification")
        .filter(|ttl| ttl.get("Enabled").and_then(Json::as_bool).unwrap_or(false))
        .and_then(|ttl| ttl.get("AttributeName")?.as_str())
        .map(str::to_owned);
    Table { name: table_name(id), definition: Json::Object(definition), ttl_attribute }
}

fn parse<T: DeserializeOwned>(value: Json, at: &str) -> Result<T, Error> {
    serde_json::from_value(value).map_err(|error| Error::at(at, error.to_string()))
}

fn child<'a>(node: &'a Yaml, path: &[&str]) -> Option<&'a Yaml> {
    path.iter().try_fold(node, |node, key| node.as_mapping()?.get(*key))
}

fn scalar(value: &Yaml) -> Option<String> {
    match value {
        Yaml::String(text) => Some(text.clone()),
        Yaml::Number(number) => Some(number.to_string()),
        Yaml::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
