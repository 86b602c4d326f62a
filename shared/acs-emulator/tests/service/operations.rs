//! Tests of the operations' responses and of their effect on tokens.

use acs_emulator::{Emulator, EmulatorOptions};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use time::format_description::well_known::{Rfc2822, Rfc3339};
use time::{Duration, OffsetDateTime};

use crate::support::{EmulatorFixture, ServiceReply, V2023};

const VERSIONS: [&str; 6] =
    ["2021-03-07", "2022-06-01", "2022-10-01", "2023-10-01", "2025-06-30", "2026-09-23"];

fn life(expires_on: &Value, reply: &ServiceReply) -> Duration {
    let expires = OffsetDateTime::parse(expires_on.as_str().unwrap(), &Rfc3339).unwrap();
    let date = reply.header("date").unwrap().replace("GMT", "+0000");
    expires - OffsetDateTime::parse(&date, &Rfc2822).unwrap()
}

fn assert_lives_for(minutes: i64, expires_on: &Value, reply: &ServiceReply) {
    let off = life(expires_on, reply) - Duration::minutes(minutes);
    assert!(off.abs() <= Duration::seconds(5), "{off} off {minutes} minutes");
}

fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn every_version_creates_issues_revokes_and_deletes() {
    let fixture = EmulatorFixture::new().await;
    for version in VERSIONS {
        let query = format!("?api-version={version}");
        let created = fixture.call("POST", &format!("/identities{query}"), "").await;
        assert_eq!(created.status, 201, "{version}");
        let id = created.json()["identity"]["id"].as_str().unwrap().to_owned();
        assert_eq!(created.text, format!(r#"{{"identity":{{"id":"{id}"}}}}"#));

        let issue = format!("/identities/{id}/:issueAccessToken{query}");
        let issued = fixture.call("POST", &issue, r#"{"scopes":["chat"]}"#).await;
        assert_eq!(issued.status, 200, "{version}");
        assert!(issued.text.starts_with(r#"{"token":"ey"#), "{version}");

        let revoke = format!("/identities/{id}/:revokeAccessTokens{query}");
        let delete = format!("/identities/{id}{query}");
        for (method, target) in [("POST", revoke), ("DELETE", delete)] {
            let reply = fixture.call(method, &target, "").await;
            assert_eq!((reply.status.as_u16(), reply.text.as_str()), (204, ""), "{version}");
        }
    }
}

#[tokio::test]
async fn every_call_creates_another_identity_of_the_resource() {
    let fixture = EmulatorFixture::new().await;
    let (a, b) = (fixture.create().await, fixture.create().await);
    assert_ne!(a, b);
    assert!(a.starts_with(&format!("8:acs:{}_", fixture.emulator.resource_id())), "{a}");
}

#[tokio::test]
async fn creating_with_scopes_brings_a_token_and_without_none() {
    let fixture = EmulatorFixture::new().await;
    let target = format!("/identities{V2023}");
    let body = r#"{"createTokenWithScopes":["chat","voip"],"expiresInMinutes":60}"#;
    let with = fixture.call("POST", &target, body).await;
    assert_eq!(with.status, 201);
    let json = with.json();
    assert_lives_for(60, &json["accessToken"]["expiresOn"], &with);
    assert_eq!(claims(json["accessToken"]["token"].as_str().unwrap())["acsScope"], "chat,voip");
    for body in [
        "",
        "{}",
        r#"{"createTokenWithScopes":null,"expiresInMinutes":null}"#,
        r#"{"createTokenWithScopes":[]}"#,
    ] {
        let without = fixture.call("POST", &target, body).await;
        assert_eq!(without.status, 201, "{body}");
        assert_eq!(without.json().get("accessToken"), None, "{body}");
    }
}

#[tokio::test]
async fn a_token_lives_a_day_or_as_long_as_was_asked() {
    let fixture = EmulatorFixture::new().await;
    let id = fixture.create().await;
    for (body, minutes) in [
        (r#"{"scopes":["chat"]}"#, 1440),
        (r#"{"scopes":["chat"],"expiresInMinutes":null}"#, 1440),
        (r#"{"scopes":["chat"],"expiresInMinutes":60}"#, 60),
        (r#"{"scopes":["chat"],"expiresInMinutes":1440}"#, 1440),
    ] {
        let reply = fixture.issue_with(&id, body).await;
        let json = reply.json();
        assert_lives_for(minutes, &json["expiresOn"], &reply);
        assert!(json["expiresOn"].as_str().unwrap().ends_with("+00:00"));
        let claims = claims(json["token"].as_str().unwrap());
        let expires = OffsetDateTime::parse(json["expiresOn"].as_str().unwrap(), &Rfc3339).unwrap();
        assert_eq!(claims["exp"], expires.unix_timestamp());
    }
}

#[tokio::test]
async fn before_2022_10_01_a_custom_expiry_is_ignored() {
    let fixture = EmulatorFixture::new().await;
    let id = fixture.create().await;
    for version in ["2021-03-07", "2022-06-01"] {
        let target = format!("/identities/{id}/:issueAccessToken?api-version={version}");
        let body = r#"{"scopes":["chat"],"expiresInMinutes":59}"#;
        let reply = fixture.call("POST", &target, body).await;
        assert_lives_for(1440, &reply.json()["expiresOn"], &reply);
    }
}

#[tokio::test]
async fn scopes_keep_the_order_they_were_given_in() {
    let fixture = EmulatorFixture::new().await;
    let id = fixture.create().await;
    let reply =
        fixture.issue_with(&id, r#"{"scopes":["voip.join","chat","chat.join.limited"]}"#).await;
    let token = reply.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(claims(&token)["acsScope"], "voip.join,chat,chat.join.limited");
    let seen = fixture.introspect(&token).await;
    assert_eq!(seen["scopes"], json!(["voip.join", "chat", "chat.join.limited"]));
}

#[tokio::test]
async fn a_token_lives_until_its_time_and_again_when_the_clock_goes_back() {
    let fixture = EmulatorFixture::new().await;
    let id = fixture.create().await;
    let token = fixture.issue(&id).await;
    let seen = fixture.introspect(&token).await;
    assert_eq!((&seen["active"], &seen["reason"]), (&json!(true), &Value::Null));
    assert_eq!(seen["identity"], id.as_str());
    let clock = |seconds: i64| json!({ "advanceSeconds": seconds });
    let moved = fixture.control("POST", "clock", &clock(24 * 3600 + 1)).await.json();
    assert_eq!(moved["offsetSeconds"], 24 * 3600 + 1);
    assert_eq!(fixture.introspect(&token).await["reason"], "expired");
    fixture.control("POST", "clock", &clock(-3600)).await;
    assert_eq!(fixture.introspect(&token).await["active"], true);
}

#[tokio::test]
async fn revoking_kills_what_was_issued_and_spares_what_comes_after() {
    let fixture = EmulatorFixture::new().await;
    let (id, other) = (fixture.create().await, fixture.create().await);
    let (before, bystander) = (fixture.issue(&id).await, fixture.issue(&other).await);
    assert_eq!(fixture.revoke(&id).await.status, 204);
    let after = fixture.issue(&id).await;
    assert_ne!(before, after);
    assert_eq!(fixture.introspect(&before).await["reason"], "revoked");
    assert_eq!(fixture.introspect(&after).await["active"], true);
    assert_eq!(fixture.introspect(&bystander).await["active"], true);
}

#[tokio::test]
async fn deleting_kills_the_tokens() {
    let fixture = EmulatorFixture::new().await;
    let id = fixture.create().await;
    let token = fixture.issue(&id).await;
    fixture.delete(&id).await;
    let seen = fixture.introspect(&token).await;
    assert_eq!((&seen["active"], &seen["reason"]), (&json!(false), &json!("identity-deleted")));
}

#[tokio::test]
async fn a_service_that_issues_for_deleted_identities_can_be_had() {
    let fixture = EmulatorFixture::with(
        Emulator::builder()
            .options(EmulatorOptions { issue_for_deleted: true, ..EmulatorOptions::default() }),
    )
    .await;
    let id = fixture.create().await;
    fixture.delete(&id).await;
    let token = fixture.issue(&id).await;
    assert_eq!(fixture.introspect(&token).await["active"], true);
    assert_eq!(fixture.look("identities").await["identities"][0]["liveTokens"], 1);
}

#[tokio::test]
async fn keys_identities_and_tokens_outlive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let start = || EmulatorFixture::with(Emulator::builder().data_dir(dir.path()));
    let first = start().await;
    let id = first.create().await;
    let (dead, live) = (first.issue(&id).await, {
        first.revoke(&id).await;
        first.issue(&id).await
    });
    let (resource, key) = (first.emulator.resource_id().to_owned(), first.emulator.access_key());
    first.stop().await;

    let second = start().await;
    assert_eq!(second.emulator.resource_id(), resource);
    assert_eq!(second.emulator.access_key(), key);
    assert_eq!(second.introspect(&dead).await["reason"], "revoked");
    assert_eq!(second.introspect(&live).await["active"], true);
    second.issue(&id).await;
}

#[tokio::test]
async fn a_restart_removes_expired_tokens_from_the_journal_and_shows_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let start = || EmulatorFixture::with(EmulatorFixture::builder().data_dir(dir.path()));
    let first = start().await;
    let clock = |days: i64| json!({ "advanceSeconds": days * 24 * 3600 });
    first.control("POST", "clock", &clock(-2)).await;
    let id = first.create().await;
    let expired = first.issue(&id).await;
    first.control("POST", "clock", &clock(2)).await;
    let live = first.issue(&id).await;
    let listed = first.look("identities").await;
    first.stop().await;

    let second = start().await;
    assert_eq!(second.look("identities").await, listed);
    assert_eq!(second.introspect(&expired).await["reason"], "expired");
    assert_eq!(second.introspect(&live).await["active"], true);
    let journal = std::fs::read_to_string(dir.path().join("identities.jsonl")).unwrap();
    assert_eq!(journal.matches("tokenIssued").count(), 1);
}
