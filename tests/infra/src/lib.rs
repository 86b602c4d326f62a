//! Reads the contract.
#![expect(clippy::missing_panics_doc, reason = "a fixture panics when something is wrong")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// `infra/openapi.yaml`.
#[must_use]
pub fn openapi() -> Value {
    let text = include_str!("../../../infra/openapi.yaml");
    serde_norway::from_str(text).unwrap()
}

/// An operation of the contract.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContractOperation {
    /// The method and the path, e.g. `GET /v1/token`.
    pub route: String,
    /// The OAuth scope it needs.
    pub scope: String,
}

/// Every operation of the contract that needs a bearer. Signals of transmitters and guests have none.
#[must_use]
pub fn operations() -> BTreeSet<ContractOperation> {
    let mut operations = BTreeSet::new();
    for (path, item) in openapi()["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if method == "parameters" || operation["security"] == json!([]) {
                continue;
            }
            let scope = operation["security"][0]["oidc"][0].as_str().unwrap().to_owned();
            operations.insert(ContractOperation {
                route: format!("{} {path}", method.to_uppercase()),
                scope,
            });
        }
    }
    operations
}

/// The statuses that the contract lists for a request, by its method and its path; `None` if it
/// lists no such operation.
#[must_use]
pub fn statuses(method: &str, path: &str) -> Option<BTreeSet<u16>> {
    let openapi = openapi();
    let item = path_item(&openapi, path)?;
    let responses = item.get(method.to_lowercase())?["responses"].as_object()?;
    Some(responses.keys().filter_map(|status| status.parse().ok()).collect())
}

/// Whether the contract says that a route can return a token.
#[must_use]
pub fn issues_a_token(route: &str) -> bool {
    let (method, path) = route.split_once(' ').unwrap();
    let openapi = openapi();
    let Some(item) = path_item(&openapi, path) else { return false };
    let text = item[method.to_lowercase()]["responses"].to_string();
    ["responses/Token\"", "schemas/Created\"", "schemas/GuestToken\""]
        .iter()
        .any(|reference| text.contains(reference))
}

/// The contract's entry for a path.
fn path_item<'a>(openapi: &'a Value, path: &str) -> Option<&'a Value> {
    let segments = |path: &str| path.split('/').map(ToOwned::to_owned).collect::<Vec<_>>();
    let asked = segments(path.split('?').next().unwrap_or_default());
    let (_, item) = openapi["paths"].as_object().unwrap().iter().find(|(pattern, _)| {
        let pattern = segments(pattern);
        pattern.len() == asked.len()
            && pattern.iter().zip(&asked).all(|(one, other)| one.starts_with('{') || one == other)
    })?;
    Some(item)
}
