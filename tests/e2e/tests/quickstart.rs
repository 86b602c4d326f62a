//! The steps of the Azure quickstart, with our API: tokens are valid and end as they should.

use e2e::{ServiceStack, in_a_path};
use serde_json::{Value, json};

#[tokio::test]
async fn an_identity_is_created_and_gets_a_token() {
    let (stack, admin) = start().await;
    let created = stack.call("POST /v1/identities", &admin, json!({})).await;
    assert_eq!(created.status, 201);
    let id = created.body["user"]["communicationUserId"].as_str().unwrap();
    let asked = json!({ "scopes": ["chat", "voip"] });
    let issued = stack.call(&format!("POST /v1/identities/{id}/token"), &admin, asked).await;
    assert_eq!(issued.status, 200);
    assert_eq!(stack.invalid_reason(&issued.body["token"]).await, Value::Null);
    assert_eq!(stack.request_count("createIdentity").await, 1);
    assert_eq!(stack.request_count("issueAccessToken").await, 1);
}

#[tokio::test]
async fn an_identity_and_its_token_are_created_in_one_request() {
    let (stack, admin) = start().await;
    let asked = json!({ "token": { "scopes": ["voip"], "expiresInMinutes": 120 } });
    let created = stack.call("POST /v1/identities", &admin, asked).await;
    assert_eq!(created.status, 201);
    let token = &created.body["accessToken"];
    assert_eq!(stack.invalid_reason(&token["token"]).await, Value::Null);
    assert!((7190..=7200).contains(&token["expiresIn"].as_i64().unwrap()), "{token}");
    assert_eq!(stack.request_count("createIdentityWithToken").await, 1);
    assert_eq!(stack.request_count("issueAccessToken").await, 0);
}

#[tokio::test]
async fn a_token_is_refreshed_before_and_after_it_expired() {
    let (stack, _) = start().await;
    let alice = stack.user("alice").await;
    let first = stack.call("POST /v1/token", &alice, Value::Null).await;
    let early = stack.call("POST /v1/token", &alice, Value::Null).await;
    assert_eq!(
        stack.invalid_reason(&first.body["token"]).await,
        Value::Null,
        "a refresh ends no token"
    );
    stack.emulator("POST clock", json!({ "advanceSeconds": 8 * 3600 + 1 })).await;
    assert_eq!(stack.invalid_reason(&early.body["token"]).await, "expired");
    let late = stack.call("POST /v1/token", &alice, Value::Null).await;
    assert_eq!(stack.invalid_reason(&late.body["token"]).await, Value::Null);
    assert_eq!(late.body["user"], first.body["user"], "the identity stays");
}

#[tokio::test]
async fn a_revocation_ends_every_token_and_the_next_token_is_valid() {
    let (stack, admin) = start().await;
    let alice = stack.user("alice").await;
    let first = stack.call("POST /v1/token", &alice, Value::Null).await;
    let second = stack.call("POST /v1/token", &alice, Value::Null).await;
    let signed_out = stack.call("DELETE /v1/token", &alice, Value::Null).await;
    assert_eq!(signed_out.status, 200);
    for token in [&first, &second] {
        assert_eq!(stack.invalid_reason(&token.body["token"]).await, "revoked");
    }
    let alice = stack.signed_in_anew("alice").await;
    let third = stack.call("POST /v1/token", &alice, Value::Null).await;
    assert_eq!(stack.invalid_reason(&third.body["token"]).await, Value::Null);
    let id = third.body["user"]["communicationUserId"].as_str().unwrap();
    let revoke = format!("POST /v1/identities/{id}/revoke");
    let receipt = stack.call(&revoke, &admin, Value::Null).await;
    assert_eq!(receipt.body["identity"], id);
    assert!(receipt.body["effectiveBy"].as_str() > receipt.body["revokedAt"].as_str());
    assert_eq!(stack.invalid_reason(&third.body["token"]).await, "revoked");
}

#[tokio::test]
async fn a_block_ends_every_token_and_prevents_new_ones() {
    let (stack, admin) = start().await;
    let alice = stack.user("alice").await;
    let token = stack.call("POST /v1/token", &alice, Value::Null).await;
    let id = token.body["user"]["communicationUserId"].as_str().unwrap();
    let block = format!("POST /v1/identities/{id}/revoke");
    let receipt = stack.call(&block, &admin, json!({ "block": true })).await;
    assert_eq!((receipt.status, &receipt.body["blocked"]), (200, &json!(true)));
    assert_eq!(stack.invalid_reason(&token.body["token"]).await, "revoked");
    let refused = stack.call("POST /v1/token", &alice, Value::Null).await;
    assert_eq!((refused.status, refused.problem()), (403, "user-blocked"));
    assert_eq!(refused.body["retry"], "never");
    let alice = stack.signed_in_anew("alice").await;
    let deleted = stack.call("DELETE /v1/identity", &alice, Value::Null).await;
    assert_eq!(deleted.status, 204);
    let refused = stack.call("POST /v1/token", &alice, Value::Null).await;
    assert_eq!(refused.problem(), "user-blocked", "deleting the account does not end the block");
}

#[tokio::test]
async fn r07_a_deletion_ends_every_token_and_can_be_repeated() {
    let (stack, admin) = start().await;
    let alice = stack.user("alice").await;
    let token = stack.call("POST /v1/token", &alice, Value::Null).await;
    let id = token.body["user"]["communicationUserId"].as_str().unwrap();
    for _ in 0..2 {
        let deleted = stack.call(&format!("DELETE /v1/identities/{id}"), &admin, Value::Null).await;
        assert_eq!(deleted.status, 204);
    }
    assert_eq!(stack.invalid_reason(&token.body["token"]).await, "identity-deleted");
    assert_eq!(stack.call("GET /v1/identity", &alice, Value::Null).await.status, 404);
    let identities = stack.emulator("GET identities", Value::Null).await;
    assert_eq!(identities["identities"], json!([]));
    let alice = stack.signed_in_anew("alice").await;
    let fresh = stack.call("POST /v1/token", &alice, Value::Null).await;
    assert_ne!(fresh.body["user"]["communicationUserId"], id, "a fresh start");
}

#[tokio::test]
async fn the_inventory_shows_what_acs_cannot_list() {
    let (stack, admin) = start().await;
    for name in ["alice", "bob", "carol"] {
        let bearer = stack.user(name).await;
        stack.call("POST /v1/token", &bearer, Value::Null).await;
    }
    let listed = stack.call("GET /v1/identities?state=active", &admin, Value::Null).await;
    let identities = listed.body["identities"].as_array().unwrap();
    assert_eq!(identities.len(), 3);
    let mut one = identities.first().unwrap().clone();
    // The list omits the receipts, because it has many identities, and the resource.
    one["resource"] = json!("main");
    one["receipts"] = json!([]);
    one["decisions"] = json!([]);
    let id = one["user"]["communicationUserId"].as_str().unwrap();
    let got = stack.call(&format!("GET /v1/identities/{id}"), &admin, Value::Null).await;
    assert_eq!(got.body, one);
    let name = in_a_path(one["externalId"].as_str().unwrap());
    let got = stack.call(&format!("GET /v1/identities/{name}"), &admin, Value::Null).await;
    assert_eq!(got.body, one, "by its external id, too");
}

async fn start() -> (ServiceStack, String) {
    let stack = ServiceStack::start().await;
    let admin = stack.admin().await;
    (stack, admin)
}
