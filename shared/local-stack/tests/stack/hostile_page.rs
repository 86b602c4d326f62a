//! A page on the web, in the browser of a developer, must not reach the stack.

use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;

use crate::fixture::StackFixture;

/// A request that the service of a port handles for a program on this machine.
struct PortRequest {
    name: &'static str,
    method: Method,
    url: String,
    headers: Vec<(&'static str, &'static str)>,
    body: &'static str,
}

impl PortRequest {
    fn new(name: &'static str, method: Method, url: String) -> Self {
        Self { name, method, url, headers: Vec::new(), body: "" }
    }

    fn with(mut self, headers: &[(&'static str, &'static str)], body: &'static str) -> Self {
        self.headers = headers.to_vec();
        self.body = body;
        self
    }

    fn build(&self, fixture: &StackFixture, method: &Method) -> RequestBuilder {
        let request = fixture.client.request(method.clone(), &self.url).body(self.body);
        self.headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
    }

    async fn send(&self, fixture: &StackFixture, changes: &[(&str, &str)]) -> Response {
        let request = self.build(fixture, &self.method);
        let request =
            changes.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.send().await.unwrap()
    }
}

/// One request for each port, and for each group of routes of a port.
fn requests(fixture: &StackFixture) -> Vec<PortRequest> {
    let file = std::fs::read(fixture.directory.path().join("stack.json")).unwrap();
    let file: Value = serde_json::from_slice(&file).unwrap();
    let secrets = file["secretsManager"].as_str().unwrap();
    let entra = file["entra"].as_str().unwrap();
    let console = fixture.stack.console();
    let post = |name, url: &str| PortRequest::new(name, Method::POST, url.to_owned());
    vec![
        post("issuer", &format!("{}/token", fixture.stack.issuer())).with(&[], "sub=alice"),
        PortRequest::new(
            "sign-in",
            Method::GET,
            format!(
                "{}/authorize?client_id=app&redirect_uri=http://127.0.0.1/&response_type=code\
                 &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM\
                 &code_challenge_method=S256",
                fixture.stack.issuer()
            ),
        ),
        post("secrets", secrets).with(
            &[("x-amz-target", "secretsmanager.GetSecretValue")],
            r#"{"SecretId": "arn:aws:secretsmanager:local:000000000000:secret:acs"}"#,
        ),
        post("Entra", &format!("{entra}/7e0a0000-0000-4000-8000-000000000001/oauth2/v2.0/token"))
            .with(
                &[],
                "grant_type=client_credentials&client_id=aaaaaaaa-0000-0000-0000-000000000001\
                 &client_secret=local-stack-entra-client-secret&scope=http://graph/.default",
            ),
        post("users of Entra", &format!("{console}/_local/entra/users/alice")),
        post("DynamoDB", fixture.stack.dynamodb()).with(
            &[
                ("x-amz-target", "DynamoDB_20120810.ListTables"),
                ("content-type", "application/x-amz-json-1.0"),
                ("authorization", "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0"),
                ("x-amz-date", "20260101T000000Z"),
            ],
            "{}",
        ),
        post("events", fixture.stack.events()).with(
            &[("x-amz-target", "AWSEvents.PutEvents")],
            r#"{"Entries": [{"Source": "a", "DetailType": "b", "Detail": "{}"}]}"#,
        ),
        PortRequest::new("console", Method::GET, format!("{console}/")),
        post("control", &format!("{console}/_local/clock")).with(&[], r#"{"advanceSeconds": 0}"#),
        post("emulator control", &format!("{}/_emulator/clock", fixture.stack.acs()))
            .with(&[], r#"{"advanceSeconds": 0}"#),
    ]
}

#[tokio::test]
async fn a_page_of_another_origin_reaches_no_port() {
    let fixture = StackFixture::start().await;
    for request in requests(&fixture) {
        let name = request.name;
        for origin in ["https://evil.example", "http://localhost.evil.example", "null"] {
            let response = request.send(&fixture, &[("origin", origin)]).await;
            assert_eq!(response.status(), 403, "{name}: {origin}");
        }
        for changes in [&[][..], &[("origin", "http://localhost:5173")]] {
            let response = request.send(&fixture, changes).await;
            assert_eq!(response.status(), 200, "{name}: {changes:?}");
        }
    }
    fixture.stack.stop().await;
}

#[tokio::test]
async fn a_page_whose_name_points_at_this_machine_reaches_no_port() {
    let fixture = StackFixture::start().await;
    for request in requests(&fixture) {
        // Another machine in the local network can answer for a name without a dot.
        for host in ["evil.example", "evil.example:3000", "localhost.evil.example", "evil"] {
            let response = request.send(&fixture, &[("host", host)]).await;
            assert_eq!(response.status(), 403, "{}: {host}", request.name);
        }
    }
    fixture.stack.stop().await;
}

#[tokio::test]
async fn every_port_can_be_requested_under_a_name_that_is_allowed() {
    let fixture = StackFixture::with(|options| {
        options.allowed_hosts.allow("stack").unwrap();
    })
    .await;
    for request in requests(&fixture) {
        let response = request.send(&fixture, &[("host", "stack:3000")]).await;
        assert_eq!(response.status(), 200, "{}", request.name);
    }
    fixture.stack.stop().await;
}

#[tokio::test]
async fn no_port_without_credentials_lets_a_page_read_responses() {
    let fixture = StackFixture::start().await;
    // The emulator allows it, as ACS does, and refuses the request itself.
    let requests = requests(&fixture).into_iter().filter(|one| one.name != "emulator control");
    for request in requests {
        for origin in ["https://evil.example", "http://localhost:5173"] {
            let preflight = request.build(&fixture, &Method::OPTIONS);
            let preflight = preflight.header("access-control-request-method", "POST");
            for sent in [preflight, request.build(&fixture, &request.method)] {
                let response = sent.header("origin", origin).send().await.unwrap();
                let allowed = response.headers().get("access-control-allow-origin");
                assert_eq!(allowed, None, "{}: {origin}", request.name);
            }
        }
    }
    fixture.stack.stop().await;
}
