//! Reads parts of the YAML document.

use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use serde_norway::Value as Yaml;

use super::error::{TemplateResult, invalid};

pub(super) fn parse<T: DeserializeOwned>(value: Json, at: &str) -> TemplateResult<T> {
    serde_json::from_value(value).map_err(|error| invalid(at, error.to_string()))
}

pub(super) fn child<'a>(node: &'a Yaml, path: &[&str]) -> Option<&'a Yaml> {
    path.iter().try_fold(node, |node, key| node.as_mapping()?.get(*key))
}

/// The members of a section of the document. A missing section has no members.
pub(super) fn members<'a>(
    document: &'a Yaml,
    section: &str,
) -> TemplateResult<Vec<(&'a str, &'a Yaml)>> {
    let mapping = child(document, &[section]).and_then(Yaml::as_mapping);
    let named = |(key, value): (&'a Yaml, &'a Yaml)| Some((key.as_str()?, value));
    let members = mapping.into_iter().flatten().map(named).collect::<Option<_>>();
    members.ok_or_else(|| invalid(section, "every key must be text"))
}

pub(super) fn scalar(value: &Yaml) -> Option<String> {
    match value {
        Yaml::String(text) => Some(text.clone()),
        Yaml::Number(number) => Some(number.to_string()),
        Yaml::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}
