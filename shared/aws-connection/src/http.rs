//! The requests of the AWS SDK over the HTTP client of the functions, so that a process has one
//! implementation of HTTP and TLS.

use std::error::Error as _;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use https_client::{Client, Method, RequestError, Response};
use tracing::error;

/// An HTTP client for clients of AWS services, which share its connections. It speaks HTTP/1.1, and
/// trusts Amazon's root certificates and the added ones.
///
/// Without a client, which only an error of the TLS library can cause, every request fails, and the
/// log says why.
pub(crate) fn client_of(added_roots: Option<&str>) -> Option<SharedHttpClient> {
    let client = https_client::amazon_client(added_roots, CONNECT).inspect_err(|error| {
        let cause = error.source().map(ToString::to_string);
        error!(%error, cause, "no HTTP client for AWS");
    });
    client.ok().map(|client| SharedHttpClient::new(SdkClient(client)))
}

/// A client whose requests have their bodies in memory, as those of all services that this project
/// uses do.
#[derive(Clone, Debug)]
struct SdkClient(Client);

impl HttpClient for SdkClient {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for SdkClient {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let client = self.0.clone();
        HttpConnectorFuture::new(async move {
            let response = send(&client, &request).await?;
            received(response).await
        })
    }
}

/// Sends a request as the SDK signed it.
async fn send(client: &Client, request: &HttpRequest) -> Result<Response, ConnectorError> {
    let method = Method::from_bytes(request.method().as_bytes())
        .map_err(|error| ConnectorError::user(error.into()))?;
    let body = request.body().bytes().ok_or_else(|| {
        ConnectorError::user("the body of a request is a stream, and not in memory".into())
    })?;
    let mut sent = client.request(method, request.uri()).body(body.to_vec());
    for (name, value) in request.headers() {
        sent = sent.header(name, value);
    }
    sent.send().await.map_err(failed)
}

async fn received(response: Response) -> Result<HttpResponse, ConnectorError> {
    let invalid = |error: &str| ConnectorError::other(error.into(), None);
    let status = response.status().as_u16().try_into().map_err(|_| invalid("invalid status"))?;
    let headers = response.headers().clone();
    let body = response.bytes().await.map_err(failed)?;
    let mut received = HttpResponse::new(status, SdkBody::from(body.to_vec()));
    for (name, value) in &headers {
        let value = value.to_str().map_err(|_| invalid("a header of the response is not text"))?;
        received.headers_mut().append(name.as_str().to_owned(), value.to_owned());
    }
    Ok(received)
}

/// The SDK retries what timed out, and what failed on the way.
fn failed(error: RequestError) -> ConnectorError {
    if error.is_timeout() {
        return ConnectorError::timeout(error.into());
    }
    if error.is_builder() {
        return ConnectorError::user(error.into());
    }
    ConnectorError::io(error.into())
}

/// For each connection.
const CONNECT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use aws_config::Region;
    use aws_config::retry::RetryConfig;
    use aws_sdk_secretsmanager::Client;
    use aws_sdk_secretsmanager::config::{Config, Credentials};
    use aws_sdk_secretsmanager::operation::RequestId as _;
    use axum::Router;
    use axum::http::HeaderMap;
    use harness::TestServer;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    const ANSWER: &str = r#"{"SecretString": "s3cret"}"#;

    fn secrets(endpoint: &str) -> Client {
        let retry = RetryConfig::standard().with_initial_backoff(Duration::from_millis(1));
        let config = Config::from(&crate::config()).to_builder();
        let config = config.region(Region::new("eu-west-1")).retry_config(retry);
        let config = config.credentials_provider(Credentials::new("id", "key", None, None, "test"));
        Client::from_conf(config.endpoint_url(endpoint).build())
    }

    #[tokio::test]
    async fn a_request_arrives_as_it_was_signed_and_its_response_is_read() {
        let received = Arc::new(Mutex::new(None));
        let keep = Arc::clone(&received);
        let answer = async move |headers: HeaderMap, body: String| {
            *keep.lock().unwrap() = Some((headers, body));
            ([("x-amzn-requestid", "r-1")], ANSWER)
        };
        let server = TestServer::start(Router::new().fallback(answer)).await.unwrap();
        let found =
            secrets(&server.url()).get_secret_value().secret_id("acs").send().await.unwrap();
        assert_eq!((found.secret_string(), found.request_id()), (Some("s3cret"), Some("r-1")));
        let (headers, body) = received.lock().unwrap().take().unwrap();
        assert_eq!(body, r#"{"SecretId":"acs"}"#);
        assert_eq!(headers["x-amz-target"], "secretsmanager.GetSecretValue");
        assert_eq!(headers["host"], server.address().to_string());
        let authorization = headers["authorization"].to_str().unwrap();
        assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=id/"), "{authorization}");
    }

    #[tokio::test]
    async fn a_connection_that_ends_without_a_response_is_retried() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            for is_answered in [false, true] {
                let (mut connection, _) = listener.accept().await.unwrap();
                let mut request = [0; 4096];
                assert_ne!(connection.read(&mut request).await.unwrap(), 0);
                if is_answered {
                    let length = ANSWER.len();
                    let response =
                        format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{ANSWER}");
                    connection.write_all(response.as_bytes()).await.unwrap();
                }
            }
        });
        let found = secrets(&endpoint).get_secret_value().secret_id("acs").send().await.unwrap();
        assert_eq!(found.secret_string(), Some("s3cret"));
        serving.await.unwrap();
    }

    #[tokio::test]
    async fn what_cannot_be_sent_is_an_error_of_the_caller() {
        let client = SdkClient(https_client::amazon_client(None, CONNECT).unwrap());
        let error = client.call(HttpRequest::get("/without-a-host").unwrap()).await.unwrap_err();
        assert!(error.is_user(), "{error:?}");
        let unreachable = HttpRequest::get("http://127.0.0.1:1/").unwrap();
        let error = client.call(unreachable).await.unwrap_err();
        assert!(error.is_io(), "{error:?}");
    }
}
