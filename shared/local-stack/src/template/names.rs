//! The local values of the parameters and the resources.

mod parameters;

use std::collections::{BTreeMap, BTreeSet};

use serde_norway::Value as Yaml;

use super::error::TemplateResult;
use super::yaml::{child, members};
use crate::arn::{ACCOUNT, REGION};
pub(super) use parameters::{is_secret, parameter_values};

/// The local values of `Ref`, `GetAtt` and dynamic references.
#[derive(Default)]
pub(super) struct TemplateNames {
    /// `Ref`: parameters, resources and pseudo parameters.
    pub(super) references: BTreeMap<String, String>,
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
    pub(super) fn new(
        document: &Yaml,
        secrets: &BTreeMap<String, String>,
        parameters: &BTreeMap<String, String>,
    ) -> TemplateResult<Self> {
        let (references, secrets) = (parameters.clone(), secrets.clone());
        let mut names = Self { references, secrets, ..Self::default() };
        for (name, value) in [
            ("AWS::Region", REGION),
            ("AWS::AccountId", ACCOUNT),
            ("AWS::Partition", "aws"),
            ("AWS::StackName", "guestpass-local"),
        ] {
            names.references.insert(name.to_owned(), value.to_owned());
        }
        for (name, parameter) in members(document, "Parameters")? {
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
