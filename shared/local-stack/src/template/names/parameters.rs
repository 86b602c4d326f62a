//! The values of the template's parameters, checked as `CloudFormation` checks them before it
//! creates a stack.
//!
//! The rules are those of "Parameters section" in the `CloudFormation` user guide. All problems are
//! reported together, so that the user corrects them in one step.

use std::collections::BTreeMap;

use regex_lite::Regex;
use serde_norway::Value as Yaml;

use crate::template::error::{ParameterProblem, TemplateError, TemplateResult, invalid};
use crate::template::spec::Inputs;
use crate::template::yaml::{child, members, scalar};

/// The value of each parameter: the user's, or else the stack's, or else the template's default.
pub(crate) fn parameter_values(
    document: &Yaml,
    inputs: &Inputs,
) -> TemplateResult<BTreeMap<String, String>> {
    let declared: BTreeMap<_, _> = members(document, "Parameters")?.into_iter().collect();
    let (mut values, mut problems) = (BTreeMap::new(), Vec::new());
    for name in inputs.parameters.keys().filter(|name| !declared.contains_key(name.as_str())) {
        problems.push(unknown(name, declared.keys()));
    }
    for (name, node) in declared {
        let parameter = ParameterDeclaration { name, node };
        let given = inputs.parameters.get(name).cloned();
        if let (None, Some(own)) = (&given, inputs.defaults.get(name)) {
            // The stack knows which of its own addresses it can use.
            values.insert(name.to_owned(), own.clone());
        } else if let Some(value) = given.or_else(|| parameter.text("Default")) {
            problems.extend(parameter.check(&value)?);
            values.insert(name.to_owned(), value);
        } else {
            let what = format!("missing value; set it with --parameter {name}=…");
            problems.push(ParameterProblem::new(name, what));
        }
    }
    if problems.is_empty() { Ok(values) } else { Err(TemplateError::Parameters(problems)) }
}

/// Whether the value of a parameter must not be shown.
pub(crate) fn is_secret(document: &Yaml, parameter: &str) -> bool {
    let no_echo = child(document, &["Parameters", parameter, "NoEcho"]).and_then(scalar);
    no_echo.is_some_and(|no_echo| no_echo == "true")
}

fn unknown<'a>(name: &str, mut declared: impl Iterator<Item = &'a &'a str>) -> ParameterProblem {
    let hint = match declared.find(|declared| declared.eq_ignore_ascii_case(name)) {
        Some(meant) => format!("unknown parameter; did you mean `{meant}`?"),
        None => "unknown parameter; the template does not declare it".to_owned(),
    };
    ParameterProblem::new(name, hint)
}

/// A parameter in the template.
struct ParameterDeclaration<'a> {
    name: &'a str,
    node: &'a Yaml,
}

impl ParameterDeclaration<'_> {
    fn text(&self, key: &str) -> Option<String> {
        child(self.node, &[key]).and_then(scalar)
    }

    fn number(&self, key: &str) -> Option<f64> {
        self.text(key)?.parse().ok()
    }

    /// The first constraint that `value` violates.
    fn check(&self, value: &str) -> TemplateResult<Option<ParameterProblem>> {
        let broken = self.broken_constraint(value)?;
        Ok(broken.map(|constraint| {
            // A parameter with NoEcho is a secret.
            let quoted = match self.text("NoEcho").as_deref() {
                Some("true") => "invalid value".to_owned(),
                _ => format!("invalid value `{value}`"),
            };
            let rule = self.text("ConstraintDescription").unwrap_or(constraint);
            ParameterProblem::new(self.name, format!("{quoted}: {rule}"))
        }))
    }

    fn broken_constraint(&self, value: &str) -> TemplateResult<Option<String>> {
        match self.text("Type").as_deref() {
            Some("Number") => Ok(self.broken_choice(&[value]).or_else(|| self.broken_range(value))),
            Some("CommaDelimitedList") => {
                // CloudFormation removes the spaces around each item, and checks each item.
                let items: Vec<_> = value.split(',').map(str::trim).collect();
                Ok(self.broken_choice(&items).or(self.broken_pattern(&items)?))
            }
            _ => {
                let broken = self.broken_choice(&[value]).or_else(|| self.broken_length(value));
                Ok(broken.or(self.broken_pattern(&[value])?))
            }
        }
    }

    fn broken_choice(&self, items: &[&str]) -> Option<String> {
        let allowed = child(self.node, &["AllowedValues"])?.as_sequence()?;
        let allowed: Vec<_> = allowed.iter().filter_map(scalar).collect();
        let all = items.iter().all(|item| allowed.iter().any(|value| value == item));
        (!all).then(|| format!("must be one of {}", allowed.join(", ")))
    }

    fn broken_range(&self, value: &str) -> Option<String> {
        // The same type as in `!Ref`, which inserts the number.
        let number = value.parse::<serde_json::Number>().ok().and_then(|number| number.as_f64());
        let (least, most) = (self.number("MinValue"), self.number("MaxValue"));
        let within = number.is_some_and(|number| {
            least.is_none_or(|least| number >= least) && most.is_none_or(|most| number <= most)
        });
        (!within).then(|| format!("must be a number{}", limits(least, most)))
    }

    fn broken_length(&self, value: &str) -> Option<String> {
        let (least, most) = (self.number("MinLength"), self.number("MaxLength"));
        #[expect(clippy::cast_precision_loss, reason = "no value has 2^52 characters")]
        let length = value.chars().count() as f64;
        let within =
            least.is_none_or(|least| length >= least) && most.is_none_or(|most| length <= most);
        (!within).then(|| format!("must have a number of characters{}", limits(least, most)))
    }

    /// The pattern must match the whole of each item.
    fn broken_pattern(&self, items: &[&str]) -> TemplateResult<Option<String>> {
        let Some(pattern) = self.text("AllowedPattern") else { return Ok(None) };
        let whole = Regex::new(&format!(r"\A(?:{pattern})\z")).map_err(|error| {
            let at = format!("Parameters.{}.AllowedPattern", self.name);
            invalid(&at, format!("unsupported pattern: {error}"))
        })?;
        let all = items.iter().all(|item| whole.is_match(item));
        Ok((!all).then(|| format!("must match the pattern {pattern}")))
    }
}

/// ` from 1 to 30`, ` of at least 1`, ` of at most 30`, or nothing.
fn limits(least: Option<f64>, most: Option<f64>) -> String {
    match (least, most) {
        (Some(least), Some(most)) => format!(" from {least} to {most}"),
        (Some(least), None) => format!(" of at least {least}"),
        (None, Some(most)) => format!(" of at most {most}"),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YAML: &str = r#"
Parameters:
  Issuer: { Type: String, AllowedPattern: "https://\\S+", ConstraintDescription: must be an https URL }
  Bare: { Type: String, Default: aa, AllowedPattern: "a+" }
  Audience: { Type: CommaDelimitedList, Default: "", AllowedPattern: "(\\d{3})?" }
  Days: { Type: Number, Default: 90, MinValue: 2, MaxValue: 100 }
  Least: { Type: Number, Default: 1, MinValue: 1 }
  Most: { Type: Number, Default: 1, MaxValue: 9 }
  Any: { Type: Number, Default: 1 }
  Text: { Type: String, Default: ab, MinLength: 2, MaxLength: 3 }
  Mode: { Type: String, Default: plan, AllowedValues: [plan, apply] }
  Modes: { Type: CommaDelimitedList, Default: plan, AllowedValues: [plan, apply] }
  Logs: { Type: Number, Default: 30, AllowedValues: [1, 30] }
  Hidden: { Type: String, NoEcho: true, Default: ok, MaxLength: 4 }
"#;

    fn values(given: &[(&str, &str)]) -> TemplateResult<BTreeMap<String, String>> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let inputs = Inputs {
            parameters: given.iter().map(owned).collect(),
            defaults: [("Issuer", "http://local"), ("Elsewhere", "x")].iter().map(owned).collect(),
            ..Inputs::default()
        };
        parameter_values(&serde_norway::from_str(YAML).unwrap(), &inputs)
    }

    fn problem(name: &str, value: &str) -> String {
        match values(&[(name, value)]) {
            Ok(values) => panic!("{values:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_value_is_the_users_or_the_stacks_or_the_templates() {
        let values = values(&[("Bare", "aaa")]).unwrap();
        assert_eq!(values["Bare"], "aaa");
        assert_eq!(values["Issuer"], "http://local", "the stack's own value is not checked");
        assert_eq!(values["Days"], "90");
        assert!(!values.contains_key("Elsewhere"), "the template does not declare it");
    }

    #[test]
    fn every_permitted_value_is_accepted() {
        for (name, value) in [
            ("Issuer", "https://idp.example/"),
            ("Audience", "123, 456,"),
            ("Days", "2"),
            ("Days", "100"),
            ("Least", "1000"),
            ("Most", "-5"),
            ("Text", "äöü"),
            ("Mode", "apply"),
            ("Modes", "apply, plan"),
            ("Logs", "1"),
        ] {
            assert_eq!(values(&[(name, value)]).unwrap()[name], value);
        }
    }

    #[test]
    fn an_invalid_value_is_refused_with_its_constraint() {
        for (name, value, rule) in [
            ("Issuer", "http://idp", "must be an https URL"),
            ("Issuer", "https://a b", "must be an https URL"),
            ("Bare", "aab", "must match the pattern a+"),
            ("Bare", "baa", "must match the pattern a+"),
            ("Audience", "123,12", r"must match the pattern (\d{3})?"),
            ("Days", "1", "must be a number from 2 to 100"),
            ("Days", "101", "must be a number from 2 to 100"),
            ("Days", "soon", "must be a number from 2 to 100"),
            ("Least", "0", "must be a number of at least 1"),
            ("Most", "10", "must be a number of at most 9"),
            ("Any", "", "must be a number"),
            ("Text", "a", "must have a number of characters from 2 to 3"),
            ("Text", "abcd", "must have a number of characters from 2 to 3"),
            ("Mode", "Plan", "must be one of plan, apply"),
            ("Modes", "plan,x", "must be one of plan, apply"),
            ("Logs", "2", "must be one of 1, 30"),
        ] {
            let expected = format!("{name}: invalid value `{value}`: {rule}");
            assert!(problem(name, value).ends_with(&expected), "{}", problem(name, value));
        }
    }

    #[test]
    fn an_error_does_not_show_a_secret_parameter() {
        let problem = problem("Hidden", "canary");
        assert!(problem.contains("Hidden: invalid value: must have"), "{problem}");
        assert!(!problem.contains("canary"), "{problem}");
    }

    #[test]
    fn a_template_shows_the_values_of_its_parameters_except_secrets() {
        let yaml = format!("{YAML}\nResources: {{}}");
        let defaults = [("Issuer".to_owned(), "http://local".to_owned())].into();
        let inputs = Inputs { defaults, ..Inputs::default() };
        let parameters = crate::template::Template::read(&yaml, &inputs).unwrap().parameters;
        assert_eq!(parameters["Days"], "90");
        assert!(!parameters.contains_key("Hidden"));
    }

    #[test]
    fn all_problems_are_in_one_report() {
        let inputs = Inputs {
            parameters: [("days", "5"), ("Foo", "bar"), ("Mode", "x")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ..Inputs::default()
        };
        let yaml = serde_norway::from_str(YAML).unwrap();
        let report = parameter_values(&yaml, &inputs).unwrap_err().to_string();
        assert_eq!(
            report,
            "4 invalid parameters:\n  \
             Foo: unknown parameter; the template does not declare it\n  \
             days: unknown parameter; did you mean `Days`?\n  \
             Issuer: missing value; set it with --parameter Issuer=…\n  \
             Mode: invalid value `x`: must be one of plan, apply"
        );
    }

    #[test]
    fn an_unsupported_pattern_is_an_error_of_the_template() {
        let yaml = r"Parameters: { A: { Type: String, Default: a, AllowedPattern: '(?=a)a' } }";
        let yaml = serde_norway::from_str(yaml).unwrap();
        let error = parameter_values(&yaml, &Inputs::default()).unwrap_err().to_string();
        assert!(error.starts_with("Parameters.A.AllowedPattern: unsupported pattern"), "{error}");
    }
}
