//! Requests to the endpoint of a stream.

use std::error::Error;
use std::time::{Duration, Instant};

use bearer_verifier::is_https_or_loopback;
use event_queue::EventQueueError;
use https_client::{Client, HttpsClientError, Response, client, read_capped};
use identity_core::secret::Secret;
use security_events::TransmitterSecrets;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::config::PolledStream;

/// The endpoint of a stream, with an access token.
pub(crate) struct StreamApi {
    http: Client,
    url: String,
    token: Secret,
}

/// RFC 8936 §2.2.
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PollRequest {
    pub(crate) max_events: usize,
    pub(crate) return_immediately: bool,
    /// The ids of the SETs that are stored.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) ack: Vec<String>,
    /// The ids of the SETs that are refused, with the errors.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(crate) set_errs: Map<String, Value>,
}

/// RFC 8936 §2.3.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PollAnswer {
    pub(crate) sets: Map<String, Value>,
    pub(crate) more_available: bool,
}

/// Why a stream could not be polled. It quotes no credential and nothing of an answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamError {
    /// The secret has no credentials for it.
    #[error(
        "no credentials for `{0}`: set `token`, or `tokenUrl`, `clientId` and `clientSecret`, in \
         the secret TransmitterSecretArn"
    )]
    NoCredentials(String),
    /// The HTTP client could not be created.
    #[error(transparent)]
    Client(#[from] HttpsClientError),
    /// The token endpoint or the stream's endpoint did not answer, or not as expected.
    #[error("{what}: {problem}")]
    Answer { what: &'static str, problem: String },
    /// The queue of events refused a message.
    #[error("queue of events not reachable: {0}")]
    Queue(#[from] EventQueueError),
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
}

impl StreamApi {
    /// Takes the credentials of a stream from the secret. With a client, it gets a new access token
    /// (RFC 6749 §4.4), and waits for it until `until` at most.
    pub(crate) async fn connect(
        https_only: bool,
        stream: &PolledStream,
        secrets: &TransmitterSecrets,
        until: Instant,
    ) -> Result<Self, StreamError> {
        let http = client(https_only, None, CONNECT)?;
        let secret = |member: &str| secrets.get(&stream.transmitter.name, member);
        let token = if let Some(token) = secret("token") {
            token.clone()
        } else {
            let client = (secret("tokenUrl"), secret("clientId"), secret("clientSecret"));
            let (Some(url), Some(id), Some(secret)) = client else {
                return Err(StreamError::NoCredentials(stream.transmitter.name.clone()));
            };
            access_token(&http, url.expose(), id.expose(), secret.expose(), until).await?
        };
        Ok(Self { http, url: stream.url.clone(), token })
    }

    /// Acknowledges or refuses SETs, and gets the next ones. It waits until `until` at most.
    pub(crate) async fn poll(
        &self,
        request: &PollRequest,
        until: Instant,
    ) -> Result<PollAnswer, StreamError> {
        let body = json!(request).to_string();
        let request = self
            .http
            .post(&self.url)
            .bearer_auth(self.token.expose())
            .header("content-type", "application/json")
            .header("accept", "application/json")
            .body(body);
        read_json("the stream's endpoint", request.timeout(limit(until)).send().await).await
    }
}

async fn access_token(
    http: &Client,
    url: &str,
    id: &str,
    secret: &str,
    until: Instant,
) -> Result<Secret, StreamError> {
    let what = "the token endpoint";
    if !is_https_or_loopback(url) {
        let problem = "`tokenUrl` in the secret must be an https URL".to_owned();
        return Err(StreamError::Answer { what, problem });
    }
    let request = http
        .post(url)
        .basic_auth(id, Some(secret))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("grant_type=client_credentials&scope=ssf.read");
    let answer: TokenAnswer = read_json(what, request.timeout(limit(until)).send().await).await?;
    Ok(Secret::new(answer.access_token))
}

/// The body of a successful answer.
async fn read_json<T: DeserializeOwned>(
    what: &'static str,
    sent: Result<Response, impl Error>,
) -> Result<T, StreamError> {
    let failed = |problem: String| StreamError::Answer { what, problem };
    let mut answer = sent.map_err(|error| failed(innermost(&error)))?;
    let status = answer.status();
    if !status.is_success() {
        return Err(failed(format!("the status is {}", status.as_u16())));
    }
    let body = read_capped(&mut answer, MAX_BYTES).await;
    let body = body.map_err(|error| failed(innermost(&error)))?;
    let body = body.ok_or_else(|| failed(format!("the body is longer than {MAX_BYTES} bytes")))?;
    // The parser's message could quote the body, which holds a token or claims.
    serde_json::from_slice(&body)
        .map_err(|_| failed("the body is not the expected JSON".to_owned()))
}

/// The innermost cause: the outer ones repeat the URL.
fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// The time limit to connect.
const CONNECT: Duration = Duration::from_secs(2);

/// The time limit of a request that must end before `until`.
fn limit(until: Instant) -> Duration {
    LIMIT.min(until.saturating_duration_since(Instant::now()))
}

/// The time limit of a request.
pub(crate) const LIMIT: Duration = Duration::from_secs(8);

/// The size limit of an answer: 25 SETs of some kilobytes each.
const MAX_BYTES: usize = 2 * 1024 * 1024;
