//! The issuer of the users' tokens: discovery document and keys.

use bearer_verifier::{Algorithm, KeySet};
use serde_json::Value;

use crate::checks::Check;
use crate::options::AuthorizerKind;
use crate::report::innermost;
use crate::service::internet::{TIMEOUT, direct_http_client, http_client};

/// Checks the discovery document and the keys that it names.
pub(crate) async fn look(
    issuer: &str,
    authorizer: AuthorizerKind,
) -> (Check, Check, Option<KeySet>) {
    let keys_uri = match discover(issuer).await {
        Ok(keys_uri) => keys_uri,
        Err(bad) => return (bad, Check::skipped(SIGNING_KEYS, "see above"), None),
    };
    let discovered = Check::good("issuer", format!("{issuer} matches its discovery document"));
    let todo = "the authorizer takes the keys from jwks_uri: ask the provider to publish one";
    let keys = match fetch(&keys_uri).await {
        Ok(document) => KeySet::from_json(&document).map_err(|why| why.to_string()),
        Err(why) => Err(why),
    };
    match keys {
        Ok(keys) => (discovered, comparison(&keys, &keys_uri, authorizer), Some(keys)),
        Err(why) => {
            let bad = Check::bad(SIGNING_KEYS, format!("{keys_uri}: {why}"), todo);
            (discovered, bad, None)
        }
    }
}

/// Compares the issuer's keys with the authorizer: can it verify their signatures?
fn comparison(keys: &KeySet, uri: &str, authorizer: AuthorizerKind) -> Check {
    let has_key = |algorithm: &Algorithm| keys.key_ids(*algorithm).any(|id| authorizer.takes(id));
    let names = |algorithms: &[Algorithm]| {
        let usable = algorithms.iter().filter(|algorithm| has_key(algorithm));
        usable.map(|algorithm| algorithm.name()).collect::<Vec<_>>().join(", ")
    };
    let usable = names(authorizer.algorithms());
    if !usable.is_empty() {
        return Check::good(SIGNING_KEYS, format!("the keys at {uri} verify {usable}"));
    }
    let others = Algorithm::ALL.iter().filter(|one| keys.key_ids(**one).next().is_some());
    let others: Vec<_> = others.map(|algorithm| algorithm.name()).collect();
    Check::bad(
        SIGNING_KEYS,
        format!(
            "{uri} has no RSA key with a kid, and Authorizer=jwt verifies RSA signatures only; its keys are for {}",
            others.join(", ")
        ),
        "use Authorizer=lambda, which also verifies EC and Ed25519 signatures (`make deploy SET=Authorizer=lambda`), or ask the provider for an RSA key",
    )
}

async fn discover(issuer: &str) -> Result<String, Check> {
    // OpenID Connect Discovery §4: the path is appended to the issuer without a trailing slash.
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let parsed = fetch(&url).await.and_then(|body| {
        serde_json::from_slice::<Value>(&body)
            .map_err(|_| "it answers something else than JSON".to_owned())
    });
    let document = parsed.map_err(|why| {
        Check::bad(
            "issuer",
            format!("{url}: {why}"),
            "check the issuer: it is the `iss` of the users' tokens, and the authorizer must reach it",
        )
    })?;
    let said = document.get("issuer").and_then(Value::as_str).unwrap_or_default();
    if said != issuer {
        return Err(Check::bad(
            "issuer",
            format!("{url} says that the issuer is {said:?}"),
            format!("give the template's Issuer exactly as the document spells it: {said}"),
        ));
    }
    let keys_uri = document.get("jwks_uri").and_then(Value::as_str);
    keys_uri.map(str::to_owned).ok_or_else(|| {
        Check::bad("issuer", format!("{url} has no jwks_uri"), "use an OpenID Connect provider")
    })
}

async fn fetch(url: &str) -> Result<Vec<u8>, String> {
    let told = |error: reqwest::Error| innermost(&error);
    // A proxy cannot reach this machine.
    let client = if is_on_this_machine(url) { direct_http_client() } else { http_client() };
    let client = client.map_err(|error| innermost(&error))?;
    let answer = client.get(url).timeout(TIMEOUT).send().await.map_err(told)?;
    if !answer.status().is_success() {
        return Err(format!("it answers {}", answer.status()));
    }
    answer.bytes().await.map(Vec::from).map_err(told)
}

fn is_on_this_machine(url: &str) -> bool {
    let url = reqwest::Url::parse(url).ok();
    let host = url.as_ref().and_then(reqwest::Url::host_str);
    host.is_some_and(|host| ["127.0.0.1", "localhost", "[::1]"].contains(&host))
}

const SIGNING_KEYS: &str = "signing keys";

#[cfg(test)]
mod tests {
    use bearer_verifier::testing::Signer;
    use serde_json::json;

    use super::*;

    fn compared(keys: &Value, authorizer: AuthorizerKind) -> (bool, String) {
        let keys = KeySet::from_json(json!({ "keys": keys }).to_string().as_bytes()).unwrap();
        let check = comparison(&keys, "https://idp.example/jwks", authorizer);
        (check.is_good(), serde_json::to_string(&check).unwrap())
    }

    #[test]
    fn the_authorizer_of_api_gateway_needs_an_rsa_key_with_a_kid() {
        let jwks = Signer::default().jwks();
        let keys = |names: &[&str]| {
            let chosen = jwks["keys"].as_array().unwrap().iter();
            chosen.filter(|key| names.contains(&key["kid"].as_str().unwrap())).cloned().collect()
        };
        let (jwt, lambda) = (AuthorizerKind::Jwt, AuthorizerKind::Lambda);
        let ec = Value::Array(keys(&["p256", "ed"]));
        let (good, text) = compared(&ec, jwt);
        assert!(!good && text.contains("its keys are for ES256, EdDSA"), "{text}");
        assert!(text.contains("use Authorizer=lambda"), "{text}");
        let (good, text) = compared(&ec, lambda);
        assert!(good && text.contains("verify ES256, EdDSA"), "{text}");

        let (good, text) = compared(&Value::Array(keys(&["rsa", "p256"])), jwt);
        assert!(good && text.contains("verify RS256, RS384, RS512\""), "{text}");
        let mut rsa: Vec<Value> = keys(&["rsa"]);
        rsa[0]["alg"] = json!("PS256");
        assert!(!compared(&json!(rsa), jwt).0, "API Gateway documents no PS256");
        rsa[0]["alg"] = json!("RS256");
        rsa[0].as_object_mut().unwrap().remove("kid");
        assert!(!compared(&json!(rsa), jwt).0, "API Gateway finds a key by its kid");
        assert!(compared(&json!(rsa), lambda).0);
    }
}
