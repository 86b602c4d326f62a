use std::sync::Arc;
use std::time::Duration;

use e2e::ServiceStack;
use serde_json::{Value, json};

use crate::flood::{BURST, Flood};
use crate::support::{GuestStack, device};

/// What a preview of a link or a scanner of mails does.
#[tokio::test]
async fn r71_nothing_but_a_post_of_a_guest_creates_an_identity_or_takes_a_place() {
    let guests = GuestStack::start().await;
    let invited = guests.invite(json!({})).await;
    let handle = &invited.handle;
    for method in ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"] {
        for path in ["/v1/guest/token", "/v1/guest/token?x=1", "/join"] {
            // A fragment is not sent: a scanner asks for the rest of the link.
            let url = format!("{}{path}#{handle}", guests.stack.url("gateway"));
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let method = method.parse().unwrap();
            let reply = client.request(method, url).send().await.unwrap();
            let status = reply.status().as_u16();
            // The page on which guests join can be read.
            let is_page = path == "/join" && [200, 405].contains(&status);
            assert!(status == 404 || is_page, "{path}: {status}");
        }
    }
    // What runs no function reads no record.
    assert_eq!(guests.stack.log("exchange-guest-pass"), "", "a function ran");
    let empty = guests.send(&json!({})).await;
    assert_eq!((empty.status, empty.problem()), (400, "invalid-body"));
    assert_ne!(guests.stack.log("exchange-guest-pass"), "", "a function that runs logs nothing");
    assert_eq!(guests.stack.requests().await.len(), 0, "ACS was asked");
    assert_eq!(guests.shown(&invited.id).await["devices"]["used"], 0);
    assert_eq!(guests.exchange(handle, &device(1)).await.status, 200);
}

#[tokio::test]
async fn r53_on_the_open_route_no_claim_header_or_member_says_who_the_guest_is() {
    let guests = GuestStack::start().await;
    let invited = guests.invite(json!({ "devices": 5 })).await;
    let first = guests.exchange(&invited.handle, &device(1)).await;
    let victim = first.body["user"]["communicationUserId"].clone();
    let alice = guests.stack.user("alice").await;
    let body = json!({ "handle": invited.handle, "device": device(2) });
    let headers = vec![
        ("authorization", format!("Bearer {alice}")),
        ("content-type", "application/json".to_owned()),
        ("x-user", device(1)),
        ("x-amzn-oidc-identity", "alice".to_owned()),
    ];
    let second = guests.stack.send("POST /v1/guest/token", headers, Some(body.to_string())).await;
    assert_eq!(second.status, 200, "{second:?}");
    assert_ne!(second.body["user"], first.body["user"]);
    let own = guests.stack.call("GET /v1/identity", &alice, Value::Null).await;
    assert_eq!(own.status, 404, "nothing of it is about the user of the bearer");
    let members =
        ["acsId", "user", "communicationUserId", "externalId", "sub", "scopes", "meeting"];
    for name in members {
        for value in [victim.clone(), json!({ "communicationUserId": victim }), json!(["voip"])] {
            let mut sent = json!({ "handle": invited.handle, "device": device(3) });
            sent[name] = value;
            let refused = guests.send(&sent).await;
            assert_eq!((refused.status, refused.problem()), (400, "invalid-body"), "{name}");
        }
    }
    assert_eq!(guests.shown(&invited.id).await["devices"]["used"], 2);
}

/// If the function of the open route were attached to another route, it would still know nothing but
/// handles: a guest gets what a guest gets, and no other caller anything.
#[tokio::test]
async fn the_function_of_the_open_route_serves_guests_alone_whatever_the_route() {
    let guests = GuestStack::without_pace().await;
    let alice = guests.stack.user("alice").await;
    let token = guests.stack.call("POST /v1/token", &alice, Value::Null).await;
    assert_eq!(token.status, 200);
    let invited = guests.invite(json!({})).await;
    let guest = guests.exchange(&invited.handle, &device(1)).await;
    let claims = json!({
        "sub": "alice", "iss": guests.stack.url("issuer"), "scope": "guestpass.token guestpass.admin",
        "role": "guestpass-admin",
    });
    let pass = json!({ "handle": invited.handle, "device": device(1) });
    for one in infra::operations() {
        let (method, path) = one.route.split_once(' ').unwrap();
        for (body, status) in [(&json!({}), 400), (&pass, 200)] {
            let event = json!({
                "version": "2.0", "routeKey": one.route, "rawPath": path, "rawQueryString": "",
                "headers": { "content-type": "application/json" },
                "pathParameters": { "id": guests.stack.address("alice") },
                "requestContext": {
                    "http": { "method": method, "path": path },
                    "authorizer": { "jwt": { "claims": claims, "scopes": [] } },
                },
                "body": body.to_string(), "isBase64Encoded": false,
            });
            let answer = guests.stack.invoke("exchange-guest-pass", &event).await;
            assert_eq!(answer["statusCode"], status, "{}: {answer}", one.route);
            if status == 200 {
                let sent: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
                assert_eq!(sent["user"], guest.body["user"], "{}", one.route);
            }
        }
    }
    assert_eq!(guests.stack.invalid_reason(&token.body["token"]).await, Value::Null);
    assert_eq!(guests.shown(&invited.id).await["devices"]["used"], 1);
}

#[tokio::test]
async fn a_body_of_the_open_route_has_two_kib_at_most() {
    let guests = GuestStack::start().await;
    let long = guests.exchange(&"x".repeat(2048), &device(1)).await;
    assert_eq!((long.status, long.problem()), (413, "body-too-large"));
}

#[tokio::test]
async fn a_text_that_is_no_handle_gets_the_answer_of_an_unknown_one() {
    let guests = GuestStack::start().await;
    let real = guests.invite(json!({})).await.handle;
    let unknown = guests.exchange(&format!("gp_{}", "A".repeat(22)), &device(1)).await;
    assert_eq!((unknown.status, unknown.problem()), (404, "invitation-unknown"));
    // The last character of a handle has two bits, so it is never a hyphen.
    let near = format!("{}-", &real[..real.len() - 1]);
    for text in ["", "gp_", "x", "../", "guest|1", " invitation x", "\u{1f642}", &near] {
        let other = guests.exchange(text, &device(1)).await;
        assert_eq!((other.status, &other.body), (unknown.status, &unknown.body), "{text:?}");
    }
    let metric = guests.stack.metric_sum("exchange-guest-pass", "InvitationsUnknown");
    assert_eq!(metric, 9);
}

/// Each route has its own throttle: a flood of guests takes nothing from the users who ask for tokens
/// at the same time. What the gateway refuses reaches no function, so nothing is read or written for
/// it, and ACS is not asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_the_open_route_is_refused_by_the_gateway_and_users_still_get_tokens() {
    let options = ["--parameter", "GuestRequestsPerSecond=1"];
    let guests = Arc::new(GuestStack::of(ServiceStack::throttled(&options).await).await);
    let invited = guests.invite(json!({})).await;
    let flood = Flood::begin(&guests);
    guests.stack.until("the burst is used up", async || flood.refused() > 0).await;
    let before = flood.refused();
    let mut users = Vec::new();
    for name in ["alice", "bob", "carol", "dave", "erin"] {
        let (guests, bearer) = (Arc::clone(&guests), guests.stack.user(name).await);
        users.push(tokio::spawn(async move {
            for _ in 0..2 {
                let reply = guests.stack.call("POST /v1/token", &bearer, Value::Null).await;
                assert_eq!(reply.status, 200, "{reply:?}");
            }
        }));
    }
    for user in users {
        user.await.unwrap();
    }
    assert!(flood.refused() > before, "the flood ended before the users had their tokens");
    let admitted = flood.end().await;
    assert!(admitted >= BURST, "{admitted} of a burst of {BURST}");
    let reads = guests.stack.metric_sum("exchange-guest-pass", "InvitationsUnknown");
    assert_eq!(reads, admitted, "the function ran for what the gateway admitted and nothing else");
    for operation in ["createIdentityWithToken", "issueAccessToken"] {
        assert_eq!(guests.stack.request_count(operation).await, 5, "{operation}");
    }
    assert_eq!(guests.stack.requests().await.len(), 10, "ACS was asked for users alone");
    assert_eq!(guests.shown(&invited.id).await["devices"]["used"], 0);
    // In time, the bucket is full again.
    guests.stack.advance(Duration::from_mins(2)).await;
    assert_eq!(guests.exchange("rubbish", &device(0)).await.status, 404);
}

#[tokio::test]
async fn a_page_whose_origin_is_allowed_can_exchange_a_handle() {
    let options = ["--parameter", "AllowedOrigins=https://app.example.com"];
    let guests = GuestStack::of(ServiceStack::with(&options).await).await;
    let invited = guests.invite(json!({})).await;
    let headers = vec![
        ("origin", "https://app.example.com".to_owned()),
        ("content-type", "application/json".to_owned()),
    ];
    let body = json!({ "handle": invited.handle, "device": device(1) }).to_string();
    let reply = guests.stack.send("POST /v1/guest/token", headers, Some(body)).await;
    let allowed = reply.header("access-control-allow-origin");
    assert_eq!((reply.status, allowed), (200, "https://app.example.com"));
}
