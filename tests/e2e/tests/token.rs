//! Tests of the token endpoint, including the first call of a user.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use e2e::ServiceStack;
use serde_json::{Value, json};

#[tokio::test]
async fn every_call_returns_a_token_also_the_first_one_of_a_user() {
    let stack = ServiceStack::start().await;
    let alice = stack.user("alice").await;
    for route in ["GET /v1/token", "POST /v1/token"] {
        let reply = stack.call(route, &alice, Value::Null).await;
        assert_eq!(reply.status, 200);
        assert_eq!(stack.invalid_reason(&reply.body["token"]).await, Value::Null);
        let fields: Vec<&String> = reply.body.as_object().unwrap().keys().collect();
        assert_eq!(
            fields,
            ["expiresIn", "expiresOn", "expiresOnTimestamp", "refreshAfter", "token", "user"]
        );
    }
    // One round trip for the first call, one for the second.
    let requests = stack.requests().await;
    let operations: Vec<&Value> = requests.iter().map(|request| &request["operation"]).collect();
    assert_eq!(operations, ["createIdentityWithToken", "issueAccessToken"]);
}

// With the machine's time in the lines, they come a hundred days before the request that
// wrote them.
#[tokio::test]
async fn the_log_uses_the_clock_of_the_records() {
    let stack = ServiceStack::start().await;
    stack.advance(Duration::from_hours(2400)).await;
    let now = stack.seconds_from_now(0).await;
    let first = stack.call("POST /v1/token", &stack.user("alice").await, Value::Null).await;
    assert_eq!(first.status, 200);
    let log = stack.log("issue-access-token");
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let times: Vec<_> =
        lines.filter_map(|line| Some(line["timestamp"].as_str()?.to_owned())).collect();
    assert!(
        times.len() >= 2 && times.iter().all(|time| time.as_str() >= now.trim_end_matches('Z')),
        "{now}: {times:?}"
    );
}

#[tokio::test]
async fn r11_acs_gets_exactly_the_requested_scopes_and_lifetime() {
    let stack = ServiceStack::start().await;
    let alice = stack.user("alice").await;
    let asked = json!({ "scopes": ["voip", "chat"], "expiresInMinutes": 61 });
    let narrow = json!({ "scopes": ["chat"] });
    for (body, scopes, minutes) in [
        // The default of 480 minutes is up to a quarter shorter, depending on the user.
        (Value::Null, json!(["chat", "voip"]), 360..=480),
        (asked, json!(["chat", "voip"]), 61..=61),
        (narrow, json!(["chat"]), 360..=480),
    ] {
        assert_eq!(stack.call("POST /v1/token", &alice, body).await.status, 200);
        let last = stack.requests().await.pop().unwrap();
        assert_eq!(last["scopes"], scopes);
        assert!(minutes.contains(&last["expiresInMinutes"].as_u64().unwrap()), "{last}");
    }
}

// With answers kept for replay, the second token would be the first one.
#[tokio::test]
async fn r16_the_same_request_twice_returns_two_valid_tokens_of_one_identity() {
    let stack = ServiceStack::start().await;
    let headers = vec![
        ("authorization", format!("Bearer {}", stack.user("alice").await)),
        ("idempotency-key", "8e03978e-40d5-43e8-bc93-6894a57f9324".to_owned()),
        ("x-request-id", "the-same".to_owned()),
    ];
    let first = stack.send("POST /v1/token", headers.clone(), None).await;
    let second = stack.send("POST /v1/token", headers, None).await;
    assert_eq!((first.status, second.status), (200, 200));
    assert_eq!(first.body["user"], second.body["user"]);
    assert_ne!(first.body["token"], second.body["token"]);
    for reply in [first, second] {
        assert_eq!(stack.invalid_reason(&reply.body["token"]).await, Value::Null);
    }
    let known = stack.emulator("GET identities", Value::Null).await;
    assert_eq!(known["identities"].as_array().map(Vec::len), Some(1));
}

// What it asserts is in the stack: when it is dropped, every file is searched.
#[tokio::test]
async fn r50_a_stack_writes_no_secret_into_its_data() {
    let stack = ServiceStack::on_disk().await;
    let alice = stack.user("alice").await;
    let token = stack.call("POST /v1/token", &alice, Value::Null).await;
    stack.send_event("user.disabled", "alice", 1).await;
    stack.until_processed().await;
    assert_eq!(stack.invalid_reason(&token.body["token"]).await, "revoked");
    let reason = json!({ "block": true, "reason": "lost phone" });
    let route = format!("POST /v1/identities/{}/revoke", stack.address("alice"));
    assert_eq!(stack.call(&route, &stack.admin().await, reason).await.status, 200);
}

#[tokio::test]
async fn the_parameter_policy_decides_the_scopes_of_a_token() {
    let policy = json!({
        "rules": [{ "if": { "role": "guest" }, "scopes": ["voip.join", "chat.join.limited"] }],
    });
    let stack = ServiceStack::with(&["--parameter", &format!("Policy={policy}")]).await;
    let form = [("sub", "guest"), ("scope", "guestpass.token"), ("role", "guest")];
    let guest = stack.bearer_with(&form).await;
    let given = stack.call("POST /v1/token", &guest, Value::Null).await;
    let introspected = stack.emulator("POST introspect", json!({ "token": given.body["token"] }));
    assert_eq!(introspected.await["scopes"], json!(["chat.join.limited", "voip.join"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn r02_two_hundred_first_calls_make_one_identity() {
    // All calls are for one user: with the default pace most would be told to retry later.
    let stack = Arc::new(ServiceStack::with(&["--parameter", "PacePerMinute=0"]).await);
    let alice = stack.user("alice").await;
    let calls: Vec<_> = (0..200)
        .map(|_| {
            let (stack, alice) = (stack.clone(), alice.clone());
            tokio::spawn(async move {
                let mut late = 0;
                let deadline = Instant::now() + Duration::from_mins(2);
                // A 409 has `Retry-After`; a test need not wait that long.
                loop {
                    let reply = stack.call("POST /v1/token", &alice, Value::Null).await;
                    if reply.status == 200 {
                        return (reply.body, late);
                    }
                    // Sixteen processes start at once, and on a slow machine the table may answer
                    // late.
                    let why = (reply.status, reply.problem());
                    assert!([(409, "busy"), (503, "unavailable")].contains(&why), "{reply:?}");
                    assert!(!reply.header("retry-after").is_empty());
                    late += u32::from(why.0 == 503);
                    assert!(Instant::now() < deadline, "no retry gets a token");
                }
            })
        })
        .collect();
    let mut users = BTreeSet::new();
    let mut late = 0;
    for call in calls {
        let (body, times) = call.await.unwrap();
        late += times;
        assert_eq!(stack.invalid_reason(&body["token"]).await, Value::Null);
        users.insert(body["user"]["communicationUserId"].as_str().unwrap().to_owned());
    }
    assert!(late < 200, "most get an error because another request is pending: {late}");
    assert_eq!(users.len(), 1);
    assert_eq!(stack.request_count("createIdentityWithToken").await, 1);
    assert!(stack.processes("issue-access-token").await.len() > 1, "several processes");
}
