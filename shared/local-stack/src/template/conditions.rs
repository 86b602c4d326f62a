//! Evaluates the `Conditions` of a template, and `!If`.

use serde_json::Value as Json;
use serde_norway::Value as Yaml;

use super::error::{TemplateResult, invalid};
use super::evaluate::intrinsic;
use super::names::TemplateNames;

impl TemplateNames {
    /// The branch that `!If` chooses, or the node itself.
    pub(super) fn chosen<'a>(&self, mut node: &'a Yaml, at: &str) -> TemplateResult<&'a Yaml> {
        while let Some((name, argument)) = intrinsic(node)
            && name == "If"
        {
            node = self.branch(argument, at)?;
        }
        Ok(node)
    }

    /// The branch that `!If` chooses.
    pub(super) fn branch<'a>(&self, argument: &'a Yaml, at: &str) -> TemplateResult<&'a Yaml> {
        let Some([Yaml::String(name), then, otherwise]) = items(argument) else {
            return Err(invalid(at, "!If needs a condition and two values"));
        };
        Ok(if self.holds(name, at)? { then } else { otherwise })
    }

    /// Whether a condition of `Conditions` holds.
    pub(super) fn holds(&self, name: &str, at: &str) -> TemplateResult<bool> {
        self.named(name, at, 0)
    }

    fn named(&self, name: &str, at: &str, depth: usize) -> TemplateResult<bool> {
        let condition = self
            .conditions
            .get(name)
            .ok_or_else(|| invalid(at, format!("unknown condition `{name}`")))?;
        self.condition(condition, &format!("Conditions.{name}"), depth)
    }

    fn condition(&self, node: &Yaml, at: &str, depth: usize) -> TemplateResult<bool> {
        if depth > MAX_DEPTH {
            return Err(invalid(at, "the condition refers to itself"));
        }
        if let Some(name) = condition_of(node) {
            return self.named(name, at, depth + 1);
        }
        let (function, argument) =
            intrinsic(node).ok_or_else(|| invalid(at, "is not a condition"))?;
        let inner = |node| self.condition(node, at, depth + 1);
        match (&*function, items(argument)) {
            ("Equals", Some([left, right])) => {
                Ok(text(&self.evaluate(left, at)?) == text(&self.evaluate(right, at)?))
            }
            ("Not", Some([condition])) => inner(condition).map(|holds| !holds),
            ("And", Some(all)) => all.iter().try_fold(true, |holds, one| Ok(holds && inner(one)?)),
            ("Or", Some(all)) => all.iter().try_fold(false, |holds, one| Ok(holds || inner(one)?)),
            _ => {
                let supported =
                    "must be !Equals, !Not, !And, !Or or !Condition with their arguments";
                Err(invalid(at, format!("unsupported condition !{function}: {supported}")))
            }
        }
    }
}

/// `!Condition Name` and `{ Condition: Name }`. The long form has this meaning only here: in a
/// policy it means something else.
fn condition_of(node: &Yaml) -> Option<&str> {
    match node {
        Yaml::Tagged(tagged) if tagged.tag == "Condition" => tagged.value.as_str(),
        Yaml::Mapping(mapping) if mapping.len() == 1 => mapping.get("Condition")?.as_str(),
        _ => None,
    }
}

fn items(node: &Yaml) -> Option<&[Yaml]> {
    node.as_sequence().map(Vec::as_slice)
}

/// The text that conditions compare: `90` and `"90"` are the same.
fn text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The maximum depth of nesting. Only conditions that refer to each other in a cycle reach it.
const MAX_DEPTH: usize = 100;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn names() -> TemplateNames {
        TemplateNames {
            references: BTreeMap::from([("Name".to_owned(), "alice".to_owned())]),
            conditions: [
                ("Named", "!Not [!Equals [!Ref Name, '']]"),
                ("Bob", "{ Fn::Equals: [!Ref Name, bob] }"),
                ("Both", "!And [!Condition Named, { Condition: Bob }]"),
                ("Either", "!Or [!Condition Bob, !Condition Named]"),
                ("Number", "!Equals [90, '90']"),
                ("Circle", "!Not [!Condition Circle]"),
                ("Text", "Named"),
            ]
            .map(|(name, yaml)| (name.to_owned(), serde_norway::from_str(yaml).unwrap()))
            .into(),
            ..TemplateNames::default()
        }
    }

    fn evaluate(yaml: &str) -> Json {
        names().evaluate(&serde_norway::from_str(yaml).unwrap(), "here").unwrap()
    }

    #[test]
    fn a_condition_compares_parameters() {
        for (name, holds) in
            [("Named", true), ("Bob", false), ("Both", false), ("Either", true), ("Number", true)]
        {
            assert_eq!(names().holds(name, "here").unwrap(), holds, "{name}");
        }
        for (name, problem) in [
            ("Circle", "Conditions.Circle: the condition refers to itself"),
            ("Missing", "here: unknown condition `Missing`"),
            ("Text", "Conditions.Text: is not a condition"),
        ] {
            assert_eq!(names().holds(name, "here").unwrap_err().to_string(), problem);
        }
    }

    #[test]
    fn if_chooses_a_value_or_omits_it() {
        assert_eq!(evaluate("!If [Bob, 1, !If [Named, 2, 3]]"), 2);
        let kept = evaluate("{ a: !If [Bob, 1, !Ref AWS::NoValue], b: [!Ref AWS::NoValue, 1] }");
        assert_eq!(kept, serde_json::json!({ "b": [1] }));
    }
}
