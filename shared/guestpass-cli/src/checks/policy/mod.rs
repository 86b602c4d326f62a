//! Checks the policy: is it valid, and which of its scopes stop working?

mod guests;

pub(crate) use guests::GUESTS;

use std::path::Path;

use identity_core::policy::Policy;
use serde_json::Value;

use crate::checks::Check;
use crate::service::ConfiguredResources;

/// Checks the policy in `file`, or the default policy, and what it says about guests. `resources`:
/// those of the service, if they are known. `join_page`: the template parameter `GuestJoinUrl`.
pub(crate) fn look(
    file: Option<&Path>,
    resources: Option<&ConfiguredResources>,
    join_page: Option<&str>,
) -> Vec<Check> {
    let text = match file.map(std::fs::read_to_string) {
        None => "{}".to_owned(),
        Some(Ok(text)) => text,
        Some(Err(error)) => {
            return vec![Check::bad("policy", error.to_string(), "name a file that you can read")];
        }
    };
    let policy: Policy = match serde_json::from_str(&text) {
        Ok(policy) => policy,
        Err(error) => {
            return vec![Check::bad(
                "policy",
                format!("invalid policy: {error}"),
                "correct the template's Policy",
            )];
        }
    };
    let mut checks = vec![of_users(&policy, &text)];
    checks.extend(policy.guests().map(|of| guests::look(of, resources)));
    checks.extend(join_page.map(guests::look_at_page));
    checks
}

fn of_users(policy: &Policy, text: &str) -> Check {
    let below = below_otherwise(policy);
    let mut policy: Value = serde_json::from_str(text).unwrap_or_default();
    // Those of guests are a check of their own.
    policy.as_object_mut().map(|policy| policy.remove("guests"));
    let mut scopes = Vec::new();
    collect(&policy, &mut scopes);
    if policy.get("otherwise").is_none() {
        // A policy without `otherwise` gives every user this scope.
        scopes.push("chat".to_owned());
    }
    scopes.retain(|scope| scope.starts_with("chat"));
    scopes.sort();
    scopes.dedup();
    let ending = (!scopes.is_empty()).then(|| {
        let scopes = scopes.join(", ");
        format!("on 2028-09-30 this loses its service: {scopes}; voip and voip.join stay")
    });
    let notes: Vec<String> = below.into_iter().chain(ending).collect();
    if notes.is_empty() {
        return Check::good("policy", "no scope of it loses its service: calling stays with Teams");
    }
    Check::note("policy", notes.join("; "))
}

/// A warning if `otherwise` gives more than a rule.
pub(crate) fn below_otherwise(policy: &Policy) -> Option<String> {
    let rules: Vec<String> =
        policy.rules_below_otherwise().map(|number| number.to_string()).collect();
    (!rules.is_empty()).then(|| {
        format!(
            "`otherwise` gives more than rule {}, so a token that lacks a claim of the rule gives \
             its user more; give `otherwise` the least",
            rules.join(", ")
        )
    })
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_otherwise_that_gives_more_than_a_rule_is_a_warning() {
        let warning = |otherwise: &str| {
            let policy = json!({
                "rules": [{ "if": { "role": "staff" }, "scopes": ["voip"] }],
                "otherwise": { "scopes": [otherwise] },
            });
            below_otherwise(&serde_json::from_value(policy).unwrap())
        };
        assert_eq!(warning("voip.join"), None);
        assert!(warning("chat").unwrap().starts_with("`otherwise` gives more than rule 1,"));
    }

    #[test]
    fn the_check_of_users_does_not_speak_of_the_scopes_of_guests() {
        let verdict = |scope: &str| {
            let guests = json!({ "scopes": ["chat"] });
            let policy = json!({ "otherwise": { "scopes": [scope] }, "guests": guests });
            of_users(&serde_json::from_value(policy.clone()).unwrap(), &policy.to_string())
        };
        assert!(verdict("voip").is_good());
        assert!(!verdict("chat").is_good());
    }
}
