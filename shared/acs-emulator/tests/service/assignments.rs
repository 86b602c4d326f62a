//! Tests of users who exchange their own token, and of the assignments that allow it.

use serde_json::{Value, json};

use crate::errors::assert_refused;
use crate::support::{Reply, World, refusal};

const TENANT: &str = "aaaaaaaa-0000-4000-8000-000000000000";
const USER: &str = "bbbbbbbb-0000-4000-8000-000000000000";
const APP: &str = "cccccccc-0000-4000-8000-000000000000";
const OTHER: &str = "dddddddd-0000-4000-8000-000000000000";
const STABLE: &str = "?api-version=2025-06-30";
const PREVIEW: &str = "?api-version=2025-03-02-preview";
const CLIENTS: &str = "https://communication.azure.com/clients";

fn phone() -> String {
    format!("/access/teamsExtension/tenants/{TENANT}/assignments/{USER}{STABLE}")
}

fn entra(object: &str) -> String {
    format!("/access/entra/assignments/{object}{PREVIEW}")
}

async fn put(world: &World, target: &str, body: Value) -> Reply {
    world.call("PUT", target, &body.to_string()).await
}

/// Exchanges a user's token with these claims, in a request changed by `order`.
async fn come(world: &World, access: &str, order: Value) -> Reply {
    let (aud, scp, version) = match access {
        "entra" => (CLIENTS, "VoIP Chat.Join", PREVIEW),
        _ => ("https://auth.msft.communication.azure.com", "TeamsExtension.ManageCalls", STABLE),
    };
    let mut all = json!({"tenant": TENANT, "oid": USER, "appid": APP, "aud": aud, "scp": scp});
    all.as_object_mut().unwrap().extend(order.as_object().unwrap().clone());
    let token = world.entra_token(all).await;
    let target = format!("/access/{access}/:exchangeAccessToken{version}");
    world.bear(&token, "POST", &target, "{}").await
}

fn token_of(reply: &Reply) -> String {
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()["accessToken"]["token"].as_str().unwrap().to_owned()
}

fn assert_denied(reply: &Reply) {
    assert_refused(reply, (401, "Denied", "Denied by the resource provider.", None), false);
}

#[tokio::test]
async fn a_teams_phone_assignment_is_created_replaced_shown_and_ended() {
    let world = World::new().await;
    let missing = (404, "AssignmentNotFound", "Provided assignment doesn't exist.", None);
    assert_refused(&world.call("GET", &phone(), "").await, missing, true);
    let created = put(&world, &phone(), json!({"principalType": "user"})).await;
    assert_eq!(created.status, 201);
    let expected = json!({"objectId": USER, "tenantId": TENANT, "principalType": "user"});
    assert_eq!(created.json(), expected);
    let body = json!({"principalType": "resourceAccount", "clientIds": [APP]});
    let replaced = put(&world, &phone(), body).await;
    assert_eq!(replaced.status, 200);
    let text = format!(
        r#"{{"objectId":"{USER}","tenantId":"{TENANT}","principalType":"resourceAccount","clientIds":["{APP}"]}}"#
    );
    assert_eq!(replaced.text, text);
    assert_eq!(world.call("GET", &phone(), "").await.text, text);
    for _ in 0..2 {
        let ended = world.call("DELETE", &phone(), "").await;
        assert_eq!((ended.status.as_u16(), ended.text.as_str()), (204, ""));
    }
    assert_refused(&world.call("GET", &phone(), "").await, missing, true);
}

#[tokio::test]
async fn an_assignment_that_cannot_be_meant_is_refused() {
    let world = World::new().await;
    for (target, body, expected) in [
        (phone(), json!({}), "PrincipalType"),
        (phone(), json!({"principalType": "tenant"}), "principalType"),
        (phone(), json!({"principalType": "user", "clientIds": "x"}), "ClientIds"),
        (phone(), json!({"principalType": "user", "clientIds": ["x"]}), "clientIds"),
        (entra("x"), json!({"principalType": "user", "tenantId": TENANT}), "objectId"),
        (entra(USER), json!({"principalType": "user"}), "TenantId"),
        (entra(USER), json!({"principalType": "user", "tenantId": "x"}), "tenantId"),
    ] {
        let (status, code, _, named) = refusal(&put(&world, &target, body.clone()).await);
        assert_eq!((status, code.as_str()), (400, "ValidationError"), "{body}");
        assert_eq!(named.as_deref(), Some(expected), "{body}");
    }
}

#[tokio::test]
async fn a_teams_phone_user_gets_a_token_while_assigned_and_loses_it_after() {
    let world = World::new().await;
    assert_denied(&come(&world, "teamsExtension", json!({})).await);
    put(&world, &phone(), json!({"principalType": "user"})).await;
    let reply = come(&world, "teamsExtension", json!({})).await;
    let id = format!("8:acs:{}_{TENANT}_{USER}", world.emulator.resource_id());
    assert_eq!(reply.json()["identity"], json!({ "id": id }));
    let token = token_of(&reply);
    let state = world.introspect(&token).await;
    assert_eq!((&state["active"], &state["identity"]), (&json!(true), &json!(id)));
    assert_eq!(state["scopes"], json!(["voip"]));
    world.call("DELETE", &phone(), "").await;
    assert_eq!(world.introspect(&token).await["reason"], "revoked");
    assert_denied(&come(&world, "teamsExtension", json!({})).await);
    assert_eq!(world.count("exchangeTeamsExtensionAccessToken").await, 3);
}

#[tokio::test]
async fn another_user_tenant_application_audience_or_permission_is_not_let_in() {
    let world = World::new().await;
    put(&world, &phone(), json!({"principalType": "user", "clientIds": [APP]})).await;
    token_of(&come(&world, "teamsExtension", json!({})).await);
    for order in [
        json!({"oid": OTHER}),
        json!({"tenant": OTHER}),
        json!({"appid": OTHER}),
        json!({"aud": CLIENTS}),
        json!({"scp": "Teams.ManageCalls"}),
        json!({"scp": ""}),
        json!({"expiresInSeconds": -1}),
    ] {
        assert_denied(&come(&world, "teamsExtension", order).await);
    }
    // The resource's key is not a user's own token.
    let target = format!("/access/teamsExtension/:exchangeAccessToken{STABLE}");
    assert_denied(&world.call("POST", &target, "{}").await);
}

#[tokio::test]
async fn an_entra_user_is_let_in_by_name_by_group_or_by_tenant_with_the_scopes_granted() {
    for (kind, object) in [("user", USER), ("group", OTHER), ("tenant", TENANT)] {
        let world = World::new().await;
        let order = json!({"groups": [OTHER]});
        assert_denied(&come(&world, "entra", order.clone()).await);
        let body = json!({"principalType": kind, "tenantId": TENANT, "clientIds": [APP]});
        assert_eq!(put(&world, &entra(object), body).await.status, 201);
        let reply = come(&world, "entra", order).await;
        let token = token_of(&reply);
        let id = format!("8:acs:{}_wf_{TENANT}_{USER}", world.emulator.resource_id());
        assert_eq!(reply.json()["identity"]["id"], id);
        let state = world.introspect(&token).await;
        assert_eq!(state["scopes"], json!(["chat.join", "voip"]), "{kind}");
        assert_denied(&come(&world, "entra", json!({"groups": [OTHER], "appid": OTHER})).await);
        assert_eq!(world.call("DELETE", &entra(object), "").await.status, 204);
        assert_eq!(world.introspect(&token).await["reason"], "revoked", "{kind}");
    }
}

#[tokio::test]
async fn a_patch_merges_and_removes_all_of_it_or_nothing() {
    let world = World::new().await;
    let target = format!("/access/entra/assignments{PREVIEW}");
    let patch = async |body: Value| world.call("PATCH", &target, &body.to_string()).await;
    let user = json!({"principalType": "user", "tenantId": TENANT, "clientIds": [APP]});
    assert_eq!(patch(json!({USER: user, OTHER: user})).await.status, 204);
    let changed = patch(json!({USER: {"clientIds": [OTHER]}, OTHER: null})).await;
    assert_eq!(changed.status, 204);
    assert_eq!(
        world.call("GET", &entra(USER), "").await.json(),
        json!({"objectId": USER, "tenantId": TENANT, "principalType": "user",
            "clientIds": [OTHER]})
    );
    assert_eq!(world.call("GET", &entra(OTHER), "").await.status, 404);
    let half = patch(json!({USER: null, OTHER: {"principalType": "user"}})).await;
    assert_eq!(refusal(&half).1, "ValidationError");
    assert_eq!(world.call("GET", &entra(USER), "").await.status, 200);
}

#[tokio::test]
async fn assignments_outlive_a_restart_and_not_a_reset() {
    let dir = tempfile::tempdir().unwrap();
    let start = async || World::with(World::builder().data_dir(dir.path())).await;
    let first = start().await;
    put(&first, &phone(), json!({"principalType": "user"})).await;
    let token = token_of(&come(&first, "teamsExtension", json!({})).await);
    first.stop().await;
    let second = start().await;
    assert_eq!(second.call("GET", &phone(), "").await.status, 200);
    second.call("DELETE", &phone(), "").await;
    assert_eq!(second.introspect(&token).await["reason"], "revoked");
    put(&second, &phone(), json!({"principalType": "user"})).await;
    second.control("POST", "reset", &json!({})).await;
    assert_eq!(second.call("GET", &phone(), "").await.status, 404);
}
