//! The contract, read.
#![expect(clippy::missing_panics_doc, reason = "a fixture dies when something is wrong")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may die")]

use std::collections::BTreeSet;

use serde_json::Value;

/// `infra/openapi.yaml`.
#[must_use]
pub fn openapi() -> Value {
    let text = include_str!("../../../infra/openapi.yaml");
    serde_norway::from_str(text).unwrap()
}

/// An operation of the contract.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation {
    /// The method and the path, e.g. `GET /v1/token`.
    pub route: String,
    /// The OAuth scope it needs.
    pub scope: String,
}

/// Every operation of the contract.
#[must_use]
pub fn operations() -> BTreeSet<Operation> {
    let mut operations = BTreeSet::new();
    for (path, item) in openapi()["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if method == "parameters" {
                continue;
            }
            let scope = operation["security"][0]["oidc"][0].as_str().unwrap().to_owned();
            operations
                .insert(Operation { route: format!("{} {path}", method.to_uppercase()), scope });
        }
    }
    operations
}

/// The statuses that the contract lists for a request, by its method and its path;
/// `None` if it lists no such operation.
#[must_use]
pub fn statuses(method: &str, path: &str) -> Option<BTreeSet<u16>> {
    let segments = |path: &str| path.split('/').map(ToOwned::to_owned).collect::<Vec<_>>();
    let asked = segments(path.split('?').next().unwrap_or_default());
    let openapi = openapi();
    let (_, item) = openapi["paths"].as_object().unwrap().iter().find(|(pattern, _)| {
        let pattern = segments(pattern);
        pattern.len() == asked.len()
            && pattern.iter().zip(&asked).all(|(one, other)| one.starts_with('{') || one == other)
    })?;
    let responses = item.get(method.to_lowercase())?["responses"].as_object()?;
    Some(responses.keys().filter_map(|status| status.parse().ok()).collect())
}
