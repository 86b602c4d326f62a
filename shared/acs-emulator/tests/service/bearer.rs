//! Tests of an Entra bearer instead of a signature: which bearers are accepted.

use acs_emulator::Emulator;
use serde_json::{Value, json};

use crate::support::{EmulatorFixture, ServiceReply, V2023, refusal};

const RESOURCE: &str = "https://communication.azure.com/";

async fn create(fixture: &EmulatorFixture, order: Value) -> ServiceReply {
    let token = fixture.entra_token(order).await;
    fixture.bear(&token, "POST", &format!("/identities{V2023}"), "{}").await
}

fn assert_denied(reply: &ServiceReply) {
    let message = "Denied by the resource provider.".to_owned();
    assert_eq!(refusal(reply), (401, "Denied".to_owned(), message, None));
    assert_eq!(reply.header("api-supported-versions"), None);
    assert_eq!(reply.header("www-authenticate"), None);
}

#[tokio::test]
async fn every_identity_operation_takes_a_bearer() {
    let fixture = EmulatorFixture::new().await;
    let token = fixture.entra_token(json!({ "aud": RESOURCE })).await;
    let created = fixture.bear(&token, "POST", &format!("/identities{V2023}"), "").await;
    assert_eq!(created.status, 201);
    let id = created.json()["identity"]["id"].as_str().unwrap().to_owned();
    for (method, path, body, status) in [
        ("POST", format!("/identities/{id}/:issueAccessToken"), r#"{"scopes":["voip"]}"#, 200),
        ("POST", format!("/identities/{id}/:revokeAccessTokens"), "", 204),
        ("DELETE", format!("/identities/{id}"), "", 204),
    ] {
        let reply = fixture.bear(&token, method, &format!("{path}{V2023}"), body).await;
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.text);
    }
    let user = fixture.entra_token(json!({"appid": fixture.emulator.resource_id()})).await;
    let body = json!({"token": user, "appId": fixture.emulator.resource_id(),
        "userId": "e0000000-0000-4000-8000-000000000003"});
    let target = format!("/teamsUser/:exchangeAccessToken{V2023}");
    let reply = fixture.bear(&token, "POST", &target, &body.to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
}

#[tokio::test]
async fn the_audience_may_end_with_a_slash_or_without_and_be_no_other() {
    let fixture = EmulatorFixture::new().await;
    for aud in [RESOURCE, "https://communication.azure.com"] {
        assert_eq!(create(&fixture, json!({ "aud": aud })).await.status, 201, "{aud}");
    }
    for aud in [
        "https://communication.azure.com//",
        "https://communication.azure.com/clients",
        "https://auth.msft.communication.azure.com",
        "https://graph.microsoft.com",
    ] {
        assert_denied(&create(&fixture, json!({ "aud": aud })).await);
    }
}

#[tokio::test]
async fn an_expired_bearer_is_denied_and_the_movable_clock_expires_none() {
    let fixture = EmulatorFixture::new().await;
    let order = json!({"aud": RESOURCE, "expiresInSeconds": -1});
    assert_denied(&create(&fixture, order).await);
    let token = fixture.entra_token(json!({ "aud": RESOURCE })).await;
    fixture.emulator.clock().advance(30 * 24 * 3600);
    let reply = fixture.bear(&token, "POST", &format!("/identities{V2023}"), "").await;
    assert_eq!(reply.status, 201);
}

#[tokio::test]
async fn an_issuer_that_is_not_trusted_is_denied() {
    let (fixture, other) =
        (EmulatorFixture::new().await, EmulatorFixture::with(Emulator::builder()).await);
    let token = other.entra_token(json!({ "aud": RESOURCE })).await;
    assert_denied(&fixture.bear(&token, "POST", &format!("/identities{V2023}"), "").await);
    let order = json!({"aud": RESOURCE, "iss": "https://example.com/"});
    assert_denied(&create(&fixture, order).await);
    for token in ["garbage", "", "a.b.c"] {
        assert_denied(&fixture.bear(token, "POST", &format!("/identities{V2023}"), "").await);
    }
}

#[tokio::test]
async fn the_keys_of_another_issuer_are_trusted_when_they_are_given() {
    let other = EmulatorFixture::with(Emulator::builder()).await;
    let jwks = other.look("entra/jwks").await;
    let fixture =
        EmulatorFixture::with(EmulatorFixture::builder().trust_entra_keys(jwks.to_string())).await;
    let token = other.entra_token(json!({ "aud": RESOURCE })).await;
    let target = format!("/identities{V2023}");
    assert_eq!(fixture.bear(&token, "POST", &target, "").await.status, 201);
    // The emulator's own tokens are still trusted.
    assert_eq!(create(&fixture, json!({ "aud": RESOURCE })).await.status, 201);

    let mut named = jwks.clone();
    named["keys"][0]["issuer"] = json!("https://issuer.example/");
    let fixture =
        EmulatorFixture::with(EmulatorFixture::builder().trust_entra_keys(named.to_string())).await;
    assert_denied(&fixture.bear(&token, "POST", &target, "").await);
    let order = json!({"aud": RESOURCE, "iss": "https://issuer.example/"});
    let token = other.entra_token(order).await;
    assert_eq!(fixture.bear(&token, "POST", &target, "").await.status, 201);
}

#[test]
fn what_is_no_set_of_keys_is_refused_at_the_start() {
    for jwks in ["", "{}", r#"{"keys":[]}"#, r#"{"keys":[{"kty":"RSA","n":"!","e":"AQAB"}]}"#] {
        let error = EmulatorFixture::builder().trust_entra_keys(jwks).build().err().unwrap();
        assert!(error.to_string().contains("JWK set"), "{error}");
    }
}

#[tokio::test]
async fn without_the_role_that_is_required_a_bearer_is_denied() {
    let fixture =
        EmulatorFixture::with(EmulatorFixture::builder().require_entra_role("Contributor")).await;
    assert_denied(&create(&fixture, json!({ "aud": RESOURCE })).await);
    assert_denied(&create(&fixture, json!({"aud": RESOURCE, "roles": ["Reader"]})).await);
    let order = json!({"aud": RESOURCE, "roles": ["Reader", "Contributor"]});
    assert_eq!(create(&fixture, order).await.status, 201);
    // The key is accepted as before.
    fixture.create().await;
}
