//! The issuer of the users' tokens: discovery document and keys.

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde_json::Value;

use crate::checks::Check;
use crate::checks::http::client;
use crate::report::innermost;

/// An issuer's keys for RS256, by key id.
pub(crate) struct SigningKeys(Vec<(String, DecodingKey)>);

impl SigningKeys {
    /// Whether the key with this id signed the token. `None` if the issuer has no key with this id.
    pub(crate) fn have_signed(&self, token: &str, name: &str) -> Option<bool> {
        let (_, key) = self.0.iter().find(|(key, _)| key == name)?;
        let (message, signature) = token.rsplit_once('.')?;
        let verified = crypto::verify(signature, message.as_bytes(), key, Algorithm::RS256);
        Some(verified.unwrap_or_default())
    }
}

/// Checks the discovery document and the keys that it names.
pub(crate) async fn look(issuer: &str) -> (Check, Check, Option<SigningKeys>) {
    let keys_uri = match discover(issuer).await {
        Ok(keys_uri) => keys_uri,
        Err(bad) => return (bad, Check::skipped("signing keys", "see above"), None),
    };
    let discovered = Check::good("issuer", format!("{issuer} matches its discovery document"));
    match keys(&keys_uri).await {
        Ok(keys) => {
            let found = format!("RS256 keys at {keys_uri}: {}", keys.0.len());
            (discovered, Check::good("signing keys", found), Some(keys))
        }
        Err(bad) => (discovered, bad, None),
    }
}

async fn discover(issuer: &str) -> Result<String, Check> {
    // OpenID Connect Discovery §4: the path is appended to the issuer without a trailing slash.
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let document = fetch(&url).await.map_err(|why| {
        Check::bad(
            "issuer",
            format!("{url}: {why}"),
            "check the issuer: it is the `iss` of the users' tokens, and API Gateway must reach it",
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

async fn keys(uri: &str) -> Result<SigningKeys, Check> {
    let todo = "API Gateway takes RS256 keys from jwks_uri: ask the provider to publish one";
    let set = fetch(uri)
        .await
        .map_err(|why| Check::bad("signing keys", format!("{uri}: {why}"), todo))?;
    let published = set.get("keys").and_then(Value::as_array).cloned().unwrap_or_default();
    let is = |key: &Value, name: &str, value: &str| key.get(name).is_none_or(|it| it == value);
    let keys: Vec<_> = published
        .into_iter()
        .filter(|key| key.get("kty").is_some_and(|kty| kty == "RSA"))
        .filter(|key| is(key, "use", "sig") && is(key, "alg", "RS256"))
        // Skips an invalid key.
        .filter_map(|key| serde_json::from_value::<Jwk>(key).ok())
        .filter_map(|key| Some((key.common.key_id.clone()?, DecodingKey::from_jwk(&key).ok()?)))
        .collect();
    if keys.is_empty() {
        return Err(Check::bad("signing keys", format!("{uri} has no RS256 key with a kid"), todo));
    }
    Ok(SigningKeys(keys))
}

async fn fetch(url: &str) -> Result<Value, String> {
    let told = |error: reqwest::Error| innermost(&error);
    let mut client = client();
    // A proxy cannot reach this machine.
    if is_on_this_machine(url) {
        client = client.no_proxy();
    }
    let answer = client.build().map_err(told)?.get(url).send().await.map_err(told)?;
    if !answer.status().is_success() {
        return Err(format!("it answers {}", answer.status()));
    }
    let body = answer.bytes().await.map_err(told)?;
    serde_json::from_slice(&body).map_err(|_| "it answers something else than JSON".to_owned())
}

fn is_on_this_machine(url: &str) -> bool {
    let url = reqwest::Url::parse(url).ok();
    let host = url.as_ref().and_then(reqwest::Url::host_str);
    host.is_some_and(|host| ["127.0.0.1", "localhost", "[::1]"].contains(&host))
}
