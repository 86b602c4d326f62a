//! R43: the key of ACS is in a secret, and its rotation needs no deployment.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use e2e::{HttpReply, ServiceStack};
use serde_json::{Value, json};

/// A user's token. The calls are sequential, so that one process answers them all.
async fn token(stack: &ServiceStack, name: &str) -> HttpReply {
    stack.call("POST /v1/token", &stack.user(name).await, Value::Null).await
}

/// A resource's connection string with a wrong key.
fn with_wrong_key(connection_string: &str) -> String {
    let (endpoint, _) = connection_string.split_once(";accesskey=").unwrap();
    format!("{endpoint};accesskey=bm90IHRoaXMgcmVzb3VyY2UncyBrZXk=")
}

#[tokio::test]
async fn r43_after_a_key_rotation_one_read_and_one_retry_are_enough() {
    let stack = ServiceStack::start().await;
    assert_eq!(token(&stack, "alice").await.status, 200);
    assert_eq!(stack.secret_reads().await, 1, "during init");
    let issued = stack.request_count("issueAccessToken").await;

    let new = stack.regenerate_key().await;
    stack.put_secret(&new).await;
    assert_eq!(token(&stack, "alice").await.status, 200);
    assert_eq!(
        stack.request_count("issueAccessToken").await,
        issued + 2,
        "refused once, and repeated"
    );
    assert_eq!(stack.secret_reads().await, 2);
    // This includes a creation: ACS has checked only the signature.
    assert_eq!(token(&stack, "bob").await.status, 200);
    assert_eq!(stack.secret_reads().await, 2, "the new key stays in use");
    assert_eq!(stack.processes("issue-access-token").await.len(), 1, "it was the same process");
}

#[tokio::test]
async fn r43_an_invalid_key_is_read_again_once_and_not_with_every_request() {
    let stack = ServiceStack::start().await;
    let right = stack.regenerate_key().await;
    stack.put_secret(&with_wrong_key(&right)).await;
    for _ in 0..5 {
        let refused = token(&stack, "alice").await;
        assert_eq!((refused.status, refused.problem()), (500, "internal"));
        assert_eq!(refused.body["retry"], "never");
    }
    assert_eq!(stack.secret_reads().await, 2, "during init, and once within 30 s");
    // A process that starts now reads the correct secret.
    stack.put_secret(&right).await;
    let created = stack.call("POST /v1/identities", &stack.admin().await, json!({})).await;
    assert_eq!(created.status, 201);
}

#[tokio::test]
async fn an_invalid_secret_stops_the_function_with_one_line_that_does_not_quote_it() {
    let stack = ServiceStack::start().await;
    for (text, expected) in [
        ("a secret canary", "invalid connection string"),
        ("{\"connectionString\": \"a secret canary\"}", "invalid name of a resource"),
        ("endpoint=https://guestpass.example/;accesskey=a secret canary", "invalid `accesskey`"),
    ] {
        stack.put_secret(text).await;
        let refused = token(&stack, "alice").await;
        // The gateway's own answer: no function has started so far.
        assert_eq!(refused.status, 500, "{refused:?}");
        let log = stack.log("issue-access-token");
        let said: Vec<_> = log.lines().filter(|line| line.contains(expected)).collect();
        assert!(!said.is_empty(), "{expected} is not in the log: {log}");
        assert!(said.iter().all(|line| line.contains(":secret:acs is not usable: ")), "{said:?}");
        assert!(!log.contains("canary"), "{log}");
    }
}
