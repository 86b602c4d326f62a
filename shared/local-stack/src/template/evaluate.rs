//! Intrinsic functions of `CloudFormation`, limited to those that the template needs here.
//!
//! The stack evaluates only what it reads, so a policy or an output may use an unsupported
//! intrinsic. If the stack reads an unsupported intrinsic, the error names its path.

use std::borrow::Cow;

use serde_json::Value as Json;
use serde_norway::Value as Yaml;

use super::error::{TemplateResult, invalid};
use super::names::TemplateNames;
use super::yaml::child;

/// `!If` chooses this value to omit a member.
const NO_VALUE: &str = "AWS::NoValue";

impl TemplateNames {
    /// Evaluates `node`, whose path is `at`.
    pub(super) fn evaluate(&self, node: &Yaml, at: &str) -> TemplateResult<Json> {
        if is_no_value(node) {
            return Ok(Json::Null);
        }
        match node {
            Yaml::Null => Ok(Json::Null),
            Yaml::Bool(value) => Ok(Json::Bool(*value)),
            Yaml::Number(number) => serde_json::to_value(number)
                .map_err(|_| invalid(at, "the number cannot be represented in JSON")),
            Yaml::String(text) => self.resolve(text, at).map(Json::String),
            Yaml::Sequence(items) => items
                .iter()
                .enumerate()
                .filter_map(|(index, item)| {
                    self.member(item, &format!("{at}[{index}]")).transpose()
                })
                .collect(),
            Yaml::Mapping(mapping) => {
                if let Some((name, argument)) = long_form(mapping) {
                    return self.call(name, argument, at);
                }
                let mut object = serde_json::Map::new();
                for (key, value) in mapping {
                    let key = key.as_str().ok_or_else(|| invalid(at, "every key must be text"))?;
                    if let Some(value) = self.member(value, &format!("{at}.{key}"))? {
                        object.insert(key.to_owned(), value);
                    }
                }
                Ok(Json::Object(object))
            }
            Yaml::Tagged(tagged) => {
                let tag = tagged.tag.to_string();
                self.call(tag.trim_start_matches('!'), &tagged.value, at)
            }
        }
    }

    /// Evaluates a member of a list or a mapping; `None` if it is `AWS::NoValue`.
    pub(super) fn member(&self, node: &Yaml, at: &str) -> TemplateResult<Option<Json>> {
        let chosen = self.chosen(node, at)?;
        if is_no_value(chosen) { Ok(None) } else { self.evaluate(chosen, at).map(Some) }
    }

    /// Evaluates only the members called `keys`.
    pub(super) fn pick(&self, node: &Yaml, keys: &[&str], at: &str) -> TemplateResult<Json> {
        let mut object = serde_json::Map::new();
        for key in keys {
            let Some(value) = child(node, &[key]) else { continue };
            if let Some(value) = self.member(value, &format!("{at}.{key}"))? {
                object.insert((*key).to_owned(), value);
            }
        }
        Ok(Json::Object(object))
    }

    fn call(&self, function: &str, argument: &Yaml, at: &str) -> TemplateResult<Json> {
        let text = match (function, argument) {
            ("If", _) => return self.evaluate(self.branch(argument, at)?, at),
            ("Ref", Yaml::String(name)) if self.numbers.contains(name) => {
                let text = self.reference(name, at)?;
                let number = text.parse().map_err(|_| invalid(at, "must be a number"))?;
                return Ok(Json::Number(number));
            }
            ("Ref", Yaml::String(name)) if self.lists.contains(name) => {
                let text = self.reference(name, at)?;
                return Ok(text.split(',').map(|item| Json::from(item.trim())).collect());
            }
            ("Ref", Yaml::String(name)) => self.reference(name, at)?,
            ("GetAtt", Yaml::String(name)) => self.attribute(name, at)?,
            ("GetAtt", Yaml::Sequence(parts)) => {
                let parts: Vec<_> = parts.iter().filter_map(Yaml::as_str).collect();
                self.attribute(&parts.join("."), at)?
            }
            ("Sub", Yaml::String(text)) => self.substitute(text, at)?,
            ("Join", Yaml::Sequence(parts)) => self.join(parts, at)?,
            ("FindInMap", Yaml::Sequence(keys)) => return self.find_in_map(keys, at),
            ("Select", Yaml::Sequence(parts)) => return self.select(parts, at),
            ("Split", Yaml::Sequence(parts)) => return self.split(parts, at),
            ("Ref" | "GetAtt" | "Sub", _) => {
                return Err(invalid(
                    at,
                    format!("unsupported argument of !{function}: must be text"),
                ));
            }
            _ => {
                let supported =
                    "must be !Ref, !Sub, !GetAtt, !Join, !FindInMap, !Select, !Split or !If";
                return Err(invalid(at, format!("unsupported function !{function}: {supported}")));
            }
        };
        self.resolve(&text, at).map(Json::String)
    }

    /// `!Join [separator, list]`
    fn join(&self, parts: &[Yaml], at: &str) -> TemplateResult<String> {
        let [Yaml::String(separator), list] = parts else {
            return Err(invalid(at, "!Join needs a separator and a list"));
        };
        let Json::Array(items) = self.evaluate(list, at)? else {
            return Err(invalid(at, "!Join needs a list as its second argument"));
        };
        let texts: Option<Vec<&str>> = items.iter().map(Json::as_str).collect();
        let texts = texts.ok_or_else(|| invalid(at, "!Join needs a list of texts"))?;
        Ok(texts.join(separator))
    }

    /// `!FindInMap [map, key, second key]`
    fn find_in_map(&self, keys: &[Yaml], at: &str) -> TemplateResult<Json> {
        let mut found = &self.mappings;
        for key in keys {
            let key = self.evaluate(key, at)?;
            let key = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
            found = child(found, &[&key])
                .ok_or_else(|| invalid(at, format!("!FindInMap: unknown key `{key}`")))?;
        }
        self.evaluate(found, at)
    }

    /// `!Select [index, list]`
    fn select(&self, parts: &[Yaml], at: &str) -> TemplateResult<Json> {
        let [Yaml::Number(index), list] = parts else {
            return Err(invalid(at, "!Select needs an index and a list"));
        };
        let Json::Array(items) = self.evaluate(list, at)? else {
            return Err(invalid(at, "!Select needs a list as its second argument"));
        };
        let index = index.as_u64().and_then(|index| usize::try_from(index).ok());
        let item = index.and_then(|index| items.into_iter().nth(index));
        item.ok_or_else(|| invalid(at, "!Select: the list has no item at this index"))
    }

    /// `!Split [separator, text]`
    fn split(&self, parts: &[Yaml], at: &str) -> TemplateResult<Json> {
        let [Yaml::String(separator), text] = parts else {
            return Err(invalid(at, "!Split needs a separator and a text"));
        };
        let Json::String(text) = self.evaluate(text, at)? else {
            return Err(invalid(at, "!Split needs a text as its second argument"));
        };
        Ok(text.split(separator.as_str()).map(Json::from).collect())
    }

    fn reference(&self, name: &str, at: &str) -> TemplateResult<String> {
        self.references
            .get(name)
            .cloned()
            .ok_or_else(|| invalid(at, format!("!Ref {name}: unknown name")))
    }

    fn attribute(&self, name: &str, at: &str) -> TemplateResult<String> {
        self.attributes
            .get(name)
            .cloned()
            .ok_or_else(|| invalid(at, format!("!GetAtt {name}: unknown attribute")))
    }

    /// Replaces `${Name}` and `${Resource.Attribute}`; `${!text}` is `${text}` literally.
    fn substitute(&self, text: &str, at: &str) -> TemplateResult<String> {
        let mut result = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) =
                after.split_once('}').ok_or_else(|| invalid(at, "!Sub: missing } after ${"))?;
            result.push_str(before);
            if let Some(literal) = name.strip_prefix('!') {
                result.extend(["${", literal, "}"]);
            } else if name.contains('.') {
                result.push_str(&self.attribute(name, at)?);
            } else {
                result.push_str(&self.reference(name, at)?);
            }
            rest = after;
        }
        result.push_str(rest);
        Ok(result)
    }

    /// Replaces `{{resolve:secretsmanager:<arn>}}` by the secret.
    fn resolve(&self, text: &str, at: &str) -> TemplateResult<String> {
        let mut result = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{resolve:") {
            let (reference, after) =
                after.split_once("}}").ok_or_else(|| invalid(at, "missing }} after {{resolve:"))?;
            let secret = reference
                .strip_prefix("secretsmanager:")
                .and_then(|arn| self.secrets.get(arn))
                .ok_or_else(|| {
                    invalid(at, format!("{{{{resolve:{reference}}}}}: unknown secret"))
                })?;
            result.push_str(before);
            result.push_str(secret);
            rest = after;
        }
        result.push_str(rest);
        Ok(result)
    }
}

/// An intrinsic function and its argument, in the short form or the long one.
pub(super) fn intrinsic(node: &Yaml) -> Option<(Cow<'_, str>, &Yaml)> {
    match node {
        Yaml::Tagged(tagged) => {
            Some((tagged.tag.to_string().trim_start_matches('!').to_owned().into(), &tagged.value))
        }
        Yaml::Mapping(mapping) => {
            long_form(mapping).map(|(name, argument)| (name.into(), argument))
        }
        _ => None,
    }
}

fn is_no_value(node: &Yaml) -> bool {
    intrinsic(node).is_some_and(|(name, argument)| {
        name == "Ref" && argument.as_str().is_some_and(|name| name == NO_VALUE)
    })
}

/// `{ Ref: x }` and `{ "Fn::Sub": x }`: the long forms of the short tags.
fn long_form(mapping: &serde_norway::Mapping) -> Option<(&str, &Yaml)> {
    let (key, argument) = mapping.iter().next().filter(|_| mapping.len() == 1)?;
    match key.as_str()? {
        "Ref" => Some(("Ref", argument)),
        key => key.strip_prefix("Fn::").map(|name| (name, argument)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn names() -> TemplateNames {
        TemplateNames {
            references: BTreeMap::from([
                ("Name".to_owned(), "alice".to_owned()),
                ("Secret".to_owned(), "arn:s".to_owned()),
            ]),
            attributes: BTreeMap::from([("Table.Arn".to_owned(), "arn:t".to_owned())]),
            secrets: BTreeMap::from([("arn:s".to_owned(), "endpoint=x".to_owned())]),
            ..TemplateNames::default()
        }
    }

    fn evaluate(yaml: &str) -> TemplateResult<Json> {
        names().evaluate(&serde_norway::from_str(yaml).unwrap(), "here")
    }

    #[test]
    fn intrinsics_have_a_short_and_a_long_form() {
        for (yaml, value) in [
            ("!Ref Name", "alice"),
            ("{ Ref: Name }", "alice"),
            ("!GetAtt Table.Arn", "arn:t"),
            ("!GetAtt [Table, Arn]", "arn:t"),
            ("{ Fn::GetAtt: [Table, Arn] }", "arn:t"),
            ("!Sub '${Table.Arn}/${Name}/${!Kept}'", "arn:t/alice/${Kept}"),
            ("{ Fn::Sub: 'a${Name}' }", "aalice"),
            ("!Sub '{{resolve:secretsmanager:${Secret}}}'", "endpoint=x"),
            ("'{{resolve:secretsmanager:arn:s}}'", "endpoint=x"),
            ("!Join ['/', [!Ref Name, b, !Ref AWS::NoValue]]", "alice/b"),
            ("{ Fn::Join: ['', []] }", ""),
            ("!Select [1, !Split [',', 'a,b,']]", "b"),
            ("!Select [2, !Split [',', !Join ['', [!Ref Name, ',,']]]]", ""),
        ] {
            assert_eq!(evaluate(yaml).unwrap(), Json::from(value), "{yaml}");
        }
    }

    #[test]
    fn an_error_names_the_path_of_the_unsupported_value() {
        for (yaml, message) in [
            ("a: { b: [1, !ImportValue x] }", "here.a.b[1]: unsupported function !ImportValue"),
            ("a: !Ref Missing", "here.a: !Ref Missing"),
            ("a: !Sub '${Table.Name}'", "here.a: !GetAtt Table.Name"),
            ("a: !Sub '${Name'", "here.a: !Sub"),
            ("a: '{{resolve:ssm:x}}'", "here.a: {{resolve:ssm:x}}"),
            ("a: !FindInMap [None, b, c]", "here.a: !FindInMap: unknown key `None`"),
            ("a: !Join [x]", "here.a: !Join needs a separator and a list"),
            ("a: !Join [x, y]", "here.a: !Join needs a list as its second argument"),
            ("a: !Join [x, [[]]]", "here.a: !Join needs a list of texts"),
            ("a: !Select [0]", "here.a: !Select needs an index and a list"),
            ("a: !Select [0, x]", "here.a: !Select needs a list as its second argument"),
            ("a: !Select [1, [x]]", "here.a: !Select: the list has no item at this index"),
            ("a: !Split [x]", "here.a: !Split needs a separator and a text"),
            ("a: !Split [x, []]", "here.a: !Split needs a text as its second argument"),
        ] {
            let error = evaluate(yaml).unwrap_err().to_string();
            assert!(error.starts_with(message), "{yaml}: {error}");
        }
    }
}
