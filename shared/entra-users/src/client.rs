//! Sends requests to Graph: with the app's token, within a time limit, and as slowly as Graph asks.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use https_client::{Client, Method};
use identity_core::ports::Clock;
use identity_core::secret::Secret;
use serde_json::Value;
use tokio::sync::Mutex;
use tracing::debug;

use crate::app::{ClientSecretSource, GraphApp};
use crate::directory_id::DirectoryId;
use crate::error::{GraphError, error_code};
use crate::token::{AppToken, read_token, token_request};

/// A client of Graph for one app. It opens no connection before the first request.
///
/// Each request has a time at which its answer must be there. Graph may ask to wait; the client
/// waits if that leaves time for an answer.
pub struct GraphClient<S, C> {
    pub(crate) app: GraphApp,
    http: Client,
    secret: S,
    pub(crate) clock: C,
    /// Locked while a token is fetched, so that concurrent requests fetch only one.
    tokens: Mutex<BTreeMap<DirectoryId, AppToken>>,
}

/// A response of Graph.
pub(crate) struct GraphResponse {
    pub(crate) status: u16,
    body: Vec<u8>,
    retry_after: Option<Duration>,
}

/// A request to Graph.
pub(crate) struct GraphRequest<'a> {
    pub(crate) method: Method,
    /// The URL, which begins with the address of Graph.
    pub(crate) url: &'a str,
    pub(crate) body: Option<Value>,
    /// The time at which the answer must be there.
    pub(crate) until: SystemTime,
}

impl<S: ClientSecretSource, C: Clock> GraphClient<S, C> {
    /// Creates the client.
    pub fn new(app: GraphApp, secret: S, clock: C) -> Result<Self, GraphError> {
        let http = https_client::client(app.is_https(), None, CONNECT)?;
        Ok(Self { app, http, secret, clock, tokens: Mutex::default() })
    }

    /// Sends a request in the name of the app in `tenant`. The status of the response is 2xx or 4xx.
    pub(crate) async fn send(
        &self,
        tenant: &DirectoryId,
        request: &GraphRequest<'_>,
    ) -> Result<GraphResponse, GraphError> {
        let mut had_new_token = false;
        loop {
            let token = self.token(tenant, request.until).await?;
            let response = self.attempt(&token, request).await?;
            match response.status {
                // The token was revoked, for example because the app got another permission.
                401 if !had_new_token => {
                    had_new_token = true;
                    self.forget_token(tenant, &token).await;
                }
                // Graph sends Retry-After with 429 and with 503.
                429 | 503 => self.wait(response.retry_after, request.until).await?,
                200..=499 => return Ok(response),
                status => {
                    return Err(GraphError::Unavailable(format!("Graph answered {status}")));
                }
            }
        }
    }

    async fn attempt(
        &self,
        token: &Secret,
        request: &GraphRequest<'_>,
    ) -> Result<GraphResponse, GraphError> {
        let failed = |error| GraphError::no_response("Graph", &error);
        let mut http = self
            .http
            .request(request.method.clone(), request.url)
            .bearer_auth(token.expose())
            .timeout(self.time_left(request.until)?);
        if let Some(body) = &request.body {
            http = http.header("content-type", "application/json").body(body.to_string());
        }
        let mut response = http.send().await.map_err(|error| failed(error.without_url()))?;
        let header = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        let retry_after = header.and_then(|value| value.parse::<u32>().ok());
        let retry_after = retry_after.map(|seconds| Duration::from_secs(seconds.into()));
        let status = response.status().as_u16();
        let body = https_client::read_capped(&mut response, MAX_BYTES).await;
        let body = body.map_err(|error| failed(error.without_url()))?;
        let body = body.ok_or(GraphError::Invalid("Graph: the body is too long"))?;
        Ok(GraphResponse { status, body, retry_after })
    }

    /// The app's token in `tenant`.
    async fn token(&self, tenant: &DirectoryId, until: SystemTime) -> Result<Secret, GraphError> {
        let mut tokens = self.tokens.lock().await;
        if let Some(token) = tokens.get(tenant).filter(|token| token.is_usable(self.clock.now())) {
            return Ok(token.token.clone());
        }
        let secret = self.secret.client_secret().await.map_err(GraphError::NoSecret)?;
        let (url, form) = token_request(&self.app, tenant, &secret);
        let request = self
            .http
            .post(url)
            .header("content-type", "application/x-www-form-urlencoded")
            .timeout(self.time_left(until)?)
            .body(form);
        let failed = |error| GraphError::no_response("Entra", &error);
        let mut response = request.send().await.map_err(|error| failed(error.without_url()))?;
        let status = response.status().as_u16();
        let body = https_client::read_capped(&mut response, MAX_BYTES).await;
        let body = body.map_err(|error| failed(error.without_url()))?;
        let token = read_token(status, &body.unwrap_or_default(), self.clock.now())?;
        debug!(%tenant, "token for Graph fetched");
        let secret = token.token.clone();
        tokens.insert(tenant.clone(), token);
        Ok(secret)
    }

    /// Removes a token that Graph refused, unless another request has already replaced it.
    async fn forget_token(&self, tenant: &DirectoryId, refused: &Secret) {
        let mut tokens = self.tokens.lock().await;
        if tokens.get(tenant).is_some_and(|token| token.is(refused)) {
            tokens.remove(tenant);
        }
    }

    /// Waits as long as Graph asks, if that leaves time for an answer.
    async fn wait(
        &self,
        retry_after: Option<Duration>,
        until: SystemTime,
    ) -> Result<(), GraphError> {
        // Without a number, Graph's guidance is to back off by oneself: the queue does that.
        let pause = retry_after.ok_or_else(|| GraphError::Throttled(Duration::from_secs(1)))?;
        if self.clock.now() + pause + TIME_TO_ANSWER > until {
            return Err(GraphError::Throttled(pause));
        }
        self.clock.sleep(pause.max(SHORTEST_PAUSE)).await;
        Ok(())
    }

    /// The time limit of the next request.
    fn time_left(&self, until: SystemTime) -> Result<Duration, GraphError> {
        let left = until.duration_since(self.clock.now()).unwrap_or_default();
        if left.is_zero() {
            return Err(GraphError::Unavailable("no time is left for the request".to_owned()));
        }
        Ok(left.min(LIMIT))
    }
}

impl GraphResponse {
    /// Reads the body of a successful response. The message of serde is dropped, because it can
    /// quote the body.
    pub(crate) fn read<T: serde::de::DeserializeOwned>(
        &self,
        what: &'static str,
    ) -> Result<T, GraphError> {
        if !(200..300).contains(&self.status) {
            return Err(self.refused());
        }
        serde_json::from_slice(&self.body).map_err(|_| GraphError::Invalid(what))
    }

    /// The error of a response that is not successful.
    pub(crate) fn refused(&self) -> GraphError {
        GraphError::Refused(format!("{} {}", self.status, self.error_code()).trim_end().to_owned())
    }

    pub(crate) fn error_code(&self) -> String {
        error_code(&self.body)
    }
}

/// TCP and TLS take three round trips.
const CONNECT: Duration = Duration::from_secs(1);

/// The longest time for one request.
const LIMIT: Duration = Duration::from_secs(4);

/// The time that a request needs after a pause.
const TIME_TO_ANSWER: Duration = Duration::from_secs(1);

/// `Retry-After: 0` must not become a loop without a pause.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

/// A page of the delta query has at most some hundred users, with a few hundred bytes each.
const MAX_BYTES: usize = 2 * 1024 * 1024;
