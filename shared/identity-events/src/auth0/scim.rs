//! Calls of a SCIM client, such as Microsoft Entra or Okta, that provisions the users of an Auth0
//! connection (`sscim`). Auth0 blocks a user whose `active` becomes false.
//!
//! The path ends with `/Users/` and Auth0's `user_id`.

use identity_core::event::EventKind;
use serde_json::Value;

use super::call::{PATH, UserCall, body, decoded, method, path};
use crate::envelope::{Envelope, text};

pub(super) fn scim_call(envelope: &Envelope) -> Option<UserCall> {
    let (parent, user) = path(envelope)?.rsplit_once('/')?;
    let resource = parent.rsplit('/').next().unwrap_or_default();
    // A deleted group deletes no user.
    if !resource.eq_ignore_ascii_case("Users") {
        return None;
    }
    let kind = match method(envelope)?.as_str() {
        "DELETE" => EventKind::Deleted,
        "PATCH" => kind_of(active_of_patch(body(envelope)?)?),
        "PUT" => kind_of(active_of(body(envelope)?)?),
        _ => return None,
    };
    Some(UserCall { user: decoded(user)?, field: PATH, kinds: vec![kind] })
}

fn kind_of(active: bool) -> EventKind {
    if active { EventKind::Enabled } else { EventKind::Disabled }
}

/// The value of `active` after a patch (RFC 7644 §3.5.2): that of its last operation on it.
///
/// Entra writes `Replace` and "False", and Okta gives the value without a path.
fn active_of_patch(body: &Value) -> Option<bool> {
    let operations = member(body, "Operations")?.as_array()?;
    operations.iter().filter_map(active_of_operation).next_back()
}

fn active_of_operation(operation: &Value) -> Option<bool> {
    let name = member(operation, "op").and_then(text)?;
    if !["add", "replace"].iter().any(|known| name.eq_ignore_ascii_case(known)) {
        return None;
    }
    let value = member(operation, "value")?;
    match member(operation, "path").and_then(text) {
        None => active_of(value),
        // The path can begin with the URN of the schema of users.
        Some(path) => {
            let attribute = path.rsplit(':').next().unwrap_or_default();
            attribute.eq_ignore_ascii_case("active").then(|| truth(value))?
        }
    }
}

/// The value of `active` in the attributes of a user.
fn active_of(attributes: &Value) -> Option<bool> {
    truth(member(attributes, "active")?)
}

fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) => text.to_ascii_lowercase().parse().ok(),
        // A list of one value, or an object with it.
        Value::Array(items) => items.first().and_then(truth),
        Value::Object(_) => member(value, "value").and_then(truth),
        _ => None,
    }
}

/// A member of an object. The names of SCIM attributes are case-insensitive (RFC 7643 §2.1).
fn member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let members = value.as_object()?;
    members.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patched(operations: &Value) -> Option<bool> {
        active_of_patch(&json!({ "Operations": operations }))
    }

    #[test]
    fn each_spelling_of_active_is_understood() {
        for operation in [
            json!({ "op": "Replace", "path": "active", "value": "False" }),
            json!({ "op": "replace", "path": "active", "value": false }),
            json!({ "op": "REPLACE", "path": "Active", "value": "false" }),
            json!({ "op": "replace", "value": { "active": false } }),
            json!({ "op": "add", "value": { "Active": "FALSE" } }),
            json!({ "Op": "Add", "Path": "active", "Value": [{ "value": "False" }] }),
            json!({
                "op": "replace",
                "path": "urn:ietf:params:scim:schemas:core:2.0:User:active",
                "value": false,
            }),
        ] {
            assert_eq!(patched(&json!([operation])), Some(false), "{operation}");
        }
        let on = json!([{ "op": "Replace", "path": "active", "value": "True" }]);
        assert_eq!(patched(&on), Some(true));
        assert_eq!(active_of_patch(&json!({ "operations": on })), Some(true));
    }

    #[test]
    fn an_operation_on_something_else_says_nothing_about_active() {
        for operation in [
            json!({ "op": "remove", "path": "active" }),
            json!({ "op": "remove", "path": "active", "value": false }),
            json!({ "op": "replace", "path": "displayName", "value": "False" }),
            json!({ "op": "replace", "value": { "displayName": "False" } }),
            json!({ "op": "replace", "path": "active", "value": "no" }),
            json!({ "op": "replace", "path": "active", "value": null }),
            json!({ "op": "replace", "path": "active" }),
            json!("replace"),
        ] {
            assert_eq!(patched(&json!([operation])), None, "{operation}");
        }
    }

    #[test]
    fn the_last_operation_on_active_counts() {
        let operations = json!([
            { "op": "replace", "path": "active", "value": true },
            { "op": "replace", "path": "displayName", "value": "x" },
            { "op": "replace", "path": "active", "value": false },
            { "op": "replace", "path": "title", "value": "x" },
        ]);
        assert_eq!(patched(&operations), Some(false));
    }
}
