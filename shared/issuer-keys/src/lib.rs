//! The public keys of issuers: where they are, and how they are fetched and cached.
//!
//! A caller names only issuers of its configuration: a token must never choose the host that is
//! asked for keys.

mod key_location;

use std::cell::{Ref, RefCell};
use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant};

use bearer_verifier::{
    KeyCache, KeyLookup, KeySet, SignedToken, TokenRefusal, is_https_or_loopback, verify_signature,
};
use https_client::Client;
use serde_json::{Map, Value};
use tracing::{debug, error};

/// The time limit for each of the two requests, like that of API Gateway's own authorizer.
const LIMIT: Duration = Duration::from_millis(1500);

/// The size limit of a discovery document and of a key set, like that of API Gateway.
const MAX_BYTES: usize = 150_000;

pub use https_client::HttpsClientError;
pub use key_location::{KeyDiscovery, KeyLocation};

/// Fetches and caches the keys of issuers.
///
/// Lambda sends a process one request at a time. So no two requests fetch the same keys, and the
/// cache is never borrowed across a fetch.
pub struct IssuerKeyCache {
    http: Client,
    cache: RefCell<KeyCache>,
}

impl IssuerKeyCache {
    /// With `https_only`, no key is ever fetched by plain HTTP.
    ///
    /// # Errors
    /// The TLS library could not be initialized.
    pub fn new(https_only: bool) -> Result<Self, HttpsClientError> {
        let http = https_client::client(https_only, None, LIMIT)?;
        Ok(Self { http, cache: RefCell::default() })
    }

    /// The keys for a token of an issuer; `None` if the issuer does not answer and no usable keys
    /// are left.
    pub async fn keys(
        &self,
        location: &KeyLocation<'_>,
        token: &SignedToken<'_>,
        now: Instant,
    ) -> Option<Ref<'_, KeySet>> {
        let place = location.url();
        let knows_key = |keys: &KeySet| keys.knows_key_of(token);
        let lookup = self.cache.borrow().look_up(&place, now, knows_key);
        if lookup == KeyLookup::Fetch {
            self.refresh(location, now).await;
        }
        Ref::filter_map(self.cache.borrow(), |cache| cache.keys(&place, now)).ok()
    }

    /// Verifies the signature of a token with the keys of an issuer, and returns the claims. A
    /// token of another issuer is refused before any key is fetched.
    ///
    /// # Errors
    /// The token is refused, or nothing can be said about it now.
    pub async fn verified_claims(
        &self,
        token: SignedToken<'_>,
        location: &KeyLocation<'_>,
        now: Instant,
    ) -> Result<Map<String, Value>, Unverified> {
        if token.unverified_issuer() != Some(location.issuer) {
            return Err(Unverified::Refused(TokenRefusal::UnknownIssuer));
        }
        let keys = self.keys(location, &token, now).await.ok_or(Unverified::KeysUnavailable)?;
        verify_signature(token, &keys).map_err(|refusal| match refusal {
            // It may be a new key: the keys were fetched less than a minute ago, or the last fetch
            // failed. A refusal would be final, and the message would be lost.
            TokenRefusal::UnknownKey if !self.are_current(location, now) => {
                Unverified::KeysUnavailable
            }
            refusal => Unverified::Refused(refusal),
        })
    }

    /// Whether the keys of an issuer were fetched at `now`.
    fn are_current(&self, location: &KeyLocation<'_>, now: Instant) -> bool {
        self.cache.borrow().were_fetched_at(&location.url(), now)
    }

    /// Fetches the keys of an issuer. If that fails, the last good keys stay.
    pub async fn refresh(&self, location: &KeyLocation<'_>, now: Instant) {
        let fetched = self.fetch_keys(location).await;
        let issuer = location.issuer;
        match &fetched {
            Ok(_) => debug!(issuer, "keys of the issuer fetched"),
            Err(why) => error!(issuer, %why, "failed to fetch the keys of the issuer"),
        }
        self.cache.borrow_mut().record_fetch(&location.url(), fetched.ok(), now);
    }

    async fn fetch_keys(&self, location: &KeyLocation<'_>) -> Result<KeySet, FetchError> {
        let uri = match location.jwks_uri {
            Some(uri) => uri.to_owned(),
            None => self.discover(location).await?,
        };
        let document = self.get(&uri).await?;
        KeySet::from_json(&document).map_err(|why| FetchError { url: uri, why: why.into() })
    }

    /// `OpenID` Connect Discovery §4.3, SSF 1.0 §7.2: the document must name the same issuer.
    async fn discover(&self, location: &KeyLocation<'_>) -> Result<String, FetchError> {
        let url = location.url();
        let document = self.get(&url).await?;
        let problem = |why: &str| FetchError { url: url.clone(), why: why.into() };
        let document: Value =
            serde_json::from_slice(&document).map_err(|_| problem("the body is not JSON"))?;
        let text = |name: &str| document.get(name).and_then(Value::as_str);
        if text("issuer") != Some(location.issuer) {
            return Err(problem("the document names another issuer"));
        }
        let uri = text("jwks_uri").ok_or_else(|| problem("the document has no jwks_uri"))?;
        if !is_https_or_loopback(uri) {
            return Err(problem("jwks_uri is not an https URL"));
        }
        Ok(uri.to_owned())
    }

    async fn get(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        let failed = |why: Box<dyn Error>| FetchError { url: url.to_owned(), why };
        let response = self.http.get(url).timeout(LIMIT).send().await;
        let mut response = response.map_err(|why| failed(why.without_url().into()))?;
        if response.status() != 200 {
            return Err(failed(format!("the status is {}", response.status()).into()));
        }
        let body = https_client::read_capped(&mut response, MAX_BYTES).await;
        let body = body.map_err(|why| failed(why.without_url().into()))?;
        body.ok_or_else(|| failed(format!("the body is longer than {MAX_BYTES} bytes").into()))
    }
}

/// Why a token was not verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unverified {
    /// The token is refused.
    Refused(TokenRefusal),
    /// The keys of the issuer are not available now, or may not be the newest.
    KeysUnavailable,
}

/// A document could not be fetched, or is not usable.
struct FetchError {
    url: String,
    why: Box<dyn Error>,
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.url, self.why)?;
        let sources = std::iter::successors(self.why.source(), |error| (*error).source());
        sources.into_iter().try_for_each(|source| write!(f, ": {source}"))
    }
}
