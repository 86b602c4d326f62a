//! Several ACS resources: each call goes to the resource of the record, and to no other.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use e2e::ServiceStack;
use serde_json::{Value, json};

const NAMES: [&str; 3] = ["main", "r2", "r3"];

fn address<'a>(stack: &'a ServiceStack, resource: &str) -> &'a str {
    match resource {
        "main" => stack.url("/acs/http"),
        other => stack.url(match other {
            "r2" => "/acs/others/r2",
            _ => "/acs/others/r3",
        }),
    }
}

/// The identities of each resource.
async fn identities(stack: &ServiceStack) -> BTreeMap<&'static str, BTreeSet<String>> {
    let mut all = BTreeMap::new();
    for name in NAMES {
        let known = stack.emulator_at(address(stack, name), "GET identities", Value::Null).await;
        let known = known["identities"].as_array().unwrap().iter();
        all.insert(name, known.map(|one| one["id"].as_str().unwrap().to_owned()).collect());
    }
    all
}

/// The operations that each resource was asked for, except those for connections.
async fn operations(stack: &ServiceStack) -> BTreeMap<&'static str, Vec<String>> {
    let mut all = BTreeMap::new();
    for name in NAMES {
        let ledger = stack.emulator_at(address(stack, name), "GET requests", Value::Null).await;
        let requests = ledger["requests"].as_array().unwrap().iter();
        let operations = requests.map(|one| one["operation"].as_str().unwrap().to_owned());
        all.insert(name, operations.filter(|one| one != "badRoute").collect());
    }
    all
}

async fn token(stack: &ServiceStack, user: &str) -> String {
    let reply = stack.call("POST /v1/token", &stack.user(user).await, Value::Null).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.body["user"]["communicationUserId"].as_str().unwrap().to_owned()
}

/// The resource that has the identity.
async fn resource_of(stack: &ServiceStack, id: &str) -> &'static str {
    let all = identities(stack).await;
    let found: Vec<_> = all.iter().filter(|(_, ids)| ids.contains(id)).collect();
    assert_eq!(found.len(), 1, "{id}: {all:?}");
    found[0].0
}

#[tokio::test]
async fn r81_every_route_asks_only_the_resource_of_the_users_record() {
    let stack = ServiceStack::with(&["--resources", "3"]).await;
    let admin = stack.admin().await;
    let mut asked = BTreeSet::new();
    for number in 0..9 {
        let user = format!("user-{number}");
        let id = token(&stack, &user).await;
        let own = resource_of(&stack, &id).await;
        asked.insert(own);
        let before = operations(&stack).await;
        assert_eq!(token(&stack, &user).await, id);
        let bearer = stack.user(&user).await;
        assert_eq!(stack.call("DELETE /v1/token", &bearer, Value::Null).await.status, 200);
        let external_id = format!("{}|{user}", stack.url("issuer"));
        let known = json!({ "externalId": external_id, "token": { "scopes": ["voip"] } });
        let known = stack.call("POST /v1/identities", &admin, known).await;
        assert_eq!((known.status, &known.body["user"]["communicationUserId"]), (200, &json!(id)));
        let revoke = format!("POST /v1/identities/{id}/revoke");
        assert_eq!(stack.call(&revoke, &admin, json!({})).await.status, 200);
        let issue = format!("POST /v1/identities/{id}/token");
        assert_eq!(stack.call(&issue, &admin, json!({ "scopes": ["chat"] })).await.status, 200);
        let (delete, bearer) = if number % 2 == 0 {
            (format!("DELETE /v1/identities/{id}"), admin.clone())
        } else {
            ("DELETE /v1/identity".to_owned(), stack.signed_in_anew(&user).await)
        };
        assert!(stack.call(&delete, &bearer, Value::Null).await.is_success());
        let after = operations(&stack).await;
        for name in NAMES {
            let new = &after[name][before[name].len()..];
            let (issue, revoke) = ("issueAccessToken", "revokeAccessTokens");
            let all = [issue, revoke, issue, revoke, issue, "deleteIdentity"];
            let expected: &[&str] = if name == own { &all } else { &[] };
            assert_eq!(new, expected, "{user} of {own}: {name}");
        }
    }
    assert!(asked.len() > 1, "{asked:?}");
}

#[tokio::test]
async fn r81_events_and_the_cleanup_ask_only_the_resource_of_the_users_record() {
    let stack = ServiceStack::with(&["--resources", "3"]).await;
    for number in 0..8 {
        token(&stack, &format!("user-{number}")).await;
    }
    let before = identities(&stack).await;
    for number in 0..4 {
        stack.send_event("user.disabled", &format!("user-{number}"), 0).await;
    }
    stack.until_processed().await;
    let revoked = |all: &BTreeMap<&str, Vec<String>>| -> usize {
        all.values().flatten().filter(|one| *one == "revokeAccessTokens").count()
    };
    assert_eq!(revoked(&operations(&stack).await), 4);
    stack.advance(Duration::from_hours(24 * 91)).await;
    let run = stack.cleanup(0, "apply").await;
    assert_eq!((&run["deleted"], &run["failed"]), (&json!(8), &json!(0)), "{run}");
    let deleted = operations(&stack).await;
    for name in NAMES {
        let asked = deleted[name].iter().filter(|one| *one == "deleteIdentity").count();
        assert_eq!(asked, before[name].len(), "{name}");
    }
    assert!(identities(&stack).await.values().all(BTreeSet::is_empty));
}

#[tokio::test]
async fn a_placement_that_names_a_resource_without_a_connection_string_stops_the_functions() {
    let placement = r#"AcsPlacement={"main": {}, "eu2": {}}"#;
    let stack = ServiceStack::with(&["--parameter", placement]).await;
    let reply = stack.call("POST /v1/token", &stack.user("alice").await, Value::Null).await;
    assert_eq!(reply.status, 500);
    let log = stack.log("issue-access-token");
    assert!(log.contains("add it with `make secret RESOURCE=eu2`"), "{log}");
}

#[tokio::test]
async fn a_policy_that_names_a_resource_without_new_identities_stops_the_function() {
    let placement = r#"AcsPlacement={"main": {}, "r2": {"state": "draining"}}"#;
    for (options, resource, reason) in [
        (&[][..], "eu2", "has no connection string"),
        (&["--resources", "2", "--parameter", placement], "r2", "is draining"),
    ] {
        let policy = json!({ "otherwise": { "scopes": ["chat"], "resource": resource } });
        let policy = format!("Policy={policy}");
        let stack = ServiceStack::with(&[options, &["--parameter", &policy]].concat()).await;
        let reply = stack.call("POST /v1/token", &stack.user("alice").await, Value::Null).await;
        assert_eq!(reply.status, 500);
        let log = stack.log("issue-access-token");
        let said = format!("the policy names the resource `{resource}`, which {reason}");
        assert!(log.contains(&said), "{log}");
    }
}
