//! Requests to a transmitter's API: SSF 1.0 §8.1.

use identity_core::secret::Secret;
use reqwest::{Client, Method, Url};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::TransmitterAccess;
use super::metadata::{TransmitterMetadata, discover};
use crate::report::{CliError, Exit, Result, innermost};
use crate::service::internet::{TIMEOUT, http_client};

/// The API of one transmitter, with an access token.
pub(crate) struct TransmitterApi {
    client: Client,
    metadata: TransmitterMetadata,
    token: Secret,
}

/// The members of a stream that a receiver chooses.
#[derive(Serialize)]
pub(crate) struct StreamRequest {
    /// `method`, and for push `endpoint_url` and `authorization_header`.
    pub(crate) delivery: Value,
    pub(crate) events_requested: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
}

/// A stream, as the transmitter describes it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ManagedStream {
    pub(crate) stream_id: String,
    pub(crate) iss: Option<String>,
    /// A text or an array of texts.
    #[serde(default)]
    pub(crate) aud: Value,
    #[serde(default)]
    pub(crate) events_delivered: Vec<String>,
    #[serde(default)]
    pub(crate) delivery: StreamDelivery,
}

/// How the events of a stream are delivered. The credential that was agreed is not read.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct StreamDelivery {
    #[serde(default)]
    pub(crate) method: String,
    pub(crate) endpoint_url: Option<String>,
}

/// The status of a stream.
#[derive(Debug, Deserialize)]
pub(crate) struct StreamStatusAnswer {
    pub(crate) status: String,
    pub(crate) reason: Option<String>,
}

impl TransmitterApi {
    /// Finds the endpoints, and gets an access token.
    pub(crate) async fn connect(access: &TransmitterAccess) -> Result<Self> {
        // It follows no redirects: the credentials are only for the endpoints in the metadata.
        let client = http_client().map_err(|error| {
            let failed = CliError::new(Exit::Failed, "cannot create an HTTP client");
            failed.because(innermost(&error))
        })?;
        let metadata = discover(&client, &access.issuer).await?;
        let token = access.credential.access_token(&client).await?;
        Ok(Self { client, metadata, token })
    }

    /// All streams of this receiver.
    pub(crate) async fn streams(&self) -> Result<Vec<ManagedStream>> {
        let url = self.configuration(None)?;
        match self.call(Method::GET, url, None).await? {
            // Some transmitters have one stream for each receiver, and no list.
            one @ Value::Object(_) => Ok(vec![read(one)?]),
            list @ Value::Array(_) => read(list),
            _ => Ok(Vec::new()),
        }
    }

    /// Creates a stream. `None` if there is one, and the transmitter allows no other (409).
    pub(crate) async fn create(&self, stream: &StreamRequest) -> Result<Option<ManagedStream>> {
        let (status, body) =
            self.send(Method::POST, self.configuration(None)?, Some(&json!(stream))).await?;
        if status == 409 {
            return Ok(None);
        }
        read(accepted(status, body)?).map(Some)
    }

    /// Changes the members of a stream that are given.
    pub(crate) async fn update(&self, id: &str, stream: &StreamRequest) -> Result<ManagedStream> {
        let mut body = json!(stream);
        if let Some(members) = body.as_object_mut() {
            members.insert("stream_id".to_owned(), id.into());
        }
        read(self.call(Method::PATCH, self.configuration(None)?, Some(&body)).await?)
    }

    pub(crate) async fn delete(&self, id: &str) -> Result<()> {
        self.call(Method::DELETE, self.configuration(Some(id))?, None).await.map(|_| ())
    }

    pub(crate) async fn status(&self, id: &str) -> Result<StreamStatusAnswer> {
        let url = endpoint(self.metadata.status_endpoint.as_deref(), "status", Some(id))?;
        read(self.call(Method::GET, url, None).await?)
    }

    pub(crate) async fn set_status(&self, id: &str, status: &str) -> Result<StreamStatusAnswer> {
        let url = endpoint(self.metadata.status_endpoint.as_deref(), "status", None)?;
        let body = json!({ "stream_id": id, "status": status });
        read(self.call(Method::POST, url, Some(&body)).await?)
    }

    /// Requests a verification event that contains `state`.
    pub(crate) async fn verify(&self, id: &str, state: &str) -> Result<()> {
        let url = endpoint(self.metadata.verification_endpoint.as_deref(), "verification", None)?;
        let body = json!({ "stream_id": id, "state": state });
        self.call(Method::POST, url, Some(&body)).await.map(|_| ())
    }

    fn configuration(&self, id: Option<&str>) -> Result<Url> {
        endpoint(self.metadata.configuration_endpoint.as_deref(), "configuration", id)
    }

    async fn call(&self, method: Method, url: Url, body: Option<&Value>) -> Result<Value> {
        let (status, body) = self.send(method, url, body).await?;
        accepted(status, body)
    }

    async fn send(&self, method: Method, url: Url, body: Option<&Value>) -> Result<(u16, Value)> {
        let failed = |error: reqwest::Error| {
            CliError::new(Exit::Later, "the transmitter does not answer")
                .because(innermost(&error))
                .hint("try again later")
        };
        let request = self.client.request(method, url).timeout(TIMEOUT);
        let mut request = request.bearer_auth(self.token.expose());
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.map_err(failed)?;
        let status = answer.status().as_u16();
        let body = answer.bytes().await.map_err(failed)?;
        Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
    }
}

/// The URL of an endpoint, for one stream.
fn endpoint(url: Option<&str>, what: &str, id: Option<&str>) -> Result<Url> {
    let url: Option<Url> = url.and_then(|url| url.parse().ok());
    let mut url = url.ok_or_else(|| {
        CliError::new(Exit::Failed, format!("the transmitter has no {what} endpoint"))
            .because("its metadata name none")
            .hint("use the transmitter's own console")
    })?;
    if let Some(id) = id {
        url.query_pairs_mut().append_pair("stream_id", id);
    }
    Ok(url)
}

/// The body of a successful answer.
fn accepted(status: u16, body: Value) -> Result<Value> {
    if (200..300).contains(&status) {
        return Ok(body);
    }
    let (exit, hint) = match status {
        401 => (Exit::Refused, "check the access token, or the client and its secret"),
        403 => (Exit::Refused, "the credentials need the scopes ssf.read and ssf.manage"),
        404 => (Exit::NotFound, "list the streams with `guestpass events streams list`"),
        429 => (Exit::Later, "the transmitter limits such requests: try again in a minute"),
        500.. => (Exit::Later, "try again later"),
        _ => (Exit::Usage, "fix the request and try again"),
    };
    let told = ["description", "error_description", "message"];
    let told = told.iter().find_map(|name| body.get(name)?.as_str());
    Err(CliError::new(exit, format!("the transmitter answered {status}"))
        .because(told.unwrap_or("it gave no reason"))
        .hint(hint))
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|error| {
        CliError::new(Exit::Failed, "unexpected answer of the transmitter")
            .because(error.to_string())
            .hint("its API is not the one of SSF 1.0: use the transmitter's own console")
    })
}
