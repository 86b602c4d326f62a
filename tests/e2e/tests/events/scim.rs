//! A provider provisions users over SCIM: whom it deactivates or deletes gets no token.

use std::time::Duration;

use e2e::{HttpReply, ServiceStack};
use serde_json::{Value, json};

/// The provider of the local stack.
pub(super) struct ScimProvider<'a> {
    stack: &'a ServiceStack,
    url: String,
    token: String,
    client: reqwest::Client,
}

impl<'a> ScimProvider<'a> {
    pub(super) fn of(stack: &'a ServiceStack) -> Self {
        let is_scim = |number: &u32| stack.url(&format!("/transmitters/{number}/kind")) == "scim";
        let number = (0..64).find(is_scim).unwrap();
        let text = |name| stack.url(&format!("/transmitters/{number}/{name}")).to_owned();
        let (url, token) = (text("url"), text("token"));
        stack.keep_secret(&token.clone().into());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { stack, url, token, client }
    }

    /// Sends a request with this bearer, and returns the status and the body.
    pub(super) async fn send_as(&self, bearer: &str, route: &str, body: Value) -> (u16, Value) {
        let (method, path) = route.split_once(' ').unwrap();
        let url = format!("{}/{path}", self.url);
        let request = self
            .client
            .request(method.parse().unwrap(), url)
            .header("authorization", format!("Bearer {bearer}"))
            .header("content-type", "application/scim+json; charset=utf-8");
        let request = if body.is_null() { request } else { request.body(body.to_string()) };
        let reply = request.send().await.unwrap();
        let status = reply.status().as_u16();
        let text = reply.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    /// Sends a request, and waits until its events are applied.
    pub(super) async fn send(&self, route: &str, body: Value) -> (u16, Value) {
        let reply = self.send_as(&self.token, route, body).await;
        self.stack.until_processed().await;
        reply
    }

    /// Sets `active` in the spelling of Entra.
    pub(super) async fn set_active(&self, id: &str, active: &str) {
        let operation = json!({ "op": "Replace", "path": "active", "value": active });
        let schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
        let body = json!({ "schemas": [schema], "Operations": [operation] });
        let (status, user) = self.send(&format!("PATCH Users/{id}"), body).await;
        assert_eq!(status, 200, "{user}");
    }
}

async fn token(stack: &ServiceStack, bearer: &str) -> HttpReply {
    stack.call("POST /v1/token", bearer, Value::Null).await
}

#[tokio::test]
async fn a_deactivated_user_loses_their_token_and_gets_one_again_after_their_activation() {
    let stack = ServiceStack::start().await;
    let provider = ScimProvider::of(&stack);
    let bearer = stack.user("alice").await;
    let before = token(&stack, &bearer).await;
    assert_eq!(stack.invalid_reason(&before.body["token"]).await, Value::Null);
    let alice = json!({ "userName": "alice", "externalId": "o-1", "active": true });
    let (status, user) = provider.send("POST Users", alice).await;
    assert_eq!(status, 201, "{user}");
    let id = user["id"].as_str().unwrap();

    provider.set_active(id, "False").await;
    assert_eq!(stack.invalid_reason(&before.body["token"]).await, "revoked");
    let new_bearer = stack.signed_in_anew("alice").await;
    for blocked in [&bearer, &new_bearer] {
        assert_eq!(token(&stack, blocked).await.problem(), "user-blocked");
    }

    stack.advance(Duration::from_secs(2)).await;
    provider.set_active(id, "True").await;
    assert_eq!(token(&stack, &bearer).await.status, 401, "it is from before the deactivation");
    let again = token(&stack, &stack.signed_in_anew("alice").await).await;
    assert_eq!(stack.invalid_reason(&again.body["token"]).await, Value::Null);

    assert_eq!(provider.send(&format!("DELETE Users/{id}"), Value::Null).await.0, 204);
    assert_ne!(stack.invalid_reason(&again.body["token"]).await, Value::Null);
    assert_eq!(provider.send(&format!("GET Users/{id}"), Value::Null).await.0, 404);
}

#[tokio::test]
async fn r26_scim_needs_its_token_before_it_reads_anything() {
    let stack = ServiceStack::start().await;
    let provider = ScimProvider::of(&stack);
    let bearer = stack.user("alice").await;
    for wrong in ["", "wrong-token-of-enough-length", &bearer] {
        let (status, error) = provider.send_as(wrong, "POST Users", json!(["no object"])).await;
        assert_eq!((status, &error["status"]), (401, &json!("401")), "{error}");
    }
    assert_eq!(provider.send("GET Groups", Value::Null).await.0, 404);
}
