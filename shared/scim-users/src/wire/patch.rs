//! Reads the operations of `PATCH` (RFC 7644 §3.5.2) as providers send them.

use serde_json::{Map, Value};

use crate::wire::attributes::{UserAttribute, UserChange};
use crate::wire::refusal::ScimRefusal;

/// Reads all operations into one change. They are applied in their order.
pub(crate) fn read_patch(body: &Map<String, Value>) -> Result<UserChange, ScimRefusal> {
    let Some(Value::Array(operations)) = member(body, "Operations") else {
        return Err(ScimRefusal::syntax("The member `Operations` is missing or not an array."));
    };
    let mut change = UserChange::default();
    for operation in operations {
        let Value::Object(operation) = operation else {
            return Err(ScimRefusal::syntax("A member of `Operations` is not an object."));
        };
        apply(operation, &mut change)?;
    }
    Ok(change)
}

fn apply(operation: &Map<String, Value>, change: &mut UserChange) -> Result<(), ScimRefusal> {
    let op = member(operation, "op").and_then(Value::as_str).unwrap_or_default();
    let path = match member(operation, "path") {
        None | Some(Value::Null) => None,
        Some(Value::String(path)) => Some(path.trim()).filter(|path| !path.is_empty()),
        Some(_) => return Err(ScimRefusal::path("The member `path` is not text.")),
    };
    let value = member(operation, "value").unwrap_or(&Value::Null);
    match op.trim().to_ascii_lowercase().as_str() {
        // With one value per attribute, `add` replaces it (RFC 7644 §3.5.2.1).
        "add" | "replace" => match (path, value) {
            // A path that is not known here leads to an attribute that is not stored.
            (Some(path), _) => {
                UserAttribute::parse(path).map_or(Ok(()), |attribute| change.set(attribute, value))
            }
            (None, Value::Object(members)) => change.set_all(members),
            (None, _) => Err(ScimRefusal::value(
                "An operation without `path` needs an object of attributes as its `value`.",
            )),
        },
        "remove" => match path {
            Some(path) => {
                UserAttribute::parse(path).map_or(Ok(()), |attribute| change.remove(attribute))
            }
            None => Err(ScimRefusal::no_target("The operation `remove` needs a `path`.")),
        },
        _ => Err(ScimRefusal::syntax("Invalid `op`: must be `add`, `replace` or `remove`.")),
    }
}

/// The member with this name, in any case.
fn member<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire::attributes::TextChange;

    fn read(operations: &Value) -> Result<UserChange, ScimRefusal> {
        read_patch(json!({ "Operations": operations }).as_object().unwrap())
    }

    #[test]
    fn a_deactivation_is_read_in_the_spelling_of_each_provider() {
        for operation in [
            json!({ "op": "Replace", "path": "active", "value": "False" }),
            json!({ "op": "replace", "path": "active", "value": false }),
            json!({ "op": "Add", "path": "Active", "value": "false" }),
            json!({ "op": "replace", "value": { "active": false } }),
            json!({ "op": "add", "value": { "active": false } }),
            json!({ "op": "replace", "path": null, "value": { "Active": "FALSE" } }),
            json!({ "op": "replace", "path": " ", "value": { "active": false } }),
            json!({ "OP": " REPLACE ", "Path": " ACTIVE ", "Value": [{ "value": "False" }] }),
            json!({ "op": "replace", "path": "urn:ietf:params:scim:schemas:core:2.0:User:active", "value": false }),
        ] {
            let expected = UserChange { active: Some(false), ..UserChange::default() };
            assert_eq!(read(&json!([operation])).unwrap(), expected, "{operation}");
        }
        let lower = json!({ "operations": [{ "op": "replace", "value": { "active": false } }] });
        assert_eq!(read_patch(lower.as_object().unwrap()).unwrap().active, Some(false));
    }

    #[test]
    fn attributes_that_are_not_stored_are_ignored_whatever_their_path() {
        let operations = json!([
            { "op": "replace", "path": "emails[type eq \"work\"].value", "value": "c@example.com" },
            { "op": "replace", "value": {
                "displayName": "Carol",
                "name.givenName": "Carol",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber": "7",
            } },
            { "op": "remove", "path": "title" },
            { "op": "add", "path": "roles", "value": [{ "value": "x" }, { "value": "y" }] },
            { "op": "replace", "path": "[[", "value": null },
        ]);
        let display_name = TextChange::Set("Carol".to_owned());
        assert_eq!(
            read(&operations).unwrap(),
            UserChange { display_name, ..UserChange::default() }
        );
    }

    #[test]
    fn operations_are_applied_in_their_order() {
        let set = |value: bool| json!({ "op": "replace", "path": "active", "value": value });
        assert_eq!(read(&json!([set(true), set(false)])).unwrap().active, Some(false));
        assert_eq!(read(&json!([set(false), set(true)])).unwrap().active, Some(true));
        let operations = json!([
            { "op": "add", "path": "externalId", "value": "a" },
            { "op": "remove", "path": "externalId" },
            { "op": "remove", "path": "displayName" },
        ]);
        let change = read(&operations).unwrap();
        assert_eq!(
            (change.external_id, change.display_name),
            (TextChange::Removed, TextChange::Removed)
        );
        assert_eq!(read(&json!([])).unwrap(), UserChange::default());
    }

    #[test]
    fn r26_scim_refuses_operations_that_it_cannot_read() {
        for (operation, scim_type) in [
            (json!("replace"), "invalidSyntax"),
            (json!({ "path": "active", "value": false }), "invalidSyntax"),
            (json!({ "op": "move", "path": "active" }), "invalidSyntax"),
            (json!({ "op": 1, "path": "active" }), "invalidSyntax"),
            (json!({ "op": "replace", "path": ["active"], "value": false }), "invalidPath"),
            (json!({ "op": "replace", "value": false }), "invalidValue"),
            (json!({ "op": "replace" }), "invalidValue"),
            (json!({ "op": "replace", "path": "active" }), "invalidValue"),
            (json!({ "op": "replace", "path": "active", "value": "off" }), "invalidValue"),
            (json!({ "op": "remove" }), "noTarget"),
            (json!({ "op": "remove", "path": "active" }), "invalidValue"),
            (json!({ "op": "remove", "path": "userName" }), "invalidValue"),
            (json!({ "op": "remove", "path": "id" }), "invalidValue"),
        ] {
            let refusal = read(&json!([operation])).unwrap_err();
            assert_eq!(refusal.scim_type, Some(scim_type), "{operation}");
        }
        for body in [json!({}), json!({ "Operations": {} }), json!({ "Operations": null })] {
            let refusal = read_patch(body.as_object().unwrap()).unwrap_err();
            assert_eq!(refusal.scim_type, Some("invalidSyntax"), "{body}");
        }
    }
}
