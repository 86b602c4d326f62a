//! How the SDK's requests go through our HTTP client. Secrets Manager stands for all services.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::retry::RetryConfig;
use aws_sdk_secretsmanager::config::{Config, Credentials, Region};
use aws_sdk_secretsmanager::operation::RequestId as _;
use axum::Router;
use axum::http::HeaderMap;
use harness::TestServer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const ANSWER: &str = r#"{"SecretString": "s3cret"}"#;

fn secrets(endpoint: &str) -> Client {
    let retry = RetryConfig::standard().with_initial_backoff(Duration::from_millis(1));
    let config = Config::from(&aws_connection::config()).to_builder();
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
    let found = secrets(&server.url()).get_secret_value().secret_id("acs").send().await.unwrap();
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
