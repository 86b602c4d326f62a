//! Reads the attributes of a user that this service needs. All other attributes are ignored.

use serde_json::{Map, Value};

use crate::model::ScimUser;
use crate::wire::refusal::ScimRefusal;

/// The schema of a user.
pub(super) const USER_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// An attribute that this service stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UserAttribute {
    Id,
    UserName,
    ExternalId,
    DisplayName,
    Active,
}

impl UserAttribute {
    const ALL: [Self; 5] =
        [Self::Id, Self::UserName, Self::ExternalId, Self::DisplayName, Self::Active];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::UserName => "userName",
            Self::ExternalId => "externalId",
            Self::DisplayName => "displayName",
            Self::Active => "active",
        }
    }

    /// The attribute with this name, in any case, with or without the URN of its schema.
    pub(super) fn parse(raw: &str) -> Option<Self> {
        let raw = raw.trim();
        let start = raw.get(..USER_SCHEMA.len()).filter(|it| it.eq_ignore_ascii_case(USER_SCHEMA));
        let rest = start.and_then(|_| raw.get(USER_SCHEMA.len()..)?.strip_prefix(':'));
        let name = rest.unwrap_or(raw);
        Self::ALL.into_iter().find(|attribute| attribute.as_str().eq_ignore_ascii_case(name))
    }
}

/// What a request changes in a user. An attribute that is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct UserChange {
    pub(crate) user_name: Option<String>,
    pub(crate) external_id: TextChange,
    pub(crate) display_name: TextChange,
    pub(crate) active: Option<bool>,
}

/// What a request changes in an attribute that a user can lack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum TextChange {
    #[default]
    Kept,
    Removed,
    Set(String),
}

impl TextChange {
    fn of(value: Option<String>) -> Self {
        value.map_or(Self::Removed, Self::Set)
    }

    fn applied_to(&self, before: Option<&String>) -> Option<String> {
        match self {
            Self::Kept => before.cloned(),
            Self::Removed => None,
            Self::Set(value) => Some(value.clone()),
        }
    }
}

impl UserChange {
    /// Reads the attributes of an object: the body of `POST` and `PUT`, or the value of an
    /// operation without a path.
    pub(crate) fn read(members: &Map<String, Value>) -> Result<Self, ScimRefusal> {
        let mut change = Self::default();
        change.set_all(members)?;
        Ok(change)
    }

    pub(super) fn set_all(&mut self, members: &Map<String, Value>) -> Result<(), ScimRefusal> {
        let mut seen = Vec::new();
        for (name, value) in named(members) {
            let Some(attribute) = UserAttribute::parse(name) else { continue };
            // The same attribute can be spelled with and without the URN of its schema.
            if seen.contains(&attribute) {
                let detail = format!("`{}` occurs twice in one object.", attribute.as_str());
                return Err(ScimRefusal::value(detail));
            }
            seen.push(attribute);
            self.set(attribute, value)?;
        }
        Ok(())
    }

    pub(super) fn set(
        &mut self,
        attribute: UserAttribute,
        value: &Value,
    ) -> Result<(), ScimRefusal> {
        match attribute {
            UserAttribute::Id => {}
            UserAttribute::Active => self.active = Some(boolean(value)?),
            UserAttribute::UserName => self.user_name = Some(key(attribute, value)?),
            UserAttribute::ExternalId if is_unassigned(value) => {
                self.external_id = TextChange::Removed;
            }
            UserAttribute::ExternalId => self.external_id = TextChange::Set(key(attribute, value)?),
            UserAttribute::DisplayName => {
                let name = text(value).filter(|name| !name.is_empty());
                let short = |name: String| name.chars().take(ScimUser::MAX_DISPLAY_NAME).collect();
                self.display_name = TextChange::of(name.map(short));
            }
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, attribute: UserAttribute) -> Result<(), ScimRefusal> {
        match attribute {
            UserAttribute::ExternalId => self.external_id = TextChange::Removed,
            UserAttribute::DisplayName => self.display_name = TextChange::Removed,
            UserAttribute::Id | UserAttribute::UserName | UserAttribute::Active => {
                let name = attribute.as_str();
                let detail = format!("`{name}` cannot be removed: replace it with a value.");
                return Err(ScimRefusal::value(detail));
            }
        }
        Ok(())
    }

    /// The user after the change.
    pub(crate) fn applied_to(&self, user: &ScimUser) -> ScimUser {
        ScimUser {
            user_name: self.user_name.clone().unwrap_or_else(|| user.user_name.clone()),
            external_id: self.external_id.applied_to(user.external_id.as_ref()),
            display_name: self.display_name.applied_to(user.display_name.as_ref()),
            active: self.active.unwrap_or(user.active),
            ..user.clone()
        }
    }
}

/// The members of an object, and those of the core schema within it: extensions are sent like
/// this, and some clients send the core schema, too.
fn named(members: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    members.iter().flat_map(|(name, value)| {
        let core = value.as_object().filter(|_| name.eq_ignore_ascii_case(USER_SCHEMA));
        std::iter::once((name, value)).chain(core.into_iter().flatten())
    })
}

/// A value in the forms in which providers send it. Older versions of Entra's client send
/// `[{"$ref": null, "value": "False"}]`.
fn plain(value: &Value) -> &Value {
    let inner = match value {
        Value::Array(items) if items.len() == 1 => items.first().unwrap_or(value),
        other => other,
    };
    inner.as_object().and_then(|members| members.get("value")).unwrap_or(inner)
}

/// A boolean, also as text in any case: Entra sends `"False"` by default.
pub(super) fn boolean(value: &Value) -> Result<bool, ScimRefusal> {
    match plain(value) {
        Value::Bool(value) => Ok(*value),
        Value::String(text) if text.trim().eq_ignore_ascii_case("true") => Ok(true),
        Value::String(text) if text.trim().eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(ScimRefusal::value("Invalid value for `active`: must be true or false.")),
    }
}

fn is_unassigned(value: &Value) -> bool {
    matches!(plain(value), Value::Null) || plain(value).as_str() == Some("")
}

fn text(value: &Value) -> Option<String> {
    match plain(value) {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A name or an ID, which the store uses in keys.
fn key(attribute: UserAttribute, value: &Value) -> Result<String, ScimRefusal> {
    text(value).filter(|text| ScimUser::is_key(text)).ok_or_else(|| {
        ScimRefusal::value(format!(
            "Invalid value for `{}`: must be text of 1 to 512 bytes without control characters.",
            attribute.as_str()
        ))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: &Value) -> Result<UserChange, ScimRefusal> {
        UserChange::read(body.as_object().unwrap())
    }

    #[test]
    fn attributes_are_read_in_any_case_and_with_their_urn() {
        let expected = UserChange { active: Some(false), ..UserChange::default() };
        for body in [
            json!({ "active": false }),
            json!({ "Active": "False" }),
            json!({ "ACTIVE": " false " }),
            json!({ "active": ["False"] }),
            json!({ "active": [{ "$ref": null, "value": "False" }] }),
            json!({ "active": { "value": false } }),
            json!({ "urn:ietf:params:scim:schemas:core:2.0:User:active": false }),
            json!({ "URN:ietf:params:scim:schemas:core:2.0:user:Active": false }),
            json!({ "urn:ietf:params:scim:schemas:core:2.0:User": { "active": false } }),
            json!({ "active": false, "id": "other", "name": { "givenName": "C" }, "x": [[]] }),
        ] {
            assert_eq!(read(&body).unwrap(), expected, "{body}");
        }
        let body =
            json!({ "userName": "c", "externalId": 7, "displayName": "C", "active": "TRUE" });
        let expected = UserChange {
            user_name: Some("c".to_owned()),
            external_id: TextChange::Set("7".to_owned()),
            display_name: TextChange::Set("C".to_owned()),
            active: Some(true),
        };
        assert_eq!(read(&body).unwrap(), expected);
    }

    #[test]
    fn other_schemas_and_attributes_are_ignored() {
        for body in [
            json!({}),
            json!({ "name.givenName": "C", "actives": false, "active.x": false }),
            json!({ "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "active": false } }),
            json!({ "urn:ietf:params:scim:schemas:core:2.0:Group:active": false }),
            json!({ "urn:ietf:params:scim:schemas:core:2.0:User": false }),
        ] {
            assert_eq!(read(&body).unwrap(), UserChange::default(), "{body}");
        }
    }

    #[test]
    fn r26_scim_refuses_a_value_of_active_that_it_cannot_read() {
        for value in [
            json!(null),
            json!(0),
            json!("no"),
            json!(""),
            json!([]),
            json!([true, false]),
            json!({}),
            json!([[false]]),
        ] {
            let refusal = read(&json!({ "active": value })).unwrap_err();
            assert_eq!(refusal.scim_type, Some("invalidValue"), "{value}");
            assert!(refusal.detail.contains("`active`"), "{}", refusal.detail);
        }
    }

    #[test]
    fn r26_scim_refuses_an_attribute_that_has_two_values() {
        let urn = "urn:ietf:params:scim:schemas:core:2.0:User";
        for body in [
            json!({ "active": true, format!("{urn}:active"): false }),
            json!({ "active": false, urn: { "active": true } }),
        ] {
            assert_eq!(read(&body).unwrap_err().scim_type, Some("invalidValue"), "{body}");
        }
    }

    #[test]
    fn r26_scim_refuses_a_name_or_an_id_that_cannot_be_a_key() {
        for name in ["userName", "externalId"] {
            for value in [json!({}), json!("a\nb"), json!("x".repeat(513)), json!(true)] {
                let refusal = read(&json!({ name: value })).unwrap_err();
                assert_eq!(refusal.scim_type, Some("invalidValue"), "{name} {value}");
                assert!(refusal.detail.contains(name), "{}", refusal.detail);
            }
            assert!(read(&json!({ name: "x".repeat(512) })).is_ok());
        }
        assert!(read(&json!({ "userName": "" })).is_err());
    }

    #[test]
    fn an_empty_external_id_and_an_unreadable_display_name_are_unassigned() {
        for value in [json!(null), json!("")] {
            let change = read(&json!({ "externalId": value, "displayName": value })).unwrap();
            assert_eq!(
                (change.external_id, change.display_name),
                (TextChange::Removed, TextChange::Removed)
            );
        }
        let long = read(&json!({ "displayName": "é".repeat(300) })).unwrap();
        assert_eq!(long.display_name, TextChange::Set("é".repeat(256)));
        assert_eq!(
            read(&json!({ "displayName": [1, 2] })).unwrap().display_name,
            TextChange::Removed
        );
    }
}
