//! Tests of gateway and issuer on another address, and with https.

use reqwest::{Certificate, Client};
use serde_json::Value;

use crate::fixture::{StackFixture, token};

/// An address of this machine that is not the default one.
const HOST: &str = "127.0.0.2";

async fn stack_on_host(https: bool) -> StackFixture {
    StackFixture::with(|options| {
        options.host = HOST.parse().unwrap();
        options.https = https;
    })
    .await
}

fn file(fixture: &StackFixture) -> Value {
    let file = std::fs::read(fixture.directory.path().join("stack.json")).unwrap();
    serde_json::from_slice(&file).unwrap()
}

#[tokio::test]
async fn gateway_and_issuer_are_on_the_given_address_and_all_others_on_loopback() {
    let fixture = stack_on_host(false).await;
    let file = file(&fixture);
    for (name, host) in [
        ("gateway", HOST),
        ("issuer", HOST),
        ("console", "127.0.0.1"),
        ("events", "127.0.0.1"),
        ("dynamodb", "127.0.0.1"),
        ("secretsManager", "127.0.0.1"),
        ("entra", "127.0.0.1"),
    ] {
        let url = file[name].as_str().unwrap();
        assert!(url.starts_with(&format!("http://{host}:")), "{name}: {url}");
    }
    let response = fixture.get("/echo").await;
    assert_eq!(response.status(), 200);
    let answer: Value = response.json().await.unwrap();
    let claims = &answer["context"]["authorizer"]["jwt"]["claims"];
    assert_eq!(claims["iss"], fixture.stack.issuer());
    fixture.stack.stop().await;
}

#[tokio::test]
async fn gateway_and_issuer_speak_https_with_a_certificate_for_their_address() {
    let fixture = stack_on_host(true).await;
    let (gateway, issuer) = (fixture.stack.gateway(), fixture.stack.issuer());
    assert!(gateway.starts_with(&format!("https://{HOST}:")), "{gateway}");
    let refused = fixture.client.get(gateway).send().await;
    assert!(refused.is_err(), "nothing else makes this certificate trusted");

    let ca_cert = std::fs::read(file(&fixture)["caCert"].as_str().unwrap()).unwrap();
    let trusted = [Certificate::from_pem(&ca_cert).unwrap()];
    let client = Client::builder().no_proxy().tls_certs_only(trusted).build().unwrap();
    let token = token(&client, issuer, "guestpass.token").await;
    let response = client.get(format!("{gateway}/echo")).bearer_auth(token).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["context"]["http"]["sourceIp"], "127.0.0.1");
    let shown = fixture.told("stack").await.to_string();
    assert!(shown.contains("curl -s --cacert '"), "{shown}");
    fixture.stack.stop().await;
}
