use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::model::policy::claims::{Claims, is_list_name, is_pointer};

/// Claims and their required values, all of which must match: the `if` of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "BTreeMap<String, Value>")]
pub struct Condition(BTreeMap<String, String>);

impl TryFrom<BTreeMap<String, Value>> for Condition {
    type Error = String;

    fn try_from(claims: BTreeMap<String, Value>) -> Result<Self, Self::Error> {
        if claims.is_empty() {
            return Err("a condition needs at least one claim".to_owned());
        }
        let required = claims.into_iter().map(|(name, value)| {
            let value = required_text(&name, value)?;
            Ok((name, value))
        });
        required.collect::<Result<_, _>>().map(Self)
    }
}

/// The required value as text, or why a claim cannot be compared with it.
fn required_text(name: &str, value: Value) -> Result<String, String> {
    let text = match value {
        Value::String(text) => text,
        Value::Bool(_) => value.to_string(),
        // A number with a fraction has several spellings, and a token can have any of them.
        Value::Number(number) if number.is_i64() || number.is_u64() => number.to_string(),
        _ => {
            return Err(format!(
                "invalid value for claim `{name}`: must be text, a whole number, true or false"
            ));
        }
    };
    if text.contains(' ') && is_list_name(name) && !is_pointer(name) {
        return Err(format!(
            "invalid value `{text}` for claim `{name}`: the claim can be a list, which API \
             Gateway's JWT authorizer passes with spaces between its elements; use a value \
             without spaces or, with a Lambda authorizer, the name `/{}`",
            name.replace('~', "~0").replace('/', "~1")
        ));
    }
    Ok(text)
}

impl Condition {
    /// Whether the claims meet the condition.
    #[must_use]
    pub fn is_met_by(&self, claims: &Claims) -> bool {
        self.unmet(claims).next().is_none()
    }

    /// Whether the condition compares this claim.
    #[must_use]
    pub fn compares(&self, name: &str) -> bool {
        self.0.contains_key(name) || self.0.contains_key(&format!("/{name}"))
    }

    /// The names of the claims that are missing or have another value.
    pub fn unmet<'a>(&'a self, claims: &'a Claims) -> impl Iterator<Item = &'a str> {
        let unmet = self.0.iter().filter(|(name, wanted)| !claims.has(name, wanted));
        unmet.map(|(name, _)| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn condition(value: Value) -> Result<Condition, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn a_condition_is_met_if_every_claim_has_its_value() {
        let condition = condition(json!({ "role": "staff", "verified": true, "ver": 2 })).unwrap();
        let claims = |role: &str, verified: &str| {
            let claims = [("role", role), ("verified", verified), ("ver", "2")];
            Claims::flattened(claims.map(|(name, value)| (name.to_owned(), value.to_owned())))
        };
        assert!(condition.is_met_by(&claims("[x staff]", "true")));
        let unmet = claims("x", "false");
        assert_eq!(condition.unmet(&unmet).collect::<Vec<_>>(), ["role", "verified"]);
        assert!(!condition.is_met_by(&Claims::flattened([])), "no claim");
    }

    #[test]
    fn a_value_is_text_a_whole_number_or_a_boolean() {
        for bad in [json!(null), json!(["a"]), json!({ "a": 1 }), json!(1.5)] {
            let error = condition(json!({ "role": bad })).unwrap_err();
            assert!(error.contains("invalid value for claim `role`: must be text"), "{error}");
        }
        for good in [json!("a"), json!(-1), json!(u64::MAX), json!(false)] {
            assert!(condition(json!({ "role": good })).is_ok(), "{good}");
        }
        assert!(condition(json!({})).unwrap_err().contains("at least one claim"));
    }

    #[test]
    fn a_value_with_a_space_is_refused_for_a_claim_that_can_be_a_flattened_list() {
        for (name, pointer) in [
            ("groups", "`/groups`"),
            ("cognito:groups", "`/cognito:groups`"),
            ("https://example.com/roles", "`/https:~1~1example.com~1roles`"),
        ] {
            let error = condition(json!({ name: "Domain Admins" })).unwrap_err();
            assert!(error.contains("`Domain Admins`") && error.contains(pointer), "{error}");
        }
        for name in ["/groups", "department", "realm_access.roles"] {
            assert!(condition(json!({ name: "Domain Admins" })).is_ok(), "{name}");
        }
    }
}
