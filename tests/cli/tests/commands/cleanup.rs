//! A cleanup: the plan, its review, and the deletion of exactly the planned identities.

use std::{os::unix::fs::PermissionsExt as _, process::Stdio, time::Duration};

use crate::bulk::each_once;
use cli::{CliStack, Session, interrupt};
use harness::wait_until;
use serde_json::{Value, json};

/// Creates an identity that was unused for `days` days.
fn unused(stack: &CliStack, name: &str, days: u64) {
    stack.seed(&[name.to_owned()], days);
}

fn plan(stack: &CliStack, unused_for: &str) -> Value {
    let made = stack.run(&["cleanup", "plan", "--unused-for", unused_for, "-o", "plan.json"]);
    assert_eq!(made.code, 0, "{made:?}");
    let file = stack.dir().join("plan.json");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

fn names(list: &Value, member: &str) -> Vec<String> {
    let list = list.as_array().unwrap().iter();
    let mut names: Vec<String> = list.map(|one| one[member].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

#[test]
fn apply_deletes_the_unused_identities_of_the_plan() {
    let stack = CliStack::start();
    unused(&stack, "old", 100);
    unused(&stack, "older", 400);
    unused(&stack, "young", 10);
    stack.identity("new");
    let mut session = Session::new(&stack);
    session.run("cleanup plan --unused-for 1d");
    session.run("cleanup plan -o table --unused-for 300d");
    session.run("cleanup plan -o json --unused-for 300d");
    session.run("cleanup plan -o tsv --unused-for 9000d");
    session.run("identity list -o other.json");
    session.run("cleanup apply other.json");
    session.run("cleanup plan -o plan.json");
    session.run("cleanup apply plan.json");
    session.run("cleanup apply plan.json --yes -o none");
    session.run("cleanup apply plan.json --yes -o json");
    session.matches("cleanup");
    let left = stack.json(&["identity", "list"]);
    assert_eq!(names(&left, "externalId"), ["new", "young"]);
    assert_eq!(stack.request_count("deleteIdentity"), 2, "the second run found them gone");
}

#[test]
fn identities_that_changed_since_the_plan_are_spared_and_listed() {
    let stack = CliStack::start();
    for name in ["gone", "used", "blocked", "back", "stale"] {
        unused(&stack, name, 100);
    }
    assert_eq!(plan(&stack, "90d")["identities"].as_array().unwrap().len(), 5);
    stack.json(&["token", "issue", "--user", "used", "--scope", "voip"]);
    stack.json(&["user", "block", "blocked", "--yes"]);
    for name in ["gone", "back"] {
        stack.json(&["identity", "delete", name, "--yes"]);
    }
    stack.identity("back");
    let summary = stack.json(&["cleanup", "apply", "plan.json", "--yes"]);
    assert_eq!(names(&summary["spared"], "id"), ["back", "blocked", "used"], "{summary}");
    assert_eq!((&summary["deleted"], &summary["absent"]), (&json!(1), &json!(1)));
    let left = stack.json(&["identity", "list"]);
    assert_eq!(names(&left, "externalId"), ["back", "blocked", "used"]);
}

#[test]
fn an_identity_that_changes_while_it_waits_for_its_turn_is_spared() {
    let stack = CliStack::start();
    for name in ["alice", "bob"] {
        unused(&stack, name, 100);
    }
    plan(&stack, "90d");
    // The second turn is five seconds after the first one.
    let line = ["cleanup", "apply", "plan.json", "--yes", "--rate", "0.2", "-o", "json"];
    let process =
        stack.command(&line).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let has_begun = || stack.request_count("deleteIdentity") == 1;
    assert!(wait_until(Duration::from_mins(1), has_begun), "nothing was deleted");
    let waiting = names(&stack.json(&["identity", "list", "--state", "active"]), "externalId");
    let [name] = &waiting[..] else { panic!("{waiting:?}") };
    stack.json(&["user", "block", name, "--yes"]);
    let output = process.wait_with_output().unwrap();
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(names(&summary["spared"], "id"), waiting, "{summary}");
    assert_eq!((&summary["deleted"], stack.identities()), (&json!(1), 1));
}

#[test]
fn after_ctrl_c_a_second_run_deletes_the_rest() {
    let stack = CliStack::start();
    let names: Vec<String> = (0..120).map(|index| format!("user-{index}")).collect();
    stack.seed(&names, 100);
    plan(&stack, "90d");
    let line = ["cleanup", "apply", "plan.json", "--yes", "--rate", "16", "-o", "json"];
    let process =
        stack.command(&line).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let has_begun = || stack.request_count("deleteIdentity") >= 5;
    assert!(wait_until(Duration::from_mins(1), has_begun), "nothing was deleted");
    interrupt(&process);
    let output = process.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let first: Value = serde_json::from_slice(&output.stdout).unwrap();
    let second = stack.json(&line[..6]);
    assert_eq!(second.get("spared"), None, "a deletion that the first run began is not spared");
    each_once(&stack, &first, &second, 120);
}

#[test]
fn a_deletion_that_an_earlier_run_began_is_finished() {
    let stack = CliStack::start();
    unused(&stack, "alice", 100);
    plan(&stack, "90d");
    stack.fault("deleteIdentity", &json!({ "status": 500 }));
    let line = ["cleanup", "apply", "plan.json", "--yes"];
    assert_ne!(stack.run(&line).code, 0);
    assert_eq!(stack.json(&["identity", "show", "alice"])["state"], "deleting");
    stack.emulator("DELETE faults", &Value::Null);
    assert_eq!(stack.json(&line)["deleted"], 1);
    assert_eq!(stack.identities(), 0);
}

#[test]
fn a_blocked_user_whom_an_earlier_run_deleted_is_absent_and_not_spared() {
    let stack = CliStack::start();
    unused(&stack, "alice", 100);
    stack.json(&["user", "block", "alice", "--yes"]);
    plan(&stack, "90d");
    let line = ["cleanup", "apply", "plan.json", "--yes"];
    assert_eq!(stack.json(&line)["deleted"], 1);
    let again = stack.json(&line);
    assert_eq!((&again["absent"], again.get("spared")), (&json!(1), None), "{again}");
}

#[test]
fn a_plan_for_another_service_is_refused() {
    let (ours, theirs) = (CliStack::start(), CliStack::start());
    unused(&ours, "alice", 100);
    plan(&ours, "90d");
    let file = ours.dir().join("plan.json");
    let refused = theirs.run(&["cleanup", "apply", file.to_str().unwrap(), "--yes"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("made for another service"), "{refused:?}");
}
