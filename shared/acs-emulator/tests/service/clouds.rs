//! Tests of the ids, audiences and issuers of each cloud.

use acs_emulator::{Cloud, EmulatorOptions};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::support::{EmulatorFixture, V2023, refusal};

const CLOUDS: [Cloud; 3] = [Cloud::Public, Cloud::Gcch, Cloud::Dod];

async fn in_cloud(cloud: Cloud) -> EmulatorFixture {
    let options = EmulatorOptions { cloud, ..EmulatorOptions::default() };
    EmulatorFixture::with(EmulatorFixture::builder().options(options)).await
}

fn skype_id(token: &str) -> String {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    claims["skypeid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_identity_has_the_prefix_of_its_cloud_in_every_operation() {
    for (cloud, prefix) in CLOUDS.into_iter().zip(["acs", "gcch-acs", "dod-acs"]) {
        let fixture = in_cloud(cloud).await;
        let resource = fixture.emulator.resource_id().to_owned();
        let id = fixture.create().await;
        let user = id.strip_prefix(&format!("8:{prefix}:{resource}_")).unwrap();
        let token = fixture.issue(&id).await;
        assert_eq!(skype_id(&token), id[2..]);
        assert_eq!(fixture.introspect(&token).await["identity"], id);
        assert_eq!(fixture.revoke(&id).await.status, 204);
        assert_eq!(fixture.introspect(&token).await["reason"], "revoked");
        assert_eq!(fixture.look("identities").await["identities"][0]["id"], id);
        assert_eq!(fixture.delete(&id).await.status, 204);
        for other in ["acs", "gcch-acs", "dod-acs"].into_iter().filter(|other| *other != prefix) {
            let refused = fixture.delete(&format!("8:{other}:{resource}_{user}")).await;
            let (status, code, ..) = refusal(&refused);
            assert_eq!((status, code.as_str()), (401, "IdentityNotOwned"), "{other}");
        }
    }
}

#[tokio::test]
async fn a_teams_user_has_the_prefix_and_the_audience_of_the_cloud() {
    let oid = "e0000000-0000-4000-8000-000000000003";
    let app = "e0000000-0000-4000-8000-000000000002";
    for (cloud, prefix, audience, other) in [
        (Cloud::Public, "orgid", "com", "us"),
        (Cloud::Gcch, "gcch", "us", "com"),
        (Cloud::Dod, "dod", "us", "com"),
    ] {
        let fixture = in_cloud(cloud).await;
        let exchange = async |order: Value| {
            let token = fixture.entra_token(order).await;
            let body = json!({"token": token, "appId": app, "userId": oid}).to_string();
            fixture.call("POST", &format!("/teamsUser/:exchangeAccessToken{V2023}"), &body).await
        };
        let scopes = "Teams.ManageCalls Teams.ManageChats";
        let of = |domain| json!({"aud": format!("https://auth.msft.communication.azure.{domain}"), "scp": scopes});
        for order in [json!({}), of(audience), json!({"ver": "2.0"})] {
            let reply = exchange(order.clone()).await;
            assert_eq!(reply.status, 200, "{cloud:?} {order}: {}", reply.text);
            assert_eq!(
                skype_id(reply.json()["token"].as_str().unwrap()),
                format!("{prefix}:{oid}")
            );
        }
        assert_eq!(exchange(of(other)).await.status, 401, "{cloud:?}");
        assert_eq!(fixture.look("identities").await["identities"], json!([]));
    }
}

#[tokio::test]
async fn a_government_cloud_also_accepts_the_audience_that_the_sdks_request() {
    for (cloud, domain, status) in [
        (Cloud::Public, "com", 201),
        (Cloud::Public, "us", 401),
        (Cloud::Gcch, "com", 201),
        (Cloud::Gcch, "us", 201),
        (Cloud::Dod, "us", 201),
    ] {
        let fixture = in_cloud(cloud).await;
        let aud = format!("https://communication.azure.{domain}/");
        let token = fixture.entra_token(json!({ "aud": aud })).await;
        let reply = fixture.bear(&token, "POST", &format!("/identities{V2023}"), "{}").await;
        assert_eq!(reply.status, status, "{cloud:?} {aud}");
    }
}

#[tokio::test]
async fn the_issuer_of_version_2_is_that_of_the_cloud() {
    for (cloud, domain, other) in [
        (Cloud::Public, "microsoftonline.com", "microsoftonline.us"),
        (Cloud::Gcch, "microsoftonline.us", "microsoftonline.com"),
    ] {
        let fixture = in_cloud(cloud).await;
        let tenant = "e0000000-0000-4000-8000-000000000001";
        let issuer = |domain: &str| format!("https://login.{domain}/{tenant}/v2.0");
        let url =
            format!("{}/{tenant}/v2.0/.well-known/openid-configuration", fixture.server.endpoint());
        let found: Value = fixture.client.get(url).send().await.unwrap().json().await.unwrap();
        assert_eq!(found["issuer"], issuer(domain));
        assert_eq!(found["cloud_instance_name"], domain);
        for (domain, status) in [(domain, 201), (other, 401)] {
            let order = json!({"aud": "https://communication.azure.com", "iss": issuer(domain)});
            let token = fixture.entra_token(order).await;
            let reply = fixture.bear(&token, "POST", &format!("/identities{V2023}"), "{}").await;
            assert_eq!(reply.status, status, "{cloud:?} {domain}");
        }
    }
}
