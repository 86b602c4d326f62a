//! Reads `infra/template.yaml` into the parts that run here: functions with their routes, queues
//! and schedules, the API's authorizer, the tables, the queues and the rules that fill them.

mod conditions;
mod evaluate;
mod events;
mod functions;
mod sam;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use serde_norway::Value as Yaml;

use evaluate::TemplateNames;
pub(crate) use events::queue_arn;
pub use events::{QueueMapping, QueueSpec, Redrive, RuleSpec, ScheduleSpec, Scheduler};
use sam::{ApiAuth, SecretProperties};

/// The parts of a template that the stack uses.
#[derive(Debug)]
pub struct Template {
    /// The functions, in the order of their logical ids.
    pub functions: Vec<FunctionSpec>,
    /// The JWT authorizer of the HTTP API, if there is one.
    pub authorizer: Option<AuthorizerSpec>,
    /// The tables, in the order of the template.
    pub tables: Vec<TableSpec>,
    /// The secrets that the template generates, in the order of their logical ids.
    pub secrets: Vec<SecretSpec>,
    /// The queues, in the order of their logical ids.
    pub queues: Vec<QueueSpec>,
    /// The enabled rules of the event buses, in the order of their logical ids.
    pub rules: Vec<RuleSpec>,
    /// The outputs by which tools find the parts of a deployed stack, by their names.
    pub outputs: BTreeMap<String, String>,
}

/// An `AWS::Serverless::Function`.
#[derive(Clone)]
pub struct FunctionSpec {
    /// Its name in the template.
    pub logical_id: String,
    /// The name of its binary: the last component of `CodeUri`.
    pub binary: String,
    /// Its environment, including that of `Globals`.
    pub environment: BTreeMap<String, String>,
    /// The timeout of one request.
    pub timeout: Duration,
    /// The memory size in megabytes.
    pub memory: u32,
    /// The maximum number of concurrent requests, if it is limited.
    pub concurrency: Option<usize>,
    /// Its routes of the HTTP API.
    pub routes: Vec<RouteSpec>,
    /// The queues whose messages it gets.
    pub queues: Vec<QueueMapping>,
    /// Its schedules.
    pub schedules: Vec<ScheduleSpec>,
}

/// One route of the HTTP API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteSpec {
    /// The method, upper case.
    pub method: String,
    /// The path, with `{names}` for segments that vary.
    pub path: String,
    /// The access rule of the route.
    pub access: RouteAuth,
}

/// The access rule of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteAuth {
    /// Every caller, without a token.
    Public,
    /// Callers with a token of the authorizer's issuer.
    Jwt {
        /// The token needs one of these scopes; if the list is empty, any token is accepted.
        scopes: Vec<String>,
    },
}

/// The JWT authorizer of the HTTP API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizerSpec {
    /// The `iss` of its tokens.
    pub issuer: String,
    /// One of these must be the `aud` (or `client_id`) of its tokens.
    pub audience: Vec<String>,
}

/// An `AWS::DynamoDB::Table`.
#[derive(Clone, Debug)]
pub struct TableSpec {
    /// The value of `Ref`: the table's name on this machine.
    pub name: String,
    /// The input of `CreateTable`, as JSON.
    pub definition: Json,
    /// The attribute that holds the time of expiry, if the table has one.
    pub ttl_attribute: Option<String>,
}

/// An `AWS::SecretsManager::Secret` whose value is generated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretSpec {
    /// Its logical id.
    pub name: String,
    /// The value of `Ref`.
    pub arn: String,
    /// The length of its value in characters.
    pub length: usize,
}

/// The values that the template does not contain.
#[derive(Clone, Default)]
pub struct Inputs {
    /// Values of parameters; they override the template's defaults.
    pub parameters: BTreeMap<String, String>,
    /// Secrets by ARN.
    pub secrets: BTreeMap<String, String>,
}

/// An invalid or unsupported part of a template, and its path.
#[derive(Debug, thiserror::Error)]
#[error("{at}: {problem}")]
pub struct TemplateError {
    at: String,
    problem: String,
}

impl TemplateError {
    fn at(at: &str, problem: impl Into<String>) -> Self {
        Self { at: at.to_owned(), problem: problem.into() }
    }
}

impl std::fmt::Debug for FunctionSpec {
    /// Shows the names of the variables, not their values: one of them is the connection string.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FunctionSpec")
            .field("logical_id", &self.logical_id)
            .field("environment", &self.environment.keys())
            .field("routes", &self.routes)
            .field("queues", &self.queues)
            .field("schedules", &self.schedules)
            .finish_non_exhaustive()
    }
}

impl Template {
    /// Parses a template with `inputs`.
    pub fn read(yaml: &str, inputs: &Inputs) -> Result<Self, TemplateError> {
        let document: Yaml = serde_norway::from_str(yaml)
            .map_err(|error| TemplateError::at("template", format!("is not YAML: {error}")))?;
        let mut names = parameters(&document, inputs)?;
        let resources = resources(&document, &names)?;
        name(&resources, &mut names)?;

        let queues = events::queues(&names, &resources)?;
        let rules = events::rules(&names, &resources, &queues)?;
        let authorizer = authorizer(&names, &resources)?;
        let reader =
            functions::FunctionReader::new(&names, &document, authorizer.as_ref(), &queues)?;
        let (mut functions, mut tables, mut secrets) = (Vec::new(), Vec::new(), Vec::new());
        for (id, resource) in &resources {
            let at = format!("Resources.{id}.Properties");
            match resource.kind {
                "AWS::Serverless::Function" => {
                    functions.push(reader.function(id, resource.properties, &at)?);
                }
                "AWS::DynamoDB::Table" => {
                    tables.push(table(id, &names.evaluate(resource.properties, &at)?));
                }
                "AWS::SecretsManager::Secret" => {
                    secrets.push(secret(&names, id, resource.properties, &at)?);
                }
                // Alarms, dashboards and roles are ignored, because they have no local counterpart.
                _ => {}
            }
        }
        let order: Vec<_> = ids(&document).map(table_name).collect();
        tables.sort_by_key(|table| order.iter().position(|name| *name == table.name));
        let authorizer = authorizer.map(|(_, authorizer)| authorizer);
        let outputs = outputs(&document, &names)?;
        Ok(Self { functions, authorizer, tables, secrets, queues, rules, outputs })
    }

    /// The table of this logical id.
    #[must_use]
    pub fn table(&self, logical_id: &str) -> Option<&TableSpec> {
        self.tables.iter().find(|table| table.name == table_name(logical_id))
    }
}

/// The region of all resources here.
pub(crate) const REGION: &str = "local";

/// The account of all resources here.
pub(crate) const ACCOUNT: &str = "000000000000";

/// The name of a table on this machine.
fn table_name(logical_id: &str) -> String {
    format!("guestpass-local-{logical_id}")
}

/// The ARN of a secret on this machine.
fn secret_arn(logical_id: &str) -> String {
    format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{logical_id}")
}

struct Resource<'a> {
    kind: &'a str,
    properties: &'a Yaml,
}

/// The logical ids of all resources, in the order of the template.
fn ids(document: &Yaml) -> impl Iterator<Item = &str> {
    let resources = child(document, &["Resources"]).and_then(Yaml::as_mapping);
    resources.into_iter().flat_map(|resources| resources.keys().filter_map(Yaml::as_str))
}

/// The resources without a condition, and those whose condition holds.
fn resources<'a>(
    document: &'a Yaml,
    names: &TemplateNames,
) -> Result<BTreeMap<&'a str, Resource<'a>>, TemplateError> {
    let mapping = child(document, &["Resources"])
        .and_then(Yaml::as_mapping)
        .ok_or_else(|| TemplateError::at("Resources", "is missing"))?;
    let mut resources = BTreeMap::new();
    for (id, resource) in mapping {
        let id = id.as_str().ok_or_else(|| TemplateError::at("Resources", "a key is not text"))?;
        let kind = child(resource, &["Type"])
            .and_then(Yaml::as_str)
            .ok_or_else(|| TemplateError::at(&format!("Resources.{id}.Type"), "is missing"))?;
        if let Some(condition) = child(resource, &["Condition"]).and_then(Yaml::as_str)
            && !names.holds(condition, &format!("Resources.{id}.Condition"))?
        {
            continue;
        }
        let properties = child(resource, &["Properties"]).unwrap_or(&Yaml::Null);
        resources.insert(id, Resource { kind, properties });
    }
    Ok(resources)
}

/// The values that are known before the resources: conditions need only these.
fn parameters(document: &Yaml, inputs: &Inputs) -> Result<TemplateNames, TemplateError> {
    let mut names = TemplateNames { secrets: inputs.secrets.clone(), ..TemplateNames::default() };
    for (name, value) in [
        ("AWS::Region", REGION),
        ("AWS::AccountId", ACCOUNT),
        ("AWS::Partition", "aws"),
        ("AWS::StackName", "guestpass-local"),
    ] {
        names.references.insert(name.to_owned(), Some(value.to_owned()));
    }
    let parameters = child(document, &["Parameters"]).and_then(Yaml::as_mapping);
    for (name, parameter) in parameters.into_iter().flatten() {
        let name =
            name.as_str().ok_or_else(|| TemplateError::at("Parameters", "a key is not text"))?;
        let value = match inputs.parameters.get(name) {
            Some(value) => Some(value.clone()),
            None => child(parameter, &["Default"]).and_then(scalar),
        };
        names.references.insert(name.to_owned(), value);
        let typed = match child(parameter, &["Type"]).and_then(Yaml::as_str) {
            Some("Number") => &mut names.numbers,
            Some("CommaDelimitedList") => &mut names.lists,
            _ => continue,
        };
        typed.insert(name.to_owned());
    }
    let conditions = child(document, &["Conditions"]).and_then(Yaml::as_mapping);
    for (name, condition) in conditions.into_iter().flatten() {
        let name =
            name.as_str().ok_or_else(|| TemplateError::at("Conditions", "a key is not text"))?;
        names.conditions.insert(name.to_owned(), condition.clone());
    }
    Ok(names)
}

/// The outputs that `stack.json` repeats. Other outputs name things that this machine does not
/// have.
fn outputs(
    document: &Yaml,
    names: &TemplateNames,
) -> Result<BTreeMap<String, String>, TemplateError> {
    let mut outputs = BTreeMap::new();
    for name in ["TableName", "AuditTableName", "EventBusName"] {
        let at = format!("Outputs.{name}.Value");
        if let Some(value) = child(document, &["Outputs", name, "Value"]) {
            outputs.insert(name.to_owned(), parse(names.evaluate(value, &at)?, &at)?);
        }
    }
    Ok(outputs)
}

/// Adds the values of `Ref` and `GetAtt` for the resources.
fn name(
    resources: &BTreeMap<&str, Resource<'_>>,
    names: &mut TemplateNames,
) -> Result<(), TemplateError> {
    for (id, resource) in resources {
        let reference = match resource.kind {
            "AWS::DynamoDB::Table" => {
                let arn = format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{}", table_name(id));
                names.attributes.insert(format!("{id}.Arn"), arn);
                table_name(id)
            }
            "AWS::SQS::Queue" => {
                names.attributes.insert(format!("{id}.Arn"), events::queue_arn(id));
                names.attributes.insert(format!("{id}.QueueName"), (*id).to_owned());
                format!("https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{id}")
            }
            "AWS::SecretsManager::Secret" => secret_arn(id),
            "AWS::Events::EventBus" => {
                let name = events::event_bus(names, id, resource.properties)?;
                let arn = format!("arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{name}");
                names.attributes.insert(format!("{id}.Arn"), arn);
                names.attributes.insert(format!("{id}.Name"), name.clone());
                name
            }
            _ => (*id).to_owned(),
        };
        names.references.insert((*id).to_owned(), Some(reference));
    }
    Ok(())
}

fn authorizer(
    names: &TemplateNames,
    resources: &BTreeMap<&str, Resource<'_>>,
) -> Result<Option<(String, AuthorizerSpec)>, TemplateError> {
    let mut apis = resources.iter().filter(|(_, r)| r.kind == "AWS::Serverless::HttpApi");
    let Some((id, api)) = apis.next() else { return Ok(None) };
    if let Some((second, _)) = apis.next() {
        let at = format!("Resources.{second}");
        return Err(TemplateError::at(&at, "is a second HTTP API; the local stack serves one"));
    }
    let at = format!("Resources.{id}.Properties.Auth");
    let Some(auth) = child(api.properties, &["Auth"]) else { return Ok(None) };
    let mut auth: ApiAuth = parse(names.evaluate(auth, &at)?, &at)?;
    let Some(name) = auth.default_authorizer else { return Ok(None) };
    let jwt = auth
        .authorizers
        .remove(&name)
        .ok_or_else(|| {
            TemplateError::at(&at, format!("DefaultAuthorizer {name} is not an authorizer"))
        })?
        .jwt_configuration;
    Ok(Some((name, AuthorizerSpec { issuer: jwt.issuer, audience: jwt.audience })))
}

fn secret(
    names: &TemplateNames,
    id: &str,
    properties: &Yaml,
    at: &str,
) -> Result<SecretSpec, TemplateError> {
    let keys = ["GenerateSecretString", "SecretString"];
    let read: SecretProperties = parse(functions::pick(names, properties, &keys, at)?, at)?;
    let SecretProperties { generate_secret_string: Some(generated), secret_string: None } = read
    else {
        let problem = "the local stack makes secrets by GenerateSecretString only";
        return Err(TemplateError::at(at, problem));
    };
    if generated.secret_string_template.is_some() || generated.password_length == 0 {
        let problem =
            "the local stack generates text, without a template, of one character or more";
        return Err(TemplateError::at(&format!("{at}.GenerateSecretString"), problem));
    }
    Ok(SecretSpec { name: id.to_owned(), arn: secret_arn(id), length: generated.password_length })
}

fn table(id: &str, properties: &Json) -> TableSpec {
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
    TableSpec { name: table_name(id), definition: Json::Object(definition), ttl_attribute }
}

fn parse<T: DeserializeOwned>(value: Json, at: &str) -> Result<T, TemplateError> {
    serde_json::from_value(value).map_err(|error| TemplateError::at(at, error.to_string()))
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
