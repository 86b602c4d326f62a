//! What this service provider can do (RFC 7643 §5 to §7).

use serde_json::{Value, json};

use crate::wire::attributes::USER_SCHEMA;
use crate::wire::query::ListQueryString;

/// `GET /ServiceProviderConfig`.
pub(crate) fn service_provider_config(base_url: &str) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": { "supported": true },
        "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
        "filter": { "supported": true, "maxResults": ListQueryString::MOST },
        "changePassword": { "supported": false },
        "sort": { "supported": false },
        "etag": { "supported": false },
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "The token of the transmitter's secret, as Authorization: Bearer <token>",
            "primary": true,
        }],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": format!("{base_url}/ServiceProviderConfig"),
        },
    })
}

/// The resources of `GET /ResourceTypes`, each with its name.
pub(crate) fn resource_types(base_url: &str) -> Vec<(&'static str, Value)> {
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": "User",
        "name": "User",
        "description": "A user who is cut off when they become inactive or are deleted",
        "endpoint": "/Users",
        "schema": USER_SCHEMA,
        "meta": {
            "resourceType": "ResourceType",
            "location": format!("{base_url}/ResourceTypes/User"),
        },
    });
    vec![("User", user)]
}

/// The resources of `GET /Schemas`, each with its URN.
pub(crate) fn schemas(base_url: &str) -> Vec<(&'static str, Value)> {
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
        "id": USER_SCHEMA,
        "name": "User",
        "description": "The attributes that this service stores; it ignores all others",
        "attributes": [
            attribute("userName", "string", true, "The name of the user, unique without regard to case"),
            attribute("displayName", "string", false, "The name that people read"),
            attribute("active", "boolean", true, "Whether the user can sign in; false cuts the user off"),
        ],
        "meta": {
            "resourceType": "Schema",
            "location": format!("{base_url}/Schemas/{USER_SCHEMA}"),
        },
    });
    vec![(USER_SCHEMA, user)]
}

/// `active` is required in the sense that a user always has it: it cannot be removed.
fn attribute(name: &str, kind: &str, required: bool, description: &str) -> Value {
    json!({
        "name": name,
        "type": kind,
        "multiValued": false,
        "description": description,
        "required": required,
        "caseExact": false,
        "mutability": "readWrite",
        "returned": "default",
        "uniqueness": if name == "userName" { "server" } else { "none" },
    })
}
