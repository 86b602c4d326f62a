//! Tests of what only 2025-03-02-preview had: custom ids, and getting an identity.

use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::errors::assert_refused;
use crate::support::{Reply, V2023, World, refusal};

const PREVIEW: &str = "?api-version=2025-03-02-preview";

async fn create(world: &World, body: &str) -> Reply {
    let reply = world.call("POST", &format!("/identities{PREVIEW}"), body).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    reply
}

#[tokio::test]
async fn a_custom_id_gives_the_same_identity_and_201_both_times() {
    let world = World::new().await;
    let first = create(&world, r#"{"customId":"bob@contoso.com"}"#).await;
    let id = first.json()["identity"]["id"].as_str().unwrap().to_owned();
    let text = format!(r#"{{"identity":{{"customId":"bob@contoso.com","id":"{id}"}}}}"#);
    assert_eq!(first.text, text);
    assert_eq!(create(&world, r#"{"customId":"bob@contoso.com"}"#).await.text, text);
    let other = create(&world, r#"{"customId":"alice@contoso.com"}"#).await;
    assert_ne!(other.json()["identity"]["id"], id.as_str());
}

#[tokio::test]
async fn an_identity_tells_when_it_last_got_a_token_in_whole_seconds() {
    let world = World::new().await;
    let body = r#"{"customId":"alice","createTokenWithScopes":["chat"]}"#;
    let created = create(&world, body).await;
    assert!(created.json()["accessToken"]["token"].is_string());
    let identity = &created.json()["identity"];
    let (id, at) = (identity["id"].as_str().unwrap(), identity["lastTokenIssuedAt"].as_str());
    let at = at.unwrap();
    assert!(at.ends_with("+00:00") && !at.contains('.'), "{at}");
    OffsetDateTime::parse(at, &Rfc3339).unwrap();
    let text = format!(r#"{{"customId":"alice","lastTokenIssuedAt":"{at}","id":"{id}"}}"#);
    let shown = world.call("GET", &format!("/identities/{id}{PREVIEW}"), "").await;
    assert_eq!((shown.status.as_u16(), shown.text.as_str()), (200, text.as_str()));
    assert_eq!(shown.header("accept-ranges"), Some("bytes"));
    // Again without scopes: the response has the earlier token's time.
    let again = create(&world, r#"{"customId":"alice"}"#).await;
    assert_eq!(again.text, format!(r#"{{"identity":{text}}}"#));
}

#[tokio::test]
async fn an_identity_without_custom_id_and_token_tells_its_id_alone() {
    let world = World::new().await;
    let id = world.create().await;
    let shown = world.call("GET", &format!("/identities/{id}{PREVIEW}"), "").await;
    assert_eq!(shown.text, format!(r#"{{"id":"{id}"}}"#));
}

#[tokio::test]
async fn a_custom_id_has_1_to_256_characters() {
    let world = World::new().await;
    for (length, status) in [(0, 400), (1, 201), (256, 201), (257, 400)] {
        let body = json!({"customId": "ü".repeat(length)}).to_string();
        let reply = world.call("POST", &format!("/identities{PREVIEW}"), &body).await;
        assert_eq!(reply.status, status, "{length}");
        if status == 400 {
            assert_eq!(refusal(&reply).3.as_deref(), Some("customId"));
        }
    }
}

#[tokio::test]
async fn other_versions_ignore_a_custom_id() {
    let world = World::new().await;
    let target = format!("/identities{V2023}");
    let make = async || world.call("POST", &target, r#"{"customId":"bob"}"#).await;
    let (first, second) = (make().await, make().await);
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 201));
    assert_ne!(first.text, second.text);
    assert!(!first.text.contains("customId"), "{}", first.text);
}

#[tokio::test]
async fn a_deleted_identity_is_not_shown_and_its_custom_id_is_free() {
    let world = World::new().await;
    let first = create(&world, r#"{"customId":"bob"}"#).await.json();
    let id = first["identity"]["id"].as_str().unwrap();
    world.delete(id).await;
    let gone = (404, "IdentityNotFound", "Provided identity doesn't exist.", None);
    let shown = world.call("GET", &format!("/identities/{id}{PREVIEW}"), "").await;
    assert_refused(&shown, gone, true);
    let second = create(&world, r#"{"customId":"bob"}"#).await.json();
    assert_ne!(second["identity"]["id"], id);
}

#[tokio::test]
async fn custom_ids_outlive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let start = async || World::with(World::builder().data_dir(dir.path())).await;
    let body = r#"{"customId":"bob","createTokenWithScopes":["chat"]}"#;
    let world = start().await;
    let first = create(&world, body).await.json()["identity"].clone();
    world.stop().await;
    let world = start().await;
    assert_eq!(create(&world, r#"{"customId":"bob"}"#).await.json()["identity"], first);
}
