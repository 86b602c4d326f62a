//! One leaf of an event pattern: a value, or an operator and its operand.

use serde_json::Value;

/// The condition for one value of an event.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Matcher {
    Exactly(Value),
    Exists(bool),
    AnythingBut(Vec<Matcher>),
    Numeric(Vec<(Comparison, f64)>),
    Text(Text),
}

/// The condition for a string.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Text {
    Prefix {
        text: String,
        ignore_case: bool,
    },
    Suffix {
        text: String,
        ignore_case: bool,
    },
    EqualsIgnoreCase(String),
    /// The literal parts between the asterisks.
    Wildcard(Vec<String>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Matcher {
    /// Parses one member of the array at a pattern's leaf.
    pub(super) fn parse(item: &Value) -> Result<Self, String> {
        let members = match item {
            Value::Array(_) => {
                return Err(format!("{item} is a nested array, which is not supported"));
            }
            Value::Object(members) => members,
            _ => return Ok(Self::Exactly(item.clone())),
        };
        let mut members = members.iter();
        let (Some((operator, operand)), None) = (members.next(), members.next()) else {
            return Err(format!("{item} must be one operator with its operand"));
        };
        let unsupported = || format!("{item} is not supported: {SUPPORTED}");
        match (operator.as_str(), operand) {
            ("exists", Value::Bool(exists)) => Ok(Self::Exists(*exists)),
            ("numeric", Value::Array(operands)) => {
                numeric(operands).map(Self::Numeric).ok_or_else(unsupported)
            }
            ("anything-but", _) => anything_but(operand).ok_or_else(unsupported),
            _ => text(operator, operand).map(Self::Text).ok_or_else(unsupported),
        }
    }

    /// Whether the condition matches the event's value at this path, if it has one.
    pub(super) fn matches(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            // Only leaves exist: an object is a node on the path to a leaf.
            (Self::Exists(exists), value) => {
                value.is_some_and(|value| !value.is_object()) == *exists
            }
            (_, None | Some(Value::Object(_))) => false,
            (_, Some(Value::Array(items))) => items.iter().any(|item| self.matches(Some(item))),
            (Self::Exactly(expected), Some(value)) => equal(expected, value),
            (Self::AnythingBut(excluded), Some(value)) => {
                !excluded.iter().any(|matcher| matcher.matches(Some(value)))
            }
            (Self::Numeric(comparisons), Some(value)) => value
                .as_f64()
                .is_some_and(|value| comparisons.iter().all(|(how, with)| how.holds(value, *with))),
            (Self::Text(text), Some(value)) => value.as_str().is_some_and(|v| text.matches(v)),
        }
    }
}

impl Text {
    fn matches(&self, value: &str) -> bool {
        match self {
            Self::Prefix { text, ignore_case } => {
                value.get(..text.len()).is_some_and(|start| same(start, text, *ignore_case))
            }
            Self::Suffix { text, ignore_case } => value
                .len()
                .checked_sub(text.len())
                .and_then(|from| value.get(from..))
                .is_some_and(|end| same(end, text, *ignore_case)),
            Self::EqualsIgnoreCase(text) => same(value, text, true),
            Self::Wildcard(parts) => wildcard(parts, value),
        }
    }
}

impl Comparison {
    fn parse(sign: &str) -> Option<Self> {
        match sign {
            "=" => Some(Self::Equal),
            "<" => Some(Self::Less),
            "<=" => Some(Self::LessOrEqual),
            ">" => Some(Self::Greater),
            ">=" => Some(Self::GreaterOrEqual),
            _ => None,
        }
    }

    fn holds(self, value: f64, with: f64) -> bool {
        match self {
            Self::Equal => value.total_cmp(&with).is_eq(),
            Self::Less => value < with,
            Self::LessOrEqual => value <= with,
            Self::Greater => value > with,
            Self::GreaterOrEqual => value >= with,
        }
    }
}

/// `5` and `5.0` are the same number; `5` and `"5"` are not the same.
fn equal(expected: &Value, value: &Value) -> bool {
    match (expected.as_f64(), value.as_f64()) {
        (Some(expected), Some(value)) => expected.total_cmp(&value).is_eq(),
        _ => expected == value,
    }
}

fn same(left: &str, right: &str, ignore_case: bool) -> bool {
    if ignore_case { left.to_lowercase() == right.to_lowercase() } else { left == right }
}

/// `[">", 0, "<=", 5]`
fn numeric(operands: &[Value]) -> Option<Vec<(Comparison, f64)>> {
    let (pairs, rest) = operands.as_chunks::<2>();
    if pairs.is_empty() || pairs.len() > 2 || !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|[sign, with]| Some((Comparison::parse(sign.as_str()?)?, with.as_f64()?)))
        .collect()
}

/// A value, an array of values, or an operator on text with one operand or an array of them.
fn anything_but(operand: &Value) -> Option<Matcher> {
    let excluded = match operand {
        Value::Object(members) => {
            let mut members = members.iter();
            let (Some((operator, operand)), None) = (members.next(), members.next()) else {
                return None;
            };
            let operands = match operand {
                Value::Array(operands) => operands.as_slice(),
                one => std::slice::from_ref(one),
            };
            operands
                .iter()
                .map(|operand| text(operator, operand).map(Matcher::Text))
                .collect::<Option<Vec<_>>>()?
        }
        Value::Array(values) => values
            .iter()
            .map(|value| {
                (value.is_string() || value.is_number()).then(|| Matcher::Exactly(value.clone()))
            })
            .collect::<Option<Vec<_>>>()?,
        Value::String(_) | Value::Number(_) => vec![Matcher::Exactly(operand.clone())],
        _ => return None,
    };
    (!excluded.is_empty()).then_some(Matcher::AnythingBut(excluded))
}

fn text(operator: &str, operand: &Value) -> Option<Text> {
    let (text, ignore_case) = match operand {
        Value::String(text) => (text.clone(), false),
        Value::Object(members) if members.len() == 1 => {
            (members.get("equals-ignore-case")?.as_str()?.to_owned(), true)
        }
        _ => return None,
    };
    match operator {
        "prefix" => Some(Text::Prefix { text, ignore_case }),
        "suffix" => Some(Text::Suffix { text, ignore_case }),
        "equals-ignore-case" if !ignore_case => Some(Text::EqualsIgnoreCase(text)),
        "wildcard" if !ignore_case => parts(&text).map(Text::Wildcard),
        _ => None,
    }
}

/// Splits at asterisks; `\*` and `\\` stand for the literal characters.
fn parts(text: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => part.push(characters.next().filter(|next| matches!(next, '*' | '\\'))?),
            '*' => parts.push(std::mem::take(&mut part)),
            _ => part.push(character),
        }
    }
    parts.push(part);
    Some(parts)
}

fn wildcard(parts: &[String], value: &str) -> bool {
    let [first, middle @ .., last] = parts else {
        return parts.first().is_some_and(|only| only == value);
    };
    let Some(rest) = value.strip_prefix(first.as_str()) else { return false };
    let Some(mut rest) = rest.strip_suffix(last.as_str()) else { return false };
    for part in middle {
        let Some((_, after)) = rest.split_once(part.as_str()) else { return false };
        rest = after;
    }
    true
}

const SUPPORTED: &str = "the supported operators are prefix, suffix, equals-ignore-case, wildcard, \
                     anything-but, numeric and exists";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_operator_matches_as_eventbridge_documents_it() {
        for (matcher, value, expected) in [
            (json!("a"), json!("a"), true),
            (json!("a"), json!("A"), false),
            (json!(5), json!(5.0), true),
            (json!({ "prefix": "ab" }), json!("abc"), true),
            (json!({ "prefix": "ab" }), json!("a"), false),
            (json!({ "prefix": "é" }), json!("e"), false),
            (json!({ "prefix": { "equals-ignore-case": "AB" } }), json!("abc"), true),
            (json!({ "suffix": "bc" }), json!("abc"), true),
            (json!({ "suffix": ".png" }), json!("g"), false),
            (json!({ "suffix": { "equals-ignore-case": "BC" } }), json!("abc"), true),
            (json!({ "equals-ignore-case": "Alice" }), json!("aLICE"), true),
            (json!({ "equals-ignore-case": "Alice" }), json!("alic"), false),
            (json!({ "anything-but": "a" }), json!("b"), true),
            (json!({ "anything-but": "a" }), json!("a"), false),
            (json!({ "anything-but": ["a", 1] }), json!(1), false),
            (json!({ "anything-but": { "prefix": "a" } }), json!("ab"), false),
            (json!({ "anything-but": { "suffix": ["a", "b"] } }), json!("ab"), false),
            (json!({ "anything-but": { "equals-ignore-case": "a" } }), json!("b"), true),
            (json!({ "anything-but": { "wildcard": "*/x/*" } }), json!("a/x/b"), false),
            (json!({ "numeric": ["=", 5] }), json!(5), true),
            (json!({ "numeric": [">", 0, "<=", 5] }), json!(5), true),
            (json!({ "numeric": [">", 0, "<", 5] }), json!(5), false),
            (json!({ "numeric": [">", 0] }), json!("5"), false),
            (json!({ "wildcard": "a*c" }), json!("abbc"), true),
            (json!({ "wildcard": "a*b*c" }), json!("axc"), false),
            (json!({ "wildcard": "ab*ba" }), json!("aba"), false),
            (json!({ "wildcard": "a\\*c" }), json!("a*c"), true),
            (json!({ "wildcard": "a\\*c" }), json!("abc"), false),
            (json!({ "exists": true }), json!(null), true),
            (json!({ "exists": true }), json!({ "a": 1 }), false),
        ] {
            let read = Matcher::parse(&matcher).unwrap();
            assert_eq!(read.matches(Some(&value)), expected, "{matcher} and {value}");
        }
    }

    #[test]
    fn only_exists_false_matches_a_missing_value() {
        for (matcher, expected) in [
            (json!({ "exists": false }), true),
            (json!({ "exists": true }), false),
            (json!({ "anything-but": "a" }), false),
            (json!(null), false),
        ] {
            assert_eq!(Matcher::parse(&matcher).unwrap().matches(None), expected, "{matcher}");
        }
    }

    #[test]
    fn an_unsupported_operator_is_refused() {
        for matcher in [
            json!({ "cidr": "10.0.0.0/8" }),
            json!({ "prefix": 1 }),
            json!({ "prefix": "a", "suffix": "b" }),
            json!({}),
            json!({ "numeric": [">"] }),
            json!({ "numeric": ["!", 1] }),
            json!({ "numeric": [] }),
            json!({ "anything-but": [] }),
            json!({ "anything-but": { "exists": true } }),
            json!({ "wildcard": "a\\b" }),
            json!({ "exists": "yes" }),
        ] {
            assert!(Matcher::parse(&matcher).is_err(), "{matcher}");
        }
    }
}
