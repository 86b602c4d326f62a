//! Reads `infra/template.yaml` into plain data: functions with their routes, queues and schedules,
//! the API's authorizer, the tables, the secrets, the queues and the rules that fill them.
//!
//! Event patterns and schedule expressions stay text or JSON. The event bus and the scheduler parse
//! them, and report an error with the path that is stored beside them.

mod api;
mod conditions;
mod error;
mod evaluate;
mod events;
mod functions;
mod names;
mod resources;
mod sam;
mod spec;
mod yaml;

use std::collections::BTreeMap;

use serde_norway::Value as Yaml;

use api::ApiRoutes;
pub use api::{CorsSpec, HttpApiSpec, ThrottleSpec};
pub use error::{ParameterProblem, TemplateError};
use error::{TemplateResult, invalid};
use functions::FunctionReader;
use names::{TemplateNames, is_secret, parameter_values};
pub use spec::{
    AuthorizerSpec, FunctionSpec, Inputs, JwtAuthorizerSpec, LambdaAuthorizerSpec, QueueMapping,
    QueueSpec, Redrive, RouteAuth, RouteSpec, RuleSpec, ScheduleSpec, Scheduler, SecretSpec,
    TableSpec,
};
use yaml::{child, members, parse};

/// The parts of a template that the stack uses.
#[derive(Debug)]
pub struct Template {
    /// The value of each parameter, except those with `NoEcho`.
    pub parameters: BTreeMap<String, String>,
    /// The functions, in the order of their logical ids.
    pub functions: Vec<FunctionSpec>,
    /// The authorizer of the HTTP API, if there is one.
    pub authorizer: Option<AuthorizerSpec>,
    /// The other settings of the HTTP API.
    pub api: HttpApiSpec,
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

impl Template {
    /// Parses a template with `inputs`.
    pub fn read(yaml: &str, inputs: &Inputs) -> TemplateResult<Self> {
        let document: Yaml = serde_norway::from_str(yaml)
            .map_err(|error| invalid("template", format!("invalid YAML: {error}")))?;
        let mut parameters = parameter_values(&document, inputs)?;
        let mut names = TemplateNames::new(&document, &inputs.secrets, &parameters)?;
        let resources = resources::resources(&document, &names)?;
        resources::add_names(&resources, &mut names)?;

        let queues = events::queues(&names, &resources)?;
        let rules = events::rules(&names, &resources, &queues)?;
        let routes = ApiRoutes::read(&names, &resources)?;
        let api = api::settings(&names, &resources)?;
        let reader = FunctionReader::new(&names, &document, &routes, &queues)?;
        let (mut functions, mut tables, mut secrets) = (Vec::new(), Vec::new(), Vec::new());
        for (id, resource) in &resources {
            let at = format!("Resources.{id}.Properties");
            match resource.kind {
                "AWS::Serverless::Function" => {
                    functions.push(reader.function(id, resource.properties, &at)?);
                }
                "AWS::DynamoDB::Table" => {
                    tables.push(resources::table(id, &names.evaluate(resource.properties, &at)?));
                }
                "AWS::SecretsManager::Secret" => {
                    secrets.push(resources::secret(&names, id, resource.properties, &at)?);
                }
                // Alarms, dashboards and roles are ignored, because they have no local counterpart.
                _ => {}
            }
        }
        let is_missing =
            |name: &&str| !functions.iter().any(|function| function.logical_id == **name);
        if let Some(name) = routes.functions().find(is_missing) {
            return Err(invalid("Resources", format!("the API's function `{name}` is missing")));
        }
        let order = members(&document, "Resources")?;
        let table_names: Vec<_> = order.iter().map(|(id, _)| resources::table_name(id)).collect();
        tables.sort_by_key(|table| table_names.iter().position(|name| *name == table.name));
        let outputs = outputs(&document, &names)?;
        let authorizer = routes.authorizer;
        parameters.retain(|name, _| !is_secret(&document, name));
        Ok(Self { parameters, functions, authorizer, api, tables, secrets, queues, rules, outputs })
    }

    /// The table of this logical id.
    #[must_use]
    pub fn table(&self, logical_id: &str) -> Option<&TableSpec> {
        self.tables.iter().find(|table| table.name == resources::table_name(logical_id))
    }
}

/// The outputs that `stack.json` repeats. Other outputs name resources that do not exist on this
/// machine.
fn outputs(document: &Yaml, names: &TemplateNames) -> TemplateResult<BTreeMap<String, String>> {
    let mut outputs = BTreeMap::new();
    for name in ["TableName", "AuditTableName", "EventBusName"] {
        let at = format!("Outputs.{name}.Value");
        if let Some(value) = child(document, &["Outputs", name, "Value"]) {
            outputs.insert(name.to_owned(), parse(names.evaluate(value, &at)?, &at)?);
        }
    }
    Ok(outputs)
}

#[cfg(test)]
mod tests;
