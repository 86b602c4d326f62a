//! Reads the resources other than functions, queues and rules.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use serde_norway::Value as Yaml;

use super::error::{TemplateResult, invalid};
use super::names::TemplateNames;
use super::sam::{EventBusProperties, SecretProperties};
use super::spec::{SecretSpec, TableSpec};
use super::yaml::{child, members, parse};
use crate::arn::{ACCOUNT, REGION, arn, queue_arn};

/// The resources that exist on this machine, by their logical ids.
pub(super) type Resources<'a> = BTreeMap<&'a str, TemplateResource<'a>>;

pub(super) struct TemplateResource<'a> {
    pub(super) kind: &'a str,
    pub(super) properties: &'a Yaml,
}

/// The resources without a condition, and those whose condition holds.
pub(super) fn resources<'a>(
    document: &'a Yaml,
    names: &TemplateNames,
) -> TemplateResult<Resources<'a>> {
    if child(document, &["Resources"]).and_then(Yaml::as_mapping).is_none() {
        return Err(invalid("Resources", "is missing"));
    }
    let mut resources = BTreeMap::new();
    for (id, resource) in members(document, "Resources")? {
        let kind = child(resource, &["Type"])
            .and_then(Yaml::as_str)
            .ok_or_else(|| invalid(&format!("Resources.{id}.Type"), "is missing"))?;
        if let Some(condition) = child(resource, &["Condition"]).and_then(Yaml::as_str)
            && !names.holds(condition, &format!("Resources.{id}.Condition"))?
        {
            continue;
        }
        let properties = child(resource, &["Properties"]).unwrap_or(&Yaml::Null);
        resources.insert(id, TemplateResource { kind, properties });
    }
    Ok(resources)
}

/// Adds the values of `Ref` and `GetAtt` for the resources.
pub(super) fn add_names(
    resources: &Resources<'_>,
    names: &mut TemplateNames,
) -> TemplateResult<()> {
    for (id, resource) in resources {
        let reference = match resource.kind {
            "AWS::DynamoDB::Table" => {
                let arn = arn("dynamodb", &format!("table/{}", table_name(id)));
                names.attributes.insert(format!("{id}.Arn"), arn);
                table_name(id)
            }
            "AWS::SQS::Queue" => {
                names.attributes.insert(format!("{id}.Arn"), queue_arn(id));
                names.attributes.insert(format!("{id}.QueueName"), (*id).to_owned());
                format!("https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{id}")
            }
            "AWS::SecretsManager::Secret" => secret_arn(id),
            "AWS::Events::EventBus" => {
                let name = event_bus_name(names, id, resource.properties)?;
                let arn = arn("events", &format!("event-bus/{name}"));
                names.attributes.insert(format!("{id}.Arn"), arn);
                names.attributes.insert(format!("{id}.Name"), name.clone());
                name
            }
            "AWS::Serverless::Function" => {
                // The alias and the function are the same on this machine.
                names.references.insert(format!("{id}.Alias"), (*id).to_owned());
                (*id).to_owned()
            }
            _ => (*id).to_owned(),
        };
        names.references.insert((*id).to_owned(), reference);
    }
    Ok(())
}

pub(super) fn secret(
    names: &TemplateNames,
    id: &str,
    properties: &Yaml,
    at: &str,
) -> TemplateResult<SecretSpec> {
    let keys = ["GenerateSecretString", "SecretString"];
    let read: SecretProperties = parse(names.pick(properties, &keys, at)?, at)?;
    let SecretProperties { generate_secret_string: Some(generated), secret_string: None } = read
    else {
        return Err(invalid(at, "a secret must have GenerateSecretString"));
    };
    if generated.secret_string_template.is_some() || generated.password_length == 0 {
        let problem =
            "SecretStringTemplate is not supported, and PasswordLength must be at least 1";
        return Err(invalid(&format!("{at}.GenerateSecretString"), problem));
    }
    Ok(SecretSpec { name: id.to_owned(), arn: secret_arn(id), length: generated.password_length })
}

pub(super) fn table(id: &str, properties: &Json) -> TableSpec {
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

/// The name of a table on this machine.
pub(super) fn table_name(logical_id: &str) -> String {
    format!("guestpass-local-{logical_id}")
}

fn secret_arn(logical_id: &str) -> String {
    arn("secretsmanager", &format!("secret:{logical_id}"))
}

fn event_bus_name(names: &TemplateNames, id: &str, properties: &Yaml) -> TemplateResult<String> {
    let at = format!("Resources.{id}.Properties");
    let read: EventBusProperties = parse(names.pick(properties, &["Name"], &at)?, &at)?;
    Ok(read.name)
}
