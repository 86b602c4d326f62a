//! Tests of users who exchange their own token, and of the assignments that allow it.

use serde_json::{Value, json};

use crate::errors::assert_refused;
use crate::support::{EmulatorFixture, ServiceReply, refusal};

const TENANT: &str = "aaaaaaaa-0000-4000-8000-000000000000";
const USER: &str = "bbbbbbbb-0000-4000-8000-000000000000";
const APP: &str = "cccccccc-0000-4000-8000-000000000000";
const OTHER: &str = "dddddddd-0000-4000-8000-000000000000";
const STABLE: &str = "?api-version=2025-06-30";

fn phone() -> String {
    format!("/access/teamsExtension/tenants/{TENANT}/assignments/{USER}{STABLE}")
}

async fn put(fixture: &EmulatorFixture, target: &str, body: Value) -> ServiceReply {
    fixture.call("PUT", target, &body.to_string()).await
}

/// Exchanges a user's token with these claims.
async fn exchange(fixture: &EmulatorFixture, changed: Value) -> ServiceReply {
    let mut claims = json!({"tenant": TENANT, "oid": USER, "appid": APP,
        "aud": "https://auth.msft.communication.azure.com", "scp": "TeamsExtension.ManageCalls"});
    claims.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
    let token = fixture.entra_token(claims).await;
    fixture
        .bear(&token, "POST", &format!("/access/teamsExtension/:exchangeAccessToken{STABLE}"), "{}")
        .await
}

fn token_of(reply: &ServiceReply) -> String {
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()["accessToken"]["token"].as_str().unwrap().to_owned()
}

fn assert_denied(reply: &ServiceReply) {
    assert_refused(reply, (401, "Denied", "Denied by the resource provider.", None), false);
}

#[tokio::test]
async fn a_teams_phone_assignment_is_created_replaced_shown_and_ended() {
    let fixture = EmulatorFixture::new().await;
    let missing = (404, "AssignmentNotFound", "Provided assignment doesn't exist.", None);
    assert_refused(&fixture.call("GET", &phone(), "").await, missing, true);
    let created = put(&fixture, &phone(), json!({"principalType": "user"})).await;
    assert_eq!(created.status, 201);
    let expected = json!({"objectId": USER, "tenantId": TENANT, "principalType": "user"});
    assert_eq!(created.json(), expected);
    let body = json!({"principalType": "resourceAccount", "clientIds": [APP]});
    let replaced = put(&fixture, &phone(), body).await;
    assert_eq!(replaced.status, 200);
    let text = format!(
        r#"{{"objectId":"{USER}","tenantId":"{TENANT}","principalType":"resourceAccount","clientIds":["{APP}"]}}"#
    );
    assert_eq!(replaced.text, text);
    assert_eq!(fixture.call("GET", &phone(), "").await.text, text);
    for _ in 0..2 {
        let ended = fixture.call("DELETE", &phone(), "").await;
        assert_eq!((ended.status.as_u16(), ended.text.as_str()), (204, ""));
    }
    assert_refused(&fixture.call("GET", &phone(), "").await, missing, true);
}

#[tokio::test]
async fn every_spelling_of_a_kind_is_accepted_and_returned_as_it_was_sent() {
    let fixture = EmulatorFixture::new().await;
    for spelled in ["resourceAccount", "teamsResourceAccount", "User", "user"] {
        let put = put(&fixture, &phone(), json!({"principalType": spelled})).await;
        assert_eq!(put.json()["principalType"], spelled);
        let found = fixture.call("GET", &phone(), "").await;
        assert_eq!(found.json()["principalType"], spelled);
    }
}

#[tokio::test]
async fn an_invalid_assignment_is_refused() {
    let fixture = EmulatorFixture::new().await;
    for (target, body, expected) in [
        (phone(), json!({}), "PrincipalType"),
        (phone(), json!({"principalType": "tenant"}), "principalType"),
        (phone(), json!({"principalType": "user", "clientIds": "x"}), "ClientIds"),
        (phone(), json!({"principalType": "user", "clientIds": ["x"]}), "clientIds"),
        (phone().replace(USER, "x"), json!({"principalType": "user"}), "objectId"),
        (phone().replace(TENANT, "x"), json!({"principalType": "user"}), "tenantId"),
    ] {
        let (status, code, _, named) = refusal(&put(&fixture, &target, body.clone()).await);
        assert_eq!((status, code.as_str()), (400, "ValidationError"), "{body}");
        assert_eq!(named.as_deref(), Some(expected), "{body}");
    }
}

#[tokio::test]
async fn a_teams_phone_user_gets_a_token_while_assigned_and_loses_it_after() {
    let fixture = EmulatorFixture::new().await;
    assert_denied(&exchange(&fixture, json!({})).await);
    put(&fixture, &phone(), json!({"principalType": "user"})).await;
    let reply = exchange(&fixture, json!({})).await;
    let id = format!("8:acs:{}_{TENANT}_{USER}", fixture.emulator.resource_id());
    assert_eq!(reply.json()["identity"], json!({ "id": id }));
    let token = token_of(&reply);
    let state = fixture.introspect(&token).await;
    assert_eq!((&state["active"], &state["identity"]), (&json!(true), &json!(id)));
    assert_eq!(state["scopes"], json!(["voip"]));
    fixture.call("DELETE", &phone(), "").await;
    assert_eq!(fixture.introspect(&token).await["reason"], "revoked");
    assert_denied(&exchange(&fixture, json!({})).await);
    assert_eq!(fixture.count("exchangeTeamsExtensionAccessToken").await, 3);
}

#[tokio::test]
async fn another_user_tenant_application_audience_or_permission_is_denied() {
    let fixture = EmulatorFixture::new().await;
    put(&fixture, &phone(), json!({"principalType": "user", "clientIds": [APP]})).await;
    token_of(&exchange(&fixture, json!({})).await);
    for order in [
        json!({"oid": OTHER}),
        json!({"tenant": OTHER}),
        json!({"appid": OTHER}),
        json!({"aud": "https://communication.azure.com/clients"}),
        json!({"scp": "Teams.ManageCalls"}),
        json!({"scp": ""}),
        json!({"expiresInSeconds": -1}),
    ] {
        assert_denied(&exchange(&fixture, order).await);
    }
    // The resource's key is not a user's own token.
    let target = format!("/access/teamsExtension/:exchangeAccessToken{STABLE}");
    assert_denied(&fixture.call("POST", &target, "{}").await);
}

#[tokio::test]
async fn assignments_outlive_a_restart_and_not_a_reset() {
    let dir = tempfile::tempdir().unwrap();
    let start =
        async || EmulatorFixture::with(EmulatorFixture::builder().data_dir(dir.path())).await;
    let first = start().await;
    put(&first, &phone(), json!({"principalType": "user"})).await;
    let token = token_of(&exchange(&first, json!({})).await);
    first.stop().await;
    let second = start().await;
    assert_eq!(second.call("GET", &phone(), "").await.status, 200);
    second.call("DELETE", &phone(), "").await;
    assert_eq!(second.introspect(&token).await["reason"], "revoked");
    put(&second, &phone(), json!({"principalType": "user"})).await;
    second.control("POST", "reset", &json!({})).await;
    assert_eq!(second.call("GET", &phone(), "").await.status, 404);
}
