//! Tells the function of a Lambda authorizer where the keys of the development issuer are.

use bearer_verifier::is_https_or_loopback;
use serde_json::{Value, json};

use super::KEYS_PATH;
use crate::template::FunctionSpec;

/// The variable with further issuers, a JSON array.
const ISSUERS: &str = "ISSUERS";

/// Adds the development issuer to `ISSUERS`, with keys that are fetched from the console, which is
/// always on loopback and without TLS. The function trusts neither the authority of this stack nor
/// plain http to another address.
///
/// On loopback without https, the function finds the keys by discovery, as in the cloud. Another
/// issuer, or an entry of the parameter `Issuers`, stays as it is.
pub(crate) fn add_issuer_keys(authorizer: &mut FunctionSpec, issuer: &str, console: &str) {
    let is_discovered = issuer.starts_with("http://") && is_https_or_loopback(issuer);
    let environment = &mut authorizer.environment;
    if is_discovered || environment.get("ISSUER").is_none_or(|accepted| accepted != issuer) {
        return;
    }
    let listed = environment.get(ISSUERS).map(|raw| serde_json::from_str(raw).unwrap_or_default());
    let mut issuers: Vec<Value> = listed.unwrap_or_default();
    if issuers.iter().any(|entry| entry.get("issuer").is_some_and(|named| named == issuer)) {
        return;
    }
    let audiences = environment.get("AUDIENCE").map(String::as_str).unwrap_or_default();
    let audiences: Vec<&str> = audiences.split(',').map(str::trim).collect();
    let keys = format!("{console}{KEYS_PATH}");
    issuers.push(json!({ "issuer": issuer, "audiences": audiences, "jwksUri": keys }));
    environment.insert(ISSUERS.to_owned(), Value::Array(issuers).to_string());
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;

    const CONSOLE: &str = "http://127.0.0.1:3001";

    /// `ISSUERS` afterwards.
    fn issuers(accepted: &str, issuers: &str) -> Value {
        let environment = [("ISSUER", accepted), ("AUDIENCE", "app, web"), (ISSUERS, issuers)];
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let mut function = FunctionSpec {
            logical_id: "AuthorizeCaller".to_owned(),
            binary: "authorize-caller".to_owned(),
            environment: environment.map(owned).into_iter().collect::<BTreeMap<_, _>>(),
            timeout: Duration::from_secs(1),
            memory: 128,
            concurrency: None,
            routes: Vec::new(),
            queues: Vec::new(),
            schedules: Vec::new(),
        };
        add_issuer_keys(&mut function, accepted_here(accepted), CONSOLE);
        serde_json::from_str(&function.environment[ISSUERS]).unwrap_or_default()
    }

    /// The development issuer, unless a real one is accepted.
    fn accepted_here(accepted: &str) -> &str {
        if accepted == "https://idp.example" { "https://192.168.1.5:3002" } else { accepted }
    }

    #[test]
    fn a_reachable_issuer_has_its_keys_on_loopback() {
        for issuer in ["https://192.168.1.5:3002", "http://192.168.1.5:3002", "http://127.0.0.2:2"]
        {
            let keys = "http://127.0.0.1:3001/issuer/jwks";
            let own = json!({ "issuer": issuer, "audiences": ["app", "web"], "jwksUri": keys });
            assert_eq!(issuers(issuer, ""), json!([own]));
            let other = json!({ "issuer": "https://other.example", "audiences": ["a"] });
            assert_eq!(issuers(issuer, &json!([other]).to_string()), json!([other, own]));
            let given = json!([{ "issuer": issuer, "audiences": ["b"] }]);
            assert_eq!(issuers(issuer, &given.to_string()), given);
        }
        assert_eq!(issuers("http://127.0.0.1:3002", ""), Value::Null, "it is discovered");
        assert_eq!(issuers("https://idp.example", ""), Value::Null, "a real issuer");
    }
}
