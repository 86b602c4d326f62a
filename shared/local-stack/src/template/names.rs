//! The local values of the parameters and the resources.

use std::collections::{BTreeMap, BTreeSet};

use serde_norway::Value as Yaml;

use super::error::TemplateResult;
use super::spec::Inputs;
use super::yaml::{child, members, scalar};
use crate::arn::{ACCOUNT, REGION};

/// The local values of `Ref`, `GetAtt` and dynamic references.
#[derive(Default)]
pub(super) struct TemplateNames {
    /// `Ref`: parameters, resources and pseudo parameters. `None` is a parameter without a value.
    pub(super) references: BTreeMap<String, Option<String>>,
    /// `GetAtt`: `Resource.Attribute`.
    pub(super) attributes: BTreeMap<String, String>,
    /// `{{resolve:secretsmanager:…}}`, by ARN.
    pub(super) secrets: BTreeMap<String, String>,
    /// The numeric parameters, for which `Ref` gives a number.
    pub(super) numbers: BTreeSet<String>,
    /// The parameters that are comma-separated lists.
    pub(super) lists: BTreeSet<String>,
    /// `Conditions`, evaluated on demand.
    pub(super) conditions: BTreeMap<String, Yaml>,
    /// `Mappings`, for `FindInMap`.
    pub(super) mappings: Yaml,
}

impl TemplateNames {
    /// The values that are known before the resources: conditions need only these.
    pub(super) fn new(document: &Yaml, inputs: &Inputs) -> TemplateResult<Self> {
        let mut names = Self { secrets: inputs.secrets.clone(), ..Self::default() };
        for (name, value) in [
            ("AWS::Region", REGION),
            ("AWS::AccountId", ACCOUNT),
            ("AWS::Partition", "aws"),
            ("AWS::StackName", "guestpass-local"),
        ] {
            names.references.insert(name.to_owned(), Some(value.to_owned()));
        }
        for (name, parameter) in members(document, "Parameters")? {
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
        names.mappings = child(document, &["Mappings"]).cloned().unwrap_or_default();
        for (name, condition) in members(document, "Conditions")? {
            names.conditions.insert(name.to_owned(), condition.clone());
        }
        Ok(names)
    }
}
