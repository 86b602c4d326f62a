//! Tests of regenerating access keys.

use acs_emulator::Emulator;
use serde_json::{Value, json};

use crate::support::{Draft, EmulatorFixture, V2023, refusal};

async fn regenerate(fixture: &EmulatorFixture, key_type: &str) -> Value {
    let reply = fixture.control("POST", "keys/regenerate", &json!({ "keyType": key_type })).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()
}

/// A token that was requested with `key`.
async fn token_by(fixture: &EmulatorFixture, key: &str) -> String {
    let body = r#"{"createTokenWithScopes":["chat"]}"#;
    let draft = Draft {
        key: key.to_owned(),
        ..fixture.draft("POST", &format!("/identities{V2023}"), body)
    };
    fixture.send(draft).await.json()["accessToken"]["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_regenerated_key_signs_and_the_old_one_is_denied_like_any_wrong_one() {
    let fixture = EmulatorFixture::new().await;
    let old = fixture.draft("POST", &format!("/identities{V2023}"), "");
    let told = regenerate(&fixture, "primary").await;
    assert_eq!(told["keyType"], "primary");
    assert_eq!(told["accessKey"], fixture.emulator.access_key().expose());
    assert_ne!(told["accessKey"], old.key.as_str());
    assert!(fixture.server.connection_string().ends_with(told["accessKey"].as_str().unwrap()));

    let denied = fixture.send(old).await;
    let message = "Denied by the resource provider.";
    assert_eq!(refusal(&denied), (401, "Denied".into(), message.into(), None));
    fixture.create().await;
}

#[tokio::test]
async fn tokens_of_the_regenerated_key_die_and_those_of_the_other_live() {
    let fixture = EmulatorFixture::new().await;
    let (primary, secondary) =
        (fixture.emulator.access_key(), fixture.emulator.secondary_access_key());
    let first = token_by(&fixture, primary.expose()).await;
    let second = token_by(&fixture, secondary.expose()).await;
    regenerate(&fixture, "secondary").await;
    assert_eq!(fixture.introspect(&first).await["active"], true);
    let dead = fixture.introspect(&second).await;
    assert_eq!((&dead["active"], &dead["reason"]), (&json!(false), &json!("key-regenerated")));
    assert!(dead["identity"].as_str().unwrap().starts_with("8:acs:"));
    let listed = fixture.look("identities").await;
    let live: u64 = listed["identities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|identity| identity["liveTokens"].as_u64().unwrap())
        .sum();
    assert_eq!(live, 1);
}

#[tokio::test]
async fn only_the_two_keys_of_azure_can_be_regenerated() {
    let fixture = EmulatorFixture::new().await;
    for body in
        [json!({"keyType": "tertiary"}), json!({}), json!({"keyType": "primary", "key": "x"})]
    {
        assert_eq!(fixture.control("POST", "keys/regenerate", &body).await.status, 400, "{body}");
    }
}

#[tokio::test]
async fn a_regeneration_outlives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let start = || EmulatorFixture::with(Emulator::builder().data_dir(dir.path()));
    let first = start().await;
    let old = first.draft("POST", &format!("/identities{V2023}"), "");
    let (dead, live) = (
        token_by(&first, &old.key).await,
        token_by(&first, first.emulator.secondary_access_key().expose()).await,
    );
    let new = regenerate(&first, "primary").await;
    first.stop().await;

    let second = start().await;
    assert_eq!(second.emulator.access_key().expose(), new["accessKey"].as_str().unwrap());
    assert_eq!(second.send(old).await.status, 401);
    assert_eq!(second.introspect(&dead).await["reason"], "key-regenerated");
    assert_eq!(second.introspect(&live).await["active"], true);
}

#[tokio::test]
async fn keys_given_at_a_start_end_the_tokens_of_those_kept() {
    let dir = tempfile::tempdir().unwrap();
    let first = EmulatorFixture::with(Emulator::builder().data_dir(dir.path())).await;
    let token = token_by(&first, first.emulator.access_key().expose()).await;
    first.stop().await;

    let other = Emulator::builder().build().unwrap();
    let builder = Emulator::builder().data_dir(dir.path());
    let second =
        EmulatorFixture::with(builder.keys(other.access_key(), other.secondary_access_key())).await;
    assert_eq!(second.introspect(&token).await["reason"], "key-regenerated");
}
