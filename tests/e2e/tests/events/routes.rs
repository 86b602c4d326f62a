//! The routes of the receiver, row by row: each kind of transmitter with each kind of bad request.

use std::time::Duration;

use e2e::{EVENTS, REVOKE, ServiceStack, VISIBILITY};
use harness::HttpReply;
use serde_json::{Value, json};

/// A transmitter that sends to `/v1/signals/{name}`, and what its kind answers.
struct Row {
    name: &'static str,
    media_type: &'static str,
    accepted: u64,
    /// The status of a request without, or with a wrong, authentication.
    refused: u64,
    /// The same of a request whose body or media type is wrong, without authentication.
    unreadable: u16,
    too_large: u16,
}

const RECEIVE: &str = "receive-security-event";

const SET: &str = "application/secevent+jwt";
const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// Those of the stack that sign their messages. The kinds whose sender authenticates by a header
/// answer 401 before they read the body.
const ROWS: [Row; 5] = [
    row("ssf", SET, 202, 400, (401, 401)),
    row("logout", FORM, 200, 400, (400, 413)),
    row("universal-logout", JSON, 204, 401, (401, 401)),
    row("apple", JSON, 200, 400, (400, 413)),
    row("google", SET, 202, 400, (400, 413)),
];

const fn row(
    name: &'static str,
    media_type: &'static str,
    accepted: u64,
    refused: u64,
    (unreadable, too_large): (u16, u16),
) -> Row {
    Row { name, media_type, accepted, refused, unreadable, too_large }
}

const TOO_LARGE: usize = 64 * 1024 + 1;

/// Sends a request to a path of the gateway.
fn send(stack: &ServiceStack, route: &str, headers: &[(&str, &str)], body: &str) -> HttpReply {
    harness::send(stack.url("gateway"), route, headers, body).unwrap()
}

fn has_request_id(reply: &HttpReply) -> bool {
    reply.headers.iter().any(|(name, value)| name == "x-request-id" && !value.is_empty())
}

#[tokio::test]
async fn r26_a_forged_message_of_any_kind_changes_nothing() {
    let stack = ServiceStack::start().await;
    let before = stack.call("POST /v1/token", &stack.user("alice").await, Value::Null).await;
    stack.advance(Duration::from_secs(2)).await;
    for row in ROWS {
        for forgery in
            ["bad-signature", "unsigned", "unknown-key", "wrong-issuer", "wrong-audience"]
        {
            let signal = json!({ "sub": "alice", "valid": forgery });
            let sent = stack.signal(row.name, signal).await;
            // A key that is not known may be a new one, until the keys are fetched again.
            let expected = [Some(row.refused), (forgery == "unknown-key").then_some(503)];
            let status = sent["status"].as_u64();
            assert!(expected.contains(&status), "{} {forgery}: {sent}", row.name);
        }
    }
    assert_eq!(stack.messages(EVENTS).await, [] as [Value; 0]);
    assert_eq!(stack.invalid_reason(&before.body["token"]).await, Value::Null);
}

#[tokio::test]
async fn r26_a_message_of_any_kind_that_is_sent_again_is_accepted_and_applied_once() {
    for row in ROWS {
        let stack = ServiceStack::start().await;
        stack.call("POST /v1/token", &stack.user("alice").await, Value::Null).await;
        stack.advance(Duration::from_secs(2)).await;
        let sent = stack.signal(row.name, json!({ "sub": "alice", "copies": 2 })).await;
        assert_eq!(sent["status"], row.accepted, "{}: {sent}", row.name);
        let accepted = async || stack.metric_sum(RECEIVE, "SignalsAccepted") == 2;
        stack.until("both are accepted", accepted).await;
        let applied = async || stack.metric_sum(REVOKE, "EventsApplied") == 1;
        stack.until("the first one is applied", applied).await;
        // One that came while the first one was applied is delivered again.
        stack.advance(Duration::from_secs(2) + VISIBILITY).await;
        stack.until_processed().await;
        assert_eq!(stack.metric_sum(REVOKE, "EventsApplied"), 1, "{}", row.name);
        assert_eq!(stack.request_count("revokeAccessTokens").await, 1, "{}", row.name);
    }
}

#[tokio::test]
async fn r26_a_request_without_a_message_is_refused_on_every_route() {
    let stack = ServiceStack::start().await;
    let large = "x".repeat(TOO_LARGE);
    for row in ROWS {
        let route = format!("POST /v1/signals/{}", row.name);
        for (media_type, body, status) in [
            (row.media_type, "", row.unreadable),
            (row.media_type, "x", row.unreadable),
            ("text/plain", "x", row.unreadable),
            (row.media_type, &large, row.too_large),
        ] {
            let reply = send(&stack, &route, &[("content-type", media_type)], body);
            assert_eq!(reply.status, status, "{route} {media_type} {body:.9}");
            assert!(has_request_id(&reply), "{reply:?}");
        }
        let reply =
            send(&stack, "POST /v1/signals/unknown", &[("content-type", row.media_type)], "x");
        assert_eq!((reply.status, has_request_id(&reply)), (404, true));
    }
    for (route, body) in [("POST /scim/v2/Users", "{}"), ("POST /scim/v2/Users", &large)] {
        let reply = send(&stack, route, &[("content-type", "application/scim+json")], body);
        assert_eq!((reply.status, has_request_id(&reply)), (401, true), "{route}");
    }
    assert_eq!(stack.messages(EVENTS).await, [] as [Value; 0]);
}

#[tokio::test]
async fn r26_another_method_reaches_no_transmitter() {
    let stack = ServiceStack::start().await;
    for name in ROWS.iter().map(|row| row.name).chain(["scim", "unknown"]) {
        for method in ["GET", "PUT", "PATCH", "DELETE"] {
            let reply = send(&stack, &format!("{method} /v1/signals/{name}"), &[], "");
            assert_eq!(reply.status, 404, "{method} {name}");
        }
        let origin = [("webhook-request-origin", "eventgrid.azure.net")];
        let reply = send(&stack, &format!("OPTIONS /v1/signals/{name}"), &origin, "");
        let expected = if name == "unknown" { 404 } else { 405 };
        assert_eq!((reply.status, has_request_id(&reply)), (expected, true), "{name}");
    }
    // SCIM has an address of its own.
    let reply = send(&stack, "POST /v1/signals/scim", &[("content-type", JSON)], "{}");
    assert_eq!(reply.status, 404);
    assert_eq!(send(&stack, "OPTIONS /scim/v2/Users", &[], "").status, 404);
}

#[tokio::test]
async fn r26_the_handshake_of_event_grid_is_answered_also_if_web_apps_may_call() {
    let tenant = "11111111-2222-3333-4444-555555555555";
    let transmitters = json!([{
        "name": "entra", "kind": "graph", "tenants": [tenant], "clientId": tenant,
        "tokenIssuer": "https://idp.example", "notificationUrl": format!(
            "EventGrid:?azuresubscriptionid={tenant}&resourcegroup=r&partnertopic=t&location=l"
        ),
    }]);
    let transmitters = format!("Transmitters={transmitters}");
    let origin = "https://app.example.com";
    for origins in ["AllowedOrigins=", &format!("AllowedOrigins={origin}")] {
        // The users are not those of the stack's issuer.
        let parameters = [
            "SubjectClaims=oid",
            "Authorizer=lambda",
            r#"Issuers=[{"issuer": "https://idp.example", "audiences": ["app"]}]"#,
            &transmitters,
            origins,
        ];
        let options: Vec<_> = parameters.into_iter().flat_map(|one| ["--parameter", one]).collect();
        let stack = ServiceStack::with(&options).await;
        let handshake = |from: &str| {
            let headers = [("webhook-request-origin", from)];
            send(&stack, "OPTIONS /v1/signals/entra", &headers, "")
        };
        let granted = handshake("eventgrid.azure.net");
        let allowed = granted.header("webhook-allowed-origin");
        assert_eq!((granted.status, allowed), (200, "eventgrid.azure.net"), "{granted:?}");
        assert_eq!(handshake("other.example").status, 403);
    }
}
