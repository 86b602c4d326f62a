//! Claims as API Gateway's JWT authorizer passes them to a function.

use identity_core::policy::Claims;
use serde_json::{Map, Value};

/// Each claim as text: a list is `[a b]`, and an object is `map[name:value]`.
pub(crate) fn flattened_claims(claims: &Map<String, Value>) -> Claims {
    let present = claims.iter().filter(|(_, value)| !value.is_null());
    Claims::flattened(present.map(|(name, value)| (name.clone(), flattened(value))))
}

fn flattened(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(flattened).collect::<Vec<_>>().join(" "))
        }
        Value::Object(members) => {
            let member = |(name, value)| format!("{name}:{}", flattened(value));
            format!("map[{}]", members.iter().map(member).collect::<Vec<_>>().join(" "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn claims_are_flattened_as_api_gateway_does() {
        let token = json!({
            "sub": "a", "iat": 7, "ok": true, "groups": ["a", "b"], "none": null,
            "realm_access": { "roles": ["x", "y"] },
        });
        let claims = flattened_claims(token.as_object().unwrap());
        for (name, text) in [
            ("sub", Some("a")),
            ("iat", Some("7")),
            ("ok", Some("true")),
            ("groups", Some("[a b]")),
            ("none", None),
            ("realm_access", Some("map[roles:[x y]]")),
        ] {
            assert_eq!(claims.text(name).as_deref(), text, "{name}");
        }
    }
}
