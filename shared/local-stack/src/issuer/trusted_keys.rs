//! The keys with which the gateway's JWT authorizer verifies tokens.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use bearer_verifier::{KeyCache, KeyLookup, KeySet, REFETCH_AFTER, SignedToken};
use reqwest::Client;

use super::discovery::{DiscoveryError, fetch_keys, find_jwks_uri, http_client};
use crate::output::say;

/// The keys of one issuer.
pub(crate) enum TrustedKeys {
    /// Those of the development issuer, which never change.
    Fixed(KeySet),
    /// Those of a real issuer.
    Discovered(DiscoveredIssuer),
}

/// A real issuer and its keys, which are fetched again when they change.
pub(crate) struct DiscoveredIssuer {
    issuer: String,
    jwks_uri: String,
    client: Client,
    cache: Mutex<KeyCache>,
}

impl TrustedKeys {
    /// Finds the keys of `issuer`.
    pub(crate) async fn discover(issuer: &str) -> Result<Self, DiscoveryError> {
        let client =
            http_client().map_err(|error| DiscoveryError::new(issuer, error.to_string()))?;
        let jwks_uri = find_jwks_uri(&client, issuer).await?;
        let keys = fetch_keys(&client, &jwks_uri).await?;
        let mut cache = KeyCache::default();
        // A minute ago, so that a key that the issuer adds next is fetched with its first token.
        let now = Instant::now();
        let fetched_at = now.checked_sub(REFETCH_AFTER).unwrap_or(now);
        cache.record_fetch(issuer, Some(keys), fetched_at);
        let cache = Mutex::new(cache);
        Ok(Self::Discovered(DiscoveredIssuer {
            issuer: issuer.to_owned(),
            jwks_uri,
            client,
            cache,
        }))
    }

    /// Fetches the keys again if they are old, or if none of them can have signed `token`.
    pub(crate) async fn refresh(&self, token: &str) {
        if let Self::Discovered(issuer) = self {
            issuer.refresh(token).await;
        }
    }

    /// The current keys; `None` if the issuer has not answered for hours.
    pub(crate) fn current(&self) -> Option<KeySet> {
        match self {
            Self::Fixed(keys) => Some(keys.clone()),
            Self::Discovered(issuer) => {
                issuer.cache().keys(&issuer.issuer, Instant::now()).cloned()
            }
        }
    }
}

impl DiscoveredIssuer {
    async fn refresh(&self, token: &str) {
        let Ok(token) = SignedToken::parse(token) else { return };
        let known = |keys: &KeySet| keys.knows_key_of(&token);
        if self.cache().look_up(&self.issuer, Instant::now(), known) != KeyLookup::Fetch {
            return;
        }
        let fetched = fetch_keys(&self.client, &self.jwks_uri).await;
        let fetched = fetched.map_err(|error| say(format_args!("{error}"))).ok();
        self.cache().record_fetch(&self.issuer, fetched, Instant::now());
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, KeyCache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    use axum::Router;
    use axum::extract::{Path, State};
    use axum::http::StatusCode;
    use axum::routing::get;
    use serde_json::{Value, json};
    use tokio::net::TcpListener;

    use super::*;
    use crate::issuer::SigningKey;
    use crate::issuer::key::IssuerAlgorithm;

    /// The documents of an issuer, by path.
    struct Provider {
        documents: Mutex<Vec<(&'static str, Value)>>,
        requests: AtomicUsize,
        url: String,
    }

    impl Provider {
        /// Serves documents until the test ends. `{url}` stands for the issuer's URL.
        async fn start(documents: Vec<(&'static str, Value)>) -> Arc<Self> {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            let requests = AtomicUsize::new(0);
            let provider = Arc::new(Self { documents: Mutex::new(documents), requests, url });
            let router =
                Router::new().route("/{*path}", get(serve)).with_state(Arc::clone(&provider));
            tokio::spawn(async move { axum::serve(listener, router).await });
            provider
        }

        async fn discover(&self) -> Result<TrustedKeys, String> {
            TrustedKeys::discover(&self.url).await.map_err(|error| error.to_string())
        }
    }

    async fn serve(
        State(provider): State<Arc<Provider>>,
        Path(path): Path<String>,
    ) -> Result<String, StatusCode> {
        provider.requests.fetch_add(1, Relaxed);
        let documents = provider.documents.lock().unwrap();
        let found = documents.iter().find(|(name, _)| *name == path);
        let (_, document) = found.ok_or(StatusCode::NOT_FOUND)?;
        Ok(document.to_string().replace("{url}", &provider.url))
    }

    fn metadata(issuer: &str) -> (&'static str, Value) {
        let document = json!({ "issuer": issuer, "jwks_uri": "{url}/jwks" });
        (".well-known/openid-configuration", document)
    }

    fn jwks(keys: &[&SigningKey]) -> (&'static str, Value) {
        ("jwks", json!({ "keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>() }))
    }

    #[tokio::test]
    async fn the_keys_of_an_issuer_are_those_of_its_discovery_document() {
        let key = SigningKey::generate().unwrap();
        let provider = Provider::start(vec![metadata("{url}"), jwks(&[&key])]).await;
        let keys = provider.discover().await.unwrap();
        let token = key.sign(&json!({})).unwrap();
        let token = SignedToken::parse(&token).unwrap();
        assert!(keys.current().unwrap().knows_key_of(&token));
        let with_slash = TrustedKeys::discover(&format!("{}/", provider.url)).await;
        let problem = with_slash.err().unwrap().to_string();
        let named = format!("the issuer's name there is `{}`;", provider.url);
        assert!(problem.contains(&named), "{problem}");
    }

    #[tokio::test]
    async fn a_failed_discovery_names_the_url_and_the_reason() {
        let ec = SigningKey::load_or_create(None, IssuerAlgorithm::Es256).unwrap();
        let not_json = (".well-known/openid-configuration", json!("hello"));
        let large = ("jwks", json!("x".repeat(1024 * 1024)));
        for (documents, url, reason) in [
            (vec![], "/.well-known/openid-configuration", "status 404 instead of 200"),
            (vec![not_json], "/.well-known/openid-configuration", "expected JSON with `issuer`"),
            (vec![metadata("{url}")], "/jwks", "status 404 instead of 200"),
            (vec![metadata("{url}"), ("jwks", json!({}))], "/jwks", "invalid key set"),
            (vec![metadata("{url}"), jwks(&[&ec])], "/jwks", "no RSA key"),
            (vec![metadata("{url}"), large], "/jwks", "larger than 1 MiB"),
        ] {
            let provider = Provider::start(documents).await;
            let problem = provider.discover().await.err().unwrap();
            let expected = format!("issuer discovery failed: {}{url}: {reason}", provider.url);
            let expected = expected.replace(": larger", ": the document is larger");
            assert!(problem.starts_with(&expected), "{problem}");
        }
        let problem = TrustedKeys::discover("http://127.0.0.1:1").await.err().unwrap().to_string();
        assert!(problem.contains("refused"), "{problem}");
        let problem = TrustedKeys::discover("nonsense").await.err().unwrap().to_string();
        assert!(problem.contains("relative URL"), "{problem}");
    }

    #[tokio::test]
    async fn a_key_that_the_issuer_adds_later_is_fetched_but_at_most_once_a_minute() {
        let [old, new] = [(); 2].map(|()| SigningKey::generate().unwrap());
        let provider = Provider::start(vec![metadata("{url}"), jwks(&[&old])]).await;
        let keys = provider.discover().await.unwrap();
        *provider.documents.lock().unwrap() = vec![jwks(&[&old, &new])];
        let token = new.sign(&json!({})).unwrap();
        let knows = || keys.current().unwrap().knows_key_of(&SignedToken::parse(&token).unwrap());

        keys.refresh(&old.sign(&json!({})).unwrap()).await;
        keys.refresh("garbage").await;
        assert_eq!((provider.requests.load(Relaxed), knows()), (2, false));
        keys.refresh(&token).await;
        assert_eq!((provider.requests.load(Relaxed), knows()), (3, true));
        let unknown = SigningKey::generate().unwrap().sign(&json!({})).unwrap();
        keys.refresh(&unknown).await;
        assert_eq!(provider.requests.load(Relaxed), 3);
    }
}
