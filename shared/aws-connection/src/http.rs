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
    use super::*;

    // The tests of aws-secrets send the SDK's requests.
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
