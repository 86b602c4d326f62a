//! EventBridge's event patterns, which decide the events that a rule matches.
//!
//! A pattern is an object of the same shape as the event. Its leaves are arrays, of which one
//! member has to match. All fields of the pattern have to match; other fields of the event do not
//! matter.

use serde_json::{Map, Value};

use super::matcher::Matcher;

/// A validated event pattern.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EventPattern(Fields);

#[derive(Clone, Debug, PartialEq)]
struct Fields {
    named: Vec<(String, Field)>,
    /// The `$or` groups: one alternative of each group has to match.
    alternatives: Vec<Vec<Fields>>,
}

#[derive(Clone, Debug, PartialEq)]
enum Field {
    Object(Fields),
    OneOf(Vec<Matcher>),
}

impl EventPattern {
    /// Parses a pattern. The error names the unsupported part and its path.
    pub(crate) fn parse(pattern: &Value) -> Result<Self, String> {
        match pattern {
            Value::Object(members) if !members.is_empty() => fields(members, "").map(Self),
            _ => Err("must be an object with at least one field".to_owned()),
        }
    }

    /// Whether the rule matches `event`, the complete envelope.
    pub(crate) fn matches(&self, event: &Value) -> bool {
        self.0.matches(Some(event))
    }
}

impl Fields {
    /// `value` is the event's value at this path, if it has one.
    fn matches(&self, value: Option<&Value>) -> bool {
        // If the event has an array of objects, one object has to match as a whole.
        if let Some(Value::Array(items)) = value {
            return items.iter().any(|item| self.matches(Some(item)));
        }
        let named = |name: &str| value.and_then(|value| value.get(name));
        self.named.iter().all(|(name, field)| field.matches(named(name)))
            && self.alternatives.iter().all(|or| or.iter().any(|fields| fields.matches(value)))
    }
}

impl Field {
    fn matches(&self, value: Option<&Value>) -> bool {
        match self {
            Self::Object(fields) => fields.matches(value),
            Self::OneOf(matchers) => matchers.iter().any(|matcher| matcher.matches(value)),
        }
    }
}

fn fields(members: &Map<String, Value>, at: &str) -> Result<Fields, String> {
    let mut fields = Fields { named: Vec::new(), alternatives: Vec::new() };
    for (name, value) in members {
        let at = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
        match value {
            Value::Array(items) if name == "$or" => {
                fields.alternatives.push(alternatives(items, &at)?);
            }
            Value::Array(items) if items.is_empty() => {
                return Err(format!("{at}: an empty array matches nothing"));
            }
            Value::Array(items) => {
                let matchers: Result<_, String> = items
                    .iter()
                    .map(|item| Matcher::parse(item).map_err(|problem| format!("{at}: {problem}")))
                    .collect();
                fields.named.push((name.clone(), Field::OneOf(matchers?)));
            }
            Value::Object(members) if !members.is_empty() => {
                fields.named.push((name.clone(), Field::Object(self::fields(members, &at)?)));
            }
            _ => {
                return Err(format!("{at}: must be an array of values or an object of fields"));
            }
        }
    }
    Ok(fields)
}

fn alternatives(items: &[Value], at: &str) -> Result<Vec<Fields>, String> {
    if items.len() < 2 {
        return Err(format!("{at}: must have at least two alternatives"));
    }
    items
        .iter()
        .map(|item| match item {
            Value::Object(members) if !members.is_empty() => fields(members, at),
            _ => Err(format!("{at}: each alternative must be an object of fields")),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event() -> Value {
        json!({
            "source": "aws.partner/auth0.com/tenant",
            "detail-type": "user.disabled",
            "resources": ["arn:a", "arn:b"],
            "detail": {
                "state": "OFF", "count": 5, "none": null, "on": true, "empty": [],
                "user": { "id": "u", "tags": [{ "k": "a", "v": 1 }, { "k": "b", "v": 2 }] },
            },
        })
    }

    fn check(cases: &[(Value, bool)]) {
        for (pattern, expected) in cases {
            let read = EventPattern::parse(pattern).unwrap();
            assert_eq!(read.matches(&event()), *expected, "{pattern}");
        }
    }

    #[test]
    fn all_fields_of_the_pattern_must_match() {
        check(&[
            (json!({ "detail-type": ["x", "user.disabled"] }), true),
            (json!({ "detail-type": ["user.enabled"] }), false),
            (json!({ "source": [{ "prefix": "aws." }], "detail": { "state": ["ON"] } }), false),
            (json!({ "source": [{ "prefix": "aws." }], "detail": { "state": ["OFF"] } }), true),
            (json!({ "detail": { "count": [5], "none": [null], "on": [true] } }), true),
            (json!({ "detail": { "count": ["5"] } }), false),
            (json!({ "missing": ["x"] }), false),
            (json!({ "detail": { "user": { "id": ["u"] } } }), true),
            (json!({ "detail": { "user": ["u"] } }), false),
        ]);
    }

    #[test]
    fn one_matching_member_of_an_array_is_enough() {
        check(&[
            (json!({ "resources": ["arn:b"] }), true),
            (json!({ "resources": ["arn:c"] }), false),
            (json!({ "detail": { "empty": ["x"] } }), false),
            (json!({ "detail": { "user": { "tags": { "k": ["b"], "v": [2] } } } }), true),
            (json!({ "detail": { "user": { "tags": { "k": ["b"], "v": [1] } } } }), false),
        ]);
    }

    #[test]
    fn exists_matches_missing_and_present_fields() {
        check(&[
            (json!({ "detail": { "missing": { "deeper": [{ "exists": false }] } } }), true),
            (json!({ "detail": { "user": { "id": [{ "exists": false }] } } }), false),
            (json!({ "detail": { "user": { "id": [{ "exists": true }] } } }), true),
        ]);
    }

    #[test]
    fn or_needs_one_alternative_and_all_other_fields_to_match() {
        let or = |id: &str| {
            json!({ "detail-type": ["user.disabled"], "$or": [
                { "source": ["other"] },
                { "detail": { "user": { "id": [id] } } },
            ] })
        };
        check(&[(or("u"), true), (or("v"), false)]);
    }

    #[test]
    fn an_error_names_the_path_of_the_unsupported_part() {
        for (pattern, problem) in [
            (json!([]), "must be an object"),
            (json!({}), "must be an object"),
            (json!({ "a": "b" }), "a: must be an array"),
            (json!({ "a": { "b": [] } }), "a.b: an empty array"),
            (json!({ "a": { "b": [{ "cidr": "10.0.0.0/8" }] } }), "a.b: {\"cidr\""),
            (json!({ "a": { "b": [["c"]] } }), "a.b: "),
            (json!({ "$or": [{ "a": ["b"] }] }), "$or: must have at least two"),
        ] {
            let error = EventPattern::parse(&pattern).unwrap_err();
            assert!(error.starts_with(problem), "{pattern}: {error}");
        }
    }
}
