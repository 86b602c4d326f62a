//! One attempt of a call: signs the request, sends it, and reads the response.

use std::time::{Duration, SystemTime};

use identity_core::secret::Secret;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, RETRY_AFTER,
};
use reqwest::{Client, Method, Response, Url};

use super::retry::retry_after;
use super::{AcsOperation, AcsResponse, AttemptResult, Body, Silence, Unanswered};
use crate::auth::sign::{Unsigned, sign};
use crate::auth::{AccessKey, Endpoint, RequestCredential, TokenError};
use crate::http::{
    LONGEST_NAME, LONGEST_TEXT, chain, clean, http_date, parse_http_date, read_capped,
};

/// The parts of a request that are the same for all its attempts.
pub(crate) struct AcsCall {
    pub(crate) operation: AcsOperation,
    pub(crate) url: Url,
    pub(crate) body: Vec<u8>,
    /// `x-ms-client-request-id`.
    pub(crate) request_id: String,
}

impl AcsCall {
    /// Makes one attempt that ends within `limit`.
    pub(crate) async fn attempt(
        &self,
        http: &Client,
        endpoint: &Endpoint,
        credential: &RequestCredential,
        now: SystemTime,
        limit: Duration,
    ) -> AttemptResult {
        let method = self.operation.method();
        let authorization = match credential {
            RequestCredential::Key(key) => self.signature(&method, endpoint, key, now),
            RequestCredential::Bearer(token) => bearer(token),
        };
        let invalid = || {
            self.unanswered(match credential {
                RequestCredential::Key(_) => Silence::Lost("invalid header value".to_owned()),
                RequestCredential::Bearer(_) => Silence::NoBearer(TokenError::Unusable),
            })
        };
        let headers =
            self.headers(&method, authorization.ok_or_else(invalid)?).ok_or_else(invalid)?;
        let response = http
            .request(method, self.url.clone())
            .headers(headers)
            .body(self.body.clone())
            .timeout(limit)
            .send()
            .await
            .map_err(|error| self.send_error(error))?;
        self.read(response, matches!(credential, RequestCredential::Key(_)), now).await
    }

    /// The error for an attempt without a response.
    pub(crate) fn unanswered(&self, why: Silence) -> Unanswered {
        let (operation, request_id) = (self.operation.name(), self.request_id.clone());
        Unanswered { operation, request_id, why }
    }

    /// The headers of a signature with an access key.
    fn signature(
        &self,
        method: &Method,
        endpoint: &Endpoint,
        key: &AccessKey,
        now: SystemTime,
    ) -> Option<HeaderMap> {
        let date = http_date(now)?;
        let path_and_query = format!("{}?{}", self.url.path(), self.url.query()?);
        let signed = sign(
            key,
            Unsigned {
                verb: method.as_str(),
                path_and_query: &path_and_query,
                host: endpoint.host(),
                date: &date,
                body: &self.body,
            },
        );
        let mut headers = authorization(signed.authorization.expose())?;
        headers.insert("x-ms-date", HeaderValue::from_str(&date).ok()?);
        let hash = HeaderValue::from_str(&signed.content_sha256).ok()?;
        headers.insert("x-ms-content-sha256", hash);
        Some(headers)
    }

    fn headers(&self, method: &Method, mut headers: HeaderMap) -> Option<HeaderMap> {
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert("x-ms-client-request-id", HeaderValue::from_str(&self.request_id).ok()?);
        if matches!(*method, Method::POST | Method::PUT) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            if self.body.is_empty() {
                // hyper would omit the header, and a server may then answer 411.
                headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
            }
        }
        Some(headers)
    }

    async fn read(
        &self,
        mut response: Response,
        is_signed: bool,
        now: SystemTime,
    ) -> AttemptResult {
        let status = response.status();
        let text = |name: &str, longest| {
            let value = response.headers().get(name).and_then(|value| value.to_str().ok());
            clean(value.unwrap_or_default(), longest)
        };
        let mut acs_response = AcsResponse {
            status: status.as_u16(),
            body: Body(Vec::new()),
            retry_after: retry_after(&text(RETRY_AFTER.as_str(), LONGEST_TEXT), now),
            date: parse_http_date(&text(DATE.as_str(), LONGEST_NAME)),
            cv: text("ms-cv", LONGEST_NAME),
            versions: text("api-supported-versions", LONGEST_TEXT),
            request_id: self.request_id.clone(),
            is_signed,
        };
        match read_capped(&mut response).await {
            Ok(body) => acs_response.body = Body(body),
            Err(error) if status.is_success() => return Err(self.send_error(error)),
            // The status of an error response is sufficient without its body.
            Err(_) => {}
        }
        Ok(acs_response)
    }

    fn send_error(&self, error: reqwest::Error) -> Unanswered {
        let error = error.without_url();
        // A timeout while connecting is both. Nothing was sent then, so it counts as not connected.
        self.unanswered(if error.is_connect() {
            Silence::NotConnected(chain(&error))
        } else if error.is_timeout() {
            Silence::TimedOut
        } else {
            Silence::Lost(chain(&error))
        })
    }
}

fn bearer(token: &Secret) -> Option<HeaderMap> {
    authorization(&format!("Bearer {}", token.expose()))
}

fn authorization(text: &str) -> Option<HeaderMap> {
    let mut value = HeaderValue::from_str(text).ok()?;
    // The logs of the libraries do not show a sensitive value.
    value.set_sensitive(true);
    Some(HeaderMap::from_iter([(AUTHORIZATION, value)]))
}
