//! Tests of the control API.

use acs_emulator::Emulator;
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::{EmulatorFixture, V2023};

#[tokio::test]
async fn the_published_key_verifies_a_token() {
    let fixture = EmulatorFixture::new().await;
    let token = fixture.issue(&fixture.create().await).await;
    let jwks = fixture.look("jwks").await;
    let key = &jwks["keys"][0];
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let member = |name: &str| decode(key[name].as_str().unwrap());
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let public = RsaPublicKeyComponents { n: member("n"), e: member("e") };
    public.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &decode(signature)).unwrap();
    let header: Value = serde_json::from_slice(&decode(token.split('.').next().unwrap())).unwrap();
    assert_eq!((&header["kid"], &header["x5t"]), (&key["kid"], &key["x5t"]));
}

#[tokio::test]
async fn introspection_knows_strangers() {
    let (fixture, other) =
        (EmulatorFixture::new().await, EmulatorFixture::with(Emulator::builder()).await);
    let foreign = other.issue(&other.create().await).await;
    assert_eq!(
        fixture.introspect(&foreign).await,
        json!({"active": false, "reason": "unknown-signature", "identity": null, "scopes": null,
            "expiresOn": null})
    );
    assert_eq!(fixture.introspect("no token").await["reason"], "malformed");
}

#[tokio::test]
async fn identities_are_listed_with_their_live_tokens() {
    let fixture = EmulatorFixture::new().await;
    let (a, b) = (fixture.create().await, fixture.create().await);
    fixture.issue(&b).await;
    fixture.issue(&b).await;
    let listed = fixture.look("identities").await["identities"].clone();
    let find = |id: &str| {
        listed.as_array().unwrap().iter().find(|it| it["id"] == id).unwrap()["liveTokens"].clone()
    };
    assert_eq!((find(&a), find(&b)), (json!(0), json!(2)));
    fixture.delete(&a).await;
    assert_eq!(fixture.look("identities").await["identities"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn requests_are_logged_with_what_they_asked_and_without_tokens() {
    let fixture = EmulatorFixture::new().await;
    let target = format!("/identities{V2023}");
    let body = r#"{"createTokenWithScopes":["voip"],"expiresInMinutes":60}"#;
    let created = fixture.call("POST", &target, body).await.json();
    let id = created["identity"]["id"].as_str().unwrap();
    fixture.delete(id).await;
    let log = fixture.look("requests").await;
    for (operation, count) in log["counts"].as_object().unwrap() {
        let once = ["createIdentityWithToken", "deleteIdentity"].contains(&operation.as_str());
        assert_eq!(count, u64::from(once), "{operation}");
    }
    let first = &log["requests"][0];
    assert_eq!(first["operation"], "createIdentityWithToken");
    assert_eq!((&first["status"], &first["identity"]), (&json!(201), &json!(id)));
    assert_eq!((&first["scopes"], &first["expiresInMinutes"]), (&json!(["voip"]), &json!(60)));
    assert_eq!(first["apiVersion"], "2023-10-01");
    assert!(!log.to_string().contains(created["accessToken"]["token"].as_str().unwrap()));
}

#[tokio::test]
async fn a_reset_forgets_all_but_the_keys() {
    let fixture = EmulatorFixture::new().await;
    let token = fixture.issue(&fixture.create().await).await;
    fixture.control("POST", "clock", &json!({"advanceSeconds": 60, "skewSeconds": 30})).await;
    fixture.script(json!([{"operation": "*", "action": {"status": 500}}])).await;
    assert_eq!(fixture.control("POST", "reset", &json!({})).await.status, 204);
    assert_eq!(fixture.look("identities").await["identities"], json!([]));
    assert_eq!(fixture.look("requests").await["requests"], json!([]));
    let clock = fixture.look("clock").await;
    assert_eq!((&clock["offsetSeconds"], &clock["skewSeconds"]), (&json!(0), &json!(0)));
    assert_eq!(fixture.introspect(&token).await["reason"], "identity-unknown");
    fixture.create().await;
}

#[tokio::test]
async fn what_control_does_not_understand_is_explained_without_quoting_a_token() {
    let fixture = EmulatorFixture::new().await;
    let unknown = fixture.control("POST", "self-destruct", &json!({})).await;
    assert_eq!(unknown.status, 404);
    assert!(unknown.text.contains("POST introspect"), "{}", unknown.text);
    let clock = fixture.control("POST", "clock", &json!({"seconds": 1})).await;
    assert_eq!(clock.status, 400);
    assert!(clock.text.contains("advanceSeconds"), "{}", clock.text);
    assert_eq!(fixture.control("POST", "clock", &json!({})).await.status, 400);
    let introspect = fixture.control("POST", "introspect", &json!("eySecret")).await;
    assert_eq!(introspect.status, 400);
    assert!(!introspect.text.contains("eySecret"), "{}", introspect.text);
}

#[tokio::test]
async fn a_page_of_this_machine_may_control_and_one_of_the_web_may_not() {
    let fixture = EmulatorFixture::new().await;
    let url = format!("{}/_emulator/identities", fixture.server.endpoint());
    for (origin, status) in [
        ("http://localhost:9876", 200),
        ("https://127.0.0.1", 200),
        ("http://[::1]:3000", 200),
        ("https://example.com", 403),
        ("http://localhost.example.com", 403),
        ("null", 403),
    ] {
        let response = fixture.client.get(&url).header("origin", origin).send().await.unwrap();
        assert_eq!(response.status(), status, "{origin}");
    }
}

#[tokio::test]
async fn two_listeners_show_one_resource_and_a_stopped_one_refuses() {
    let fixture = EmulatorFixture::new().await;
    let id = fixture.create().await;
    let second = fixture.emulator.serve_on_loopback().await.unwrap();
    let url = format!("{}/_emulator/identities", second.endpoint());
    let listed: Value = fixture.client.get(&url).send().await.unwrap().json().await.unwrap();
    assert_eq!(listed["identities"][0]["id"], id.as_str());
    second.stop().await;
    assert!(fixture.client.get(&url).send().await.is_err());
}

#[tokio::test]
async fn offset_and_skew_of_the_clock_are_set_apart() {
    let fixture = EmulatorFixture::new().await;
    fixture.control("POST", "clock", &json!({"skewSeconds": -30})).await;
    fixture.control("POST", "clock", &json!({"advanceSeconds": 60})).await;
    fixture.control("POST", "clock", &json!({"advanceSeconds": 60})).await;
    let clock = fixture.look("clock").await;
    assert_eq!((&clock["offsetSeconds"], &clock["skewSeconds"]), (&json!(120), &json!(-30)));
}
