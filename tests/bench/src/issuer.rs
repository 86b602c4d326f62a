//! The issuer of the bearers that `authorize-caller` verifies, on loopback, in this process.

use std::{
    collections::BTreeMap,
    error::Error,
    time::{Duration, Instant, SystemTime},
};

use axum::{Router, http::HeaderMap, routing::get};
use bearer_verifier::{KeySet, SignedToken, TrustedIssuer, testing::Signer, verify};
use harness::{TestServer, lambda_environment};
use serde_json::{Value, json};

use crate::sample::median_ms;

/// The number of verifications of each kind, and of fetches.
const ROUNDS: usize = 200;

/// An issuer with its signer and its server.
pub(crate) struct BenchIssuer {
    signer: Signer,
    server: TestServer,
}

impl BenchIssuer {
    pub(crate) async fn start() -> Result<Self, Box<dyn Error>> {
        let signer = Signer::default();
        let jwks = signer.jwks().to_string();
        let discovery = async |headers: HeaderMap| {
            let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
            let url = format!("http://{host}");
            json!({ "issuer": url, "jwks_uri": format!("{url}/jwks") }).to_string()
        };
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/jwks", get(async move || jwks));
        Ok(Self { signer, server: TestServer::start(routes).await? })
    }

    /// The variables of `authorize-caller`.
    pub(crate) fn environment(&self) -> BTreeMap<String, String> {
        let own = [("ISSUER", &*self.server.url()), ("AUDIENCE", "bench"), ("ISSUERS", "")];
        let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
        lambda_environment().into_iter().chain(own).collect()
    }

    /// The event of an authorizer with a bearer of this algorithm and key.
    pub(crate) fn event(&self, alg: &str, kid: &str) -> Value {
        let bearer = format!("Bearer {}", self.bearer(alg, kid));
        json!({
            "version": "2.0",
            "type": "REQUEST",
            "routeArn": "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/$default/POST/v1/token",
            "identitySource": [bearer],
            "routeKey": "POST /v1/token",
            "rawPath": "/v1/token",
            "rawQueryString": "",
            "headers": { "authorization": bearer, "content-type": "application/json" },
            "requestContext": { "accountId": "123456789012", "stage": "$default" },
        })
    }

    fn bearer(&self, alg: &str, kid: &str) -> String {
        let claims = json!({
            "iss": self.server.url(), "aud": "bench", "iat": 1_700_000_000, "exp": 4_102_444_800_u64,
            "scope": "openid guestpass.token", "sub": "4f1c0a52-6f0e-4c57-9a3a-3d2f9f0f6f11",
        });
        self.signer.sign(&json!({ "alg": alg, "kid": kid }), &claims)
    }

    /// The median duration in milliseconds of one verification, from the text of a bearer to its
    /// claims.
    pub(crate) fn verification(&self, alg: &str, kid: &str) -> Result<f64, Box<dyn Error>> {
        let bearer = self.bearer(alg, kid);
        let trusted = TrustedIssuer::new(self.server.url(), vec!["bench".to_owned()], vec![])?;
        let keys = KeySet::from_json(self.signer.jwks().to_string().as_bytes())?;
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(500_000);
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            let started = Instant::now();
            verify(SignedToken::parse(&bearer)?, &trusted, &keys, now)?;
            times.push(started.elapsed());
        }
        Ok(median_ms(times.into_iter()))
    }

    /// The median duration in milliseconds of one fetch of the keys with a new connection: the
    /// discovery document, and then the key set.
    pub(crate) async fn key_fetch(&self) -> Result<f64, Box<dyn Error>> {
        let url = self.server.url();
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            let http = https_client::client(false, None, Duration::from_secs(1))?;
            let started = Instant::now();
            for path in ["/.well-known/openid-configuration", "/jwks"] {
                http.get(format!("{url}{path}")).send().await?.bytes().await?;
            }
            times.push(started.elapsed());
        }
        Ok(median_ms(times.into_iter()))
    }
}
