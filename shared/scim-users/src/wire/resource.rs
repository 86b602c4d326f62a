//! Users and lists as JSON.

use std::time::SystemTime;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::macros::format_description;

use crate::model::ScimUser;
use crate::wire::attributes::USER_SCHEMA;

/// Which attributes of a user are returned (RFC 7644 §3.4.2.5). `schemas` and `id` always are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Projection {
    only: Vec<String>,
    without: Vec<String>,
}

impl Projection {
    /// Reads the parameters of a query.
    pub(crate) fn of_query(query: &[(String, String)]) -> Self {
        let parameter = |name: &str| {
            let found = query.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.as_str())
        };
        Self::new(parameter("attributes"), parameter("excludedAttributes"))
    }

    /// Reads two lists of names, separated by commas.
    pub(crate) fn new(attributes: Option<&str>, excluded: Option<&str>) -> Self {
        let [only, without] = [attributes, excluded].map(|raw| top_level(raw.unwrap_or_default()));
        Self { only, without }
    }

    fn returns(&self, name: &str) -> bool {
        let is_in = |names: &[String]| names.iter().any(|other| other.eq_ignore_ascii_case(name));
        let is_always = ["schemas", "id"].contains(&name);
        is_always || ((self.only.is_empty() || is_in(&self.only)) && !is_in(&self.without))
    }
}

/// The names without the URN of the schema and without sub-attributes.
fn top_level(raw: &str) -> Vec<String> {
    let names = raw.split(',').map(str::trim).filter(|name| !name.is_empty());
    let last = |name: &str| name.rsplit(':').next().unwrap_or_default().to_owned();
    names.map(|name| last(name).split('.').next().unwrap_or_default().to_owned()).collect()
}

/// The URL of a user.
pub(crate) fn user_location(base_url: &str, id: &str) -> String {
    format!("{base_url}/Users/{id}")
}

/// A user as a resource.
pub(crate) fn user_resource(user: &ScimUser, base_url: &str, projection: &Projection) -> Value {
    let resource = json!({
        "schemas": [USER_SCHEMA],
        "id": user.id,
        "externalId": user.external_id,
        "userName": user.user_name,
        "displayName": user.display_name,
        "active": user.active,
        "meta": {
            "resourceType": "User",
            "created": timestamp(user.created_at),
            "lastModified": timestamp(user.modified_at),
            "location": user_location(base_url, &user.id),
        },
    });
    let Value::Object(members) = resource else { return resource };
    let returned = |(name, value): &(String, Value)| !value.is_null() && projection.returns(name);
    Value::Object(members.into_iter().filter(returned).collect::<Map<_, _>>())
}

/// A list of resources, of which `total` exist (RFC 7644 §3.4.2).
pub(crate) fn list_response(resources: &[Value], total: usize, start_index: usize) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": total,
        "startIndex": start_index,
        "itemsPerPage": resources.len(),
        "Resources": resources,
    })
}

fn timestamp(time: SystemTime) -> String {
    let format =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    OffsetDateTime::from(time).format(&format).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn user() -> ScimUser {
        ScimUser {
            id: "i-1".to_owned(),
            user_name: "carol".to_owned(),
            external_id: None,
            display_name: Some("Carol".to_owned()),
            active: false,
            created_at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_800_000_000_250),
            modified_at: SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_001),
            version: 2,
        }
    }

    #[test]
    fn a_resource_has_its_location_and_times_and_no_empty_attributes() {
        let expected = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "id": "i-1",
            "userName": "carol",
            "displayName": "Carol",
            "active": false,
            "meta": {
                "resourceType": "User",
                "created": "2027-01-15T08:00:00.250Z",
                "lastModified": "2027-01-15T08:00:01.000Z",
                "location": "https://api.example/scim/v2/Users/i-1",
            },
        });
        let base = "https://api.example/scim/v2";
        assert_eq!(user_resource(&user(), base, &Projection::default()), expected);
    }

    #[test]
    fn only_the_requested_attributes_are_returned_and_always_the_id() {
        let names = |only: &str, without: &str| {
            let projection = Projection::new(Some(only), Some(without));
            let resource = user_resource(&user(), "", &projection);
            resource.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names("username, meta.location", ""), "id meta schemas userName");
        let urn = "urn:ietf:params:scim:schemas:core:2.0:User:active";
        assert_eq!(names(urn, ""), "active id schemas");
        assert_eq!(names("", "id,META,displayName"), "active id schemas userName");
        assert_eq!(names("active,userName", "active"), "id schemas userName");
        assert_eq!(names("emails", ""), "id schemas");
    }
}
