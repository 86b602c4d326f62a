//! Creates, lists, imports and deletes identities of several resources.

use cli::CliStack;
use serde_json::Value;

use crate::{count, deployed, draining, identity, secret, stack, with_string};

fn users(list: &Value) -> Vec<&str> {
    let list = list.as_array().unwrap().iter();
    let mut users: Vec<_> = list.map(|one| one["externalId"].as_str().unwrap()).collect();
    users.sort_unstable();
    users
}

#[test]
fn a_new_identity_is_where_the_user_or_the_placement_says() {
    let stack = stack();
    identity(&stack, "alice", "r2");
    let again = ["identity", "create", "--external-id", "alice", "--resource", "r3"];
    let again = stack.json(&again);
    assert_eq!((&again["resource"], &again["created"]), (&"r2".into(), &false.into()));
    let table = stack.run(&["identity", "create", "--external-id", "alice", "-o", "table"]);
    assert!(table.stdout.contains("it was there already, in the resource r2"), "{table:?}");

    let only = ["--placement", r#"{"r3": {}}"#];
    let placed = stack.json(&[&["identity", "create", "--external-id", "bob"][..], &only].concat());
    assert_eq!(placed["resource"], "r3");
    // By default, all resources of a local stack are open.
    for user in 0..16 {
        stack.json(&["identity", "create", "--external-id", &format!("user-{user}")]);
    }
    assert!(["main", "r2", "r3"].into_iter().all(|one| count(&stack, one) > 1));
}

#[test]
fn a_resource_that_is_unknown_or_not_chosen_is_refused_with_the_known_ones() {
    let stack = stack();
    let secret = secret(&stack, &["main", "r2", "r3"]);
    for line in [
        &["identity", "create", "--resource", "r4"][..],
        &["identity", "list", "--resource", "r4"],
        &["cleanup", "plan", "--resource", "r4"],
        &["identity", "delete", "8:acs:x_1", "--yes", "--unrecorded", "--resource", "r4"],
    ] {
        let refused = stack.run(line);
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.stderr.contains("unknown resource `r4`"), "{refused:?}");
        assert!(refused.stderr.contains("main, r2, r3"), "{refused:?}");
    }
    let refused = with_string(&stack, &secret, &["identity", "create"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("GUESTPASS_PLACEMENT"), "{refused:?}");
    assert!(refused.stderr.contains("--resource"), "{refused:?}");
    let mut command = deployed(&stack, &["identity", "create", "-o", "json"]);
    command.env(crate::STRING, &secret).env("GUESTPASS_PLACEMENT", r#"{"r2": {}}"#);
    let created = cli::run(&mut command, "");
    assert!(created.stdout.contains(r#""resource": "r2""#), "{created:?}");
    assert_eq!(["main", "r2", "r3"].map(|one| count(&stack, one)), [0, 1, 0]);
}

#[test]
fn a_list_shows_the_resource_of_each_identity_and_can_be_limited_to_one() {
    let stack = stack();
    for (user, resource) in [("alice", "main"), ("bob", "r2"), ("carol", "r2"), ("dave", "r3")] {
        identity(&stack, user, resource);
    }
    let all = stack.json(&["identity", "list"]);
    assert_eq!(users(&all), ["alice", "bob", "carol", "dave"]);
    for one in all.as_array().unwrap() {
        let shown = stack.json(&["identity", "show", one["externalId"].as_str().unwrap()]);
        assert_eq!(shown["resource"], one["resource"], "{shown}");
    }
    assert_eq!(users(&stack.json(&["identity", "list", "--resource", "r2"])), ["bob", "carol"]);
    let one = ["identity", "list", "--resource", "r2", "--limit", "1"];
    assert_eq!(stack.json(&one).as_array().unwrap().len(), 1);
    let table = stack.run(&["identity", "list", "--resource", "r3", "-o", "table"]);
    let lines: Vec<_> = table.stdout.lines().collect();
    assert!(lines[0].ends_with("RESOURCE") && lines[1].ends_with("r3"), "{table:?}");
    assert_eq!(lines.len(), 2, "{table:?}");

    let single = CliStack::start();
    single.identity("alice");
    let shown = single.json(&["identity", "show", "alice"]);
    assert_eq!(shown.get("resource"), None, "{shown}");
}

#[test]
fn a_cleanup_can_be_limited_to_the_resource_that_is_being_drained() {
    let stack = stack();
    identity(&stack, "alice", "r2");
    identity(&stack, "bob", "r3");
    stack.console("POST clock", &serde_json::json!({ "advanceSeconds": 3 * 24 * 3600 }));
    let line = ["cleanup", "plan", "--resource", "r2", "--unused-for", "2d", "-o", "plan.json"];
    let planned = stack.run(&[&line[..], &["--placement", &draining()]].concat());
    assert_eq!(planned.code, 0, "{planned:?}");
    let applied = stack.run(&["cleanup", "apply", "plan.json", "--yes"]);
    assert_eq!(applied.code, 0, "{applied:?}");
    assert_eq!(["r2", "r3"].map(|one| count(&stack, one)), [0, 1]);
    assert_eq!(users(&stack.json(&["identity", "list"])), ["bob"]);
}

#[test]
fn an_import_and_the_deletion_of_an_unrecorded_id_need_the_resource() {
    let stack = stack();
    let id = identity(&stack, "alice", "r2");
    let other = identity(&stack, "bob", "r2");
    // Now neither has a record, as after a restore of the table.
    for user in ["alice", "bob"] {
        let key = serde_json::json!({ "externalId": { "S": user } });
        let request = serde_json::json!({ "TableName": stack.text("/table"), "Key": key });
        stack.dynamodb("DeleteItem", &request);
    }
    let file = stack.dir().join("identities.csv");
    std::fs::write(&file, format!("alice,{id}\n")).unwrap();
    let import = ["identity", "import", "identities.csv"];
    let refused = stack.run(&import);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("give --resource with one of: main, r2, r3"), "{refused:?}");
    let imported = stack.run(&[&import[..], &["--resource", "r2"]].concat());
    assert_eq!(imported.code, 0, "{imported:?}");
    assert_eq!(stack.json(&["identity", "show", "alice"])["resource"], "r2");
    let issued = stack.run(&["token", "issue", "--user", "alice", "--scope", "voip"]);
    assert_eq!(issued.code, 0, "{issued:?}");
    let elsewhere = stack.run(&[&import[..], &["--resource", "r3"]].concat());
    assert!(elsewhere.stderr.contains("the record of the user names another"), "{elsewhere:?}");

    let delete = ["identity", "delete", &other, "--unrecorded", "--yes"];
    let refused = stack.run(&delete);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert_eq!(count(&stack, "r2"), 2);
    let wrong = stack.run(&[&delete[..], &["--resource", "r3"]].concat());
    assert_ne!(wrong.code, 0, "{wrong:?}");
    let deleted = stack.run(&[&delete[..], &["--resource", "r2"]].concat());
    assert_eq!(deleted.code, 0, "{deleted:?}");
    assert_eq!(count(&stack, "r2"), 1);
}
