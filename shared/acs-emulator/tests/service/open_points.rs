//! Tests of the options for undocumented behaviour, each with its other value. The tests of the
//! operations cover the defaults.

use std::time::Duration;

use acs_emulator::{Builder, Emulator, EmulatorOptions};
use serde_json::{Value, json};

use crate::support::{EmulatorFixture, refusal};

async fn advance(fixture: &EmulatorFixture, seconds: i64) {
    fixture.control("POST", "clock", &json!({ "advanceSeconds": seconds })).await;
}

fn lagging(seconds: u64) -> Builder {
    Emulator::builder().options(EmulatorOptions {
        revocation_lag: Duration::from_secs(seconds),
        ..EmulatorOptions::default()
    })
}

async fn live_tokens(fixture: &EmulatorFixture) -> Value {
    fixture.look("identities").await["identities"][0]["liveTokens"].clone()
}

#[tokio::test]
async fn a_revocation_without_a_lag_takes_effect_at_once() {
    let fixture = EmulatorFixture::new().await;
    let id = fixture.create().await;
    let token = fixture.issue(&id).await;
    assert_eq!(fixture.introspect(&token).await.get("revokedAt"), None);
    fixture.revoke(&id).await;
    let seen = fixture.introspect(&token).await;
    assert_eq!((&seen["active"], &seen["reason"]), (&json!(false), &json!("revoked")));
    assert_eq!(seen["revokedAt"], seen["effectiveAt"]);
}

#[tokio::test]
async fn a_lagging_revocation_is_pending_and_then_takes_effect() {
    let fixture = EmulatorFixture::with(lagging(900)).await;
    let id = fixture.create().await;
    let token = fixture.issue(&id).await;
    assert_eq!(fixture.revoke(&id).await.status, 204);
    let next = fixture.issue(&id).await;
    advance(&fixture, 890).await;
    let pending = fixture.introspect(&token).await;
    assert_eq!((&pending["active"], &pending["reason"]), (&json!(true), &json!(null)));
    assert!(pending["revokedAt"].as_str().unwrap() < pending["effectiveAt"].as_str().unwrap());
    assert_eq!(live_tokens(&fixture).await, 2);

    advance(&fixture, 10).await;
    let dead = fixture.introspect(&token).await;
    assert_eq!((&dead["active"], &dead["reason"]), (&json!(false), &json!("revoked")));
    assert_eq!(fixture.introspect(&next).await["active"], true);
    assert_eq!(live_tokens(&fixture).await, 1);
}

#[tokio::test]
async fn a_lagging_deletion_refuses_new_tokens_at_once_and_ends_old_ones_later() {
    let fixture = EmulatorFixture::with(lagging(60)).await;
    let id = fixture.create().await;
    let token = fixture.issue(&id).await;
    fixture.delete(&id).await;
    assert_eq!(fixture.issue_with(&id, r#"{"scopes":["chat"]}"#).await.status, 404);
    assert_eq!(fixture.introspect(&token).await["active"], true);
    advance(&fixture, 60).await;
    assert_eq!(fixture.introspect(&token).await["reason"], "identity-deleted");
    assert_eq!(fixture.look("identities").await["identities"], json!([]));
}

#[tokio::test]
async fn a_lag_is_a_quarter_of_an_hour_at_most() {
    let fixture = EmulatorFixture::with(lagging(24 * 3600)).await;
    let id = fixture.create().await;
    let token = fixture.issue(&id).await;
    fixture.revoke(&id).await;
    advance(&fixture, 900).await;
    assert_eq!(fixture.introspect(&token).await["reason"], "revoked");
}

#[tokio::test]
async fn a_pending_revocation_outlives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let start = || EmulatorFixture::with(lagging(60).data_dir(dir.path()));
    let first = start().await;
    let id = first.create().await;
    let token = first.issue(&id).await;
    first.revoke(&id).await;
    let seen = first.introspect(&token).await;
    first.stop().await;

    let second = start().await;
    assert_eq!(second.introspect(&token).await, seen);
    assert_eq!(live_tokens(&second).await, 1);
    advance(&second, 60).await;
    assert_eq!(second.introspect(&token).await["reason"], "revoked");
}

#[tokio::test]
async fn by_second_a_token_issued_after_a_revocation_dies_if_its_second_is_the_same() {
    let fixture = EmulatorFixture::with(
        Emulator::builder()
            .options(EmulatorOptions { revoke_by_second: true, ..EmulatorOptions::default() }),
    )
    .await;
    let id = fixture.create().await;
    // Whether the two fall into the same second depends on the clock. So the clock goes back for
    // the token, by more time than a slow machine needs.
    fixture.revoke(&id).await;
    advance(&fixture, -30).await;
    let same = fixture.issue(&id).await;
    assert_eq!(fixture.introspect(&same).await["reason"], "revoked");
    advance(&fixture, 60).await;
    let later = fixture.issue(&id).await;
    assert_eq!(fixture.introspect(&later).await["active"], true);
}

#[tokio::test]
async fn unknown_scopes_are_accepted_and_put_into_the_token() {
    let fixture =
        EmulatorFixture::with(Emulator::builder().options(EmulatorOptions {
            accept_unknown_scopes: true,
            ..EmulatorOptions::default()
        }))
        .await;
    let id = fixture.create().await;
    let reply = fixture.issue_with(&id, r#"{"scopes":["chat","pstn"]}"#).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let seen = fixture.introspect(reply.json()["token"].as_str().unwrap()).await;
    assert_eq!(seen["scopes"], json!(["chat", "pstn"]));
}

#[tokio::test]
async fn a_member_newer_than_the_api_version_is_ignored_or_refused() {
    let body = r#"{"createTokenWithScopes":["chat"],"expiresInMinutes":60}"#;
    let (old, new) = ("/identities?api-version=2022-06-01", "/identities?api-version=2022-10-01");
    let ignoring = EmulatorFixture::new().await;
    assert_eq!(ignoring.call("POST", old, body).await.status, 201);

    let refusing = EmulatorFixture::with(
        Emulator::builder()
            .options(EmulatorOptions { refuse_newer_members: true, ..EmulatorOptions::default() }),
    )
    .await;
    let (status, code, _, target) = refusal(&refusing.call("POST", old, body).await);
    assert_eq!((status, code.as_str()), (400, "ValidationError"));
    assert_eq!(target.as_deref(), Some("ExpiresInMinutes"));
    assert_eq!(refusing.call("POST", new, body).await.status, 201);
    // A null is the same as an absent member, as everywhere.
    let null = r#"{"createTokenWithScopes":["chat"],"expiresInMinutes":null}"#;
    assert_eq!(refusing.call("POST", old, null).await.status, 201);
}

#[tokio::test]
async fn revoking_and_deleting_an_unknown_identity_is_refused() {
    let fixture = EmulatorFixture::with(Emulator::builder().options(EmulatorOptions {
        refuse_unknown_identities: true,
        ..EmulatorOptions::default()
    }))
    .await;
    let id = fixture.create().await;
    assert_eq!(fixture.revoke(&id).await.status, 204);
    assert_eq!(fixture.delete(&id).await.status, 204);
    let never = format!("8:acs:{}_never-created", fixture.emulator.resource_id());
    for id in [&id, &never] {
        for reply in [fixture.revoke(id).await, fixture.delete(id).await] {
            let (status, code, ..) = refusal(&reply);
            assert_eq!((status, code.as_str()), (404, "IdentityNotFound"));
        }
    }
}
