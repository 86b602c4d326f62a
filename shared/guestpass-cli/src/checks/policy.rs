//! Checks the policy: is it valid, and which of its scopes stop working?

use std::path::Path;

use identity_core::policy::Policy;
use serde_json::Value;

use crate::checks::Check;

/// Checks the policy in `file`, or the default policy.
pub(crate) fn look(file: Option<&Path>) -> Check {
    let text = match file.map(std::fs::read_to_string) {
        None => "{}".to_owned(),
        Some(Ok(text)) => text,
        Some(Err(error)) => {
            return Check::bad("policy", error.to_string(), "name a file that you can read");
        }
    };
    if let Err(error) = serde_json::from_str::<Policy>(&text) {
        return Check::bad(
            "policy",
            format!("invalid policy: {error}"),
            "correct the template's Policy",
        );
    }
    let policy: Value = serde_json::from_str(&text).unwrap_or_default();
    let mut scopes = Vec::new();
    collect(&policy, &mut scopes);
    if policy.get("otherwise").is_none() {
        // A policy without `otherwise` gives every user this scope.
        scopes.push("chat".to_owned());
    }
    scopes.retain(|scope| scope.starts_with("chat"));
    scopes.sort();
    scopes.dedup();
    if scopes.is_empty() {
        return Check::good("policy", "no scope of it loses its service: calling stays with Teams");
    }
    Check::note(
        "policy",
        format!(
            "on 2028-09-30 this loses its service: {}; voip and voip.join stay",
            scopes.join(", ")
        ),
    )
}

fn collect(value: &Value, scopes: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            if let Some(Value::Array(listed)) = object.get("scopes") {
                scopes.extend(listed.iter().filter_map(Value::as_str).map(str::to_owned));
            }
            object.values().for_each(|value| collect(value, scopes));
        }
        Value::Array(list) => list.iter().for_each(|value| collect(value, scopes)),
        _ => {}
    }
}
