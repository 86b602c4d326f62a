//! The template as SAM spells it: what the stack reads of its resources, and no more.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct FunctionProperties {
    pub(super) code_uri: Option<String>,
    pub(super) timeout: Option<u64>,
    pub(super) memory_size: Option<u32>,
    pub(super) environment: Environment,
    pub(super) events: BTreeMap<String, Event>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Environment {
    pub(super) variables: BTreeMap<String, Json>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Event {
    #[serde(rename = "Type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) properties: Json,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct HttpApiEvent {
    pub(super) method: String,
    pub(super) path: String,
    #[serde(default)]
    pub(super) auth: EventAuth,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct EventAuth {
    pub(super) authorizer: Option<String>,
    pub(super) authorization_scopes: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ApiAuth {
    pub(super) default_authorizer: Option<String>,
    pub(super) authorizers: BTreeMap<String, ApiAuthorizer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ApiAuthorizer {
    pub(super) jwt_configuration: JwtConfiguration,
}

/// SAM spells these two in lower case.
#[derive(Deserialize)]
pub(super) struct JwtConfiguration {
    pub(super) issuer: String,
    pub(super) audience: Vec<String>,
}
