//! `guestpass resource list` and `guestpass resource explain`.

use cli::{CliStack, Session, ToolOutput};
use serde_json::{Value, json};

use crate::{draining, identity, secret, stack, with_string};

/// The member of the resource with this name.
fn member(list: &Value, name: &str, member: &str) -> Value {
    let list = list.as_array().unwrap().iter();
    list.clone().find(|one| one["name"] == name).unwrap()[member].clone()
}

fn explain(stack: &CliStack, user: &str, flags: &[&str]) -> ToolOutput {
    stack.run(&[&["resource", "explain", "--user", user, "-o", "table"], flags].concat())
}

#[test]
fn a_list_has_the_share_the_state_and_the_number_of_records_of_each_resource() {
    let stack = stack();
    for (user, resource) in [("alice", "r2"), ("bob", "r2"), ("carol", "main")] {
        identity(&stack, user, resource);
    }
    stack.run(&["identity", "delete", "bob", "--yes"]);
    let placement = draining();
    let mut session = Session::new(&stack);
    session
        .run_in_each_format(&format!("resource list --placement {}", placement.replace(' ', "")));
    session.run("resource list -o tsv");
    session.matches("resource-list");
}

#[test]
fn a_resource_that_only_records_name_is_listed_and_an_unlisted_one_too() {
    let stack = stack();
    identity(&stack, "alice", "r2");
    let only = secret(&stack, &["main", "r3"]);
    let line = ["resource", "list", "-o", "json", "--placement", r#"{"main": {}}"#];
    let listed = with_string(&stack, &only, &line);
    assert_eq!(listed.code, 0, "{listed:?}");
    let list: Value = serde_json::from_str(&listed.stdout).unwrap();
    assert_eq!(member(&list, "r2", "state"), "unconfigured");
    assert_eq!(member(&list, "r2", "identities"), 1);
    assert_eq!(member(&list, "r3", "state"), "unlisted");
    assert_eq!(member(&list, "main", "share"), 100.0);

    let unknown = with_string(&stack, &only, &["resource", "list", "-o", "json"]);
    assert!(unknown.stderr.contains("unknown which resource gets new identities"), "{unknown:?}");
    let list: Value = serde_json::from_str(&unknown.stdout).unwrap();
    assert_eq!(member(&list, "r3", "state"), "unknown");
}

#[test]
fn a_service_with_one_resource_lists_it() {
    let stack = CliStack::start();
    stack.identity("alice");
    let list = stack.json(&["resource", "list"]);
    let endpoint = stack.text("/acs/http").replace("http://", "");
    let expected = json!({ "name": "main", "state": "open", "weight": 1, "share": 100.0,
                           "identities": 1, "orphans": 0, "endpoint": endpoint });
    assert_eq!(list, json!([expected]));
}

#[test]
fn an_explanation_says_where_the_identity_is_or_would_be_and_why() {
    let stack = stack();
    let id = identity(&stack, "alice", "r2");
    let only = ["--placement", r#"{"r3": {}}"#];
    let drained = draining();
    let drained = ["--placement", drained.as_str()];
    for (user, flags, texts) in [
        ("alice", &[][..], &["r2", "an identity stays in the resource"][..]),
        (&id, &[], &["alice", "r2"]),
        ("alice", &drained, &["it is draining", "25 hours", "replaces the identity by one in"]),
        ("alice", &only, &["stays in the resource", "next         r3"]),
        ("bob", &[], &["the user has no identity, and the placement assigns", "throttling"]),
        ("bob", &only, &["only `r3` gets new ones", "exists       no"]),
    ] {
        let told = explain(&stack, user, flags);
        assert_eq!(told.code, 0, "{told:?}");
        for text in texts {
            assert!(told.stdout.contains(text), "{text}: {told:?}");
        }
    }
    let unknown = explain(&stack, "8:acs:nobody_1", &[]);
    assert_eq!(unknown.code, 3, "{unknown:?}");
    let names = secret(&stack, &["main", "r3"]);
    let told = with_string(&stack, &names, &["resource", "explain", "--user", "alice"]);
    assert!(told.stdout.contains("it has no connection string"), "{told:?}");
    let refused = with_string(&stack, &names, &["resource", "explain", "--user", "bob"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("--placement"), "{refused:?}");
}

#[test]
fn an_explanation_agrees_with_where_the_identity_is_created() {
    let stack = stack();
    for user in ["u1", "u2", "u3", "u4", "u5", "u6"] {
        let explained = stack.json(&["resource", "explain", "--user", user]);
        let created = stack.json(&["identity", "create", "--external-id", user]);
        assert_eq!(explained["resource"], created["resource"], "{user}");
    }
}
