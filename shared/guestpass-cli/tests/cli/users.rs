//! Users: blocked, unblocked, and their story.

use serde_json::Value;

use crate::{snapshot::Session, stack::Stack};

#[test]
fn a_user_is_blocked_and_unblocked() {
    let stack = Stack::start();
    stack.identity("alice");
    let mut session = Session::new(&stack);
    session.run("user block alice");
    session.run("user block alice --yes --reason lost-phone -o table");
    session.run("token issue --user alice --scope voip");
    session.run_in_each_format("user unblock alice");
    session.run("token issue --user alice --scope voip -o none");
    session.run("user unblock nobody");
    session.run("user block nobody --yes -o table");
    session.run("user unblock nobody -o table");
    session.run("user unblock nobody -o tsv");
    session.matches("user-block");
}

#[test]
fn of_somebody_who_was_never_seen_it_is_not_said_that_they_were_deleted() {
    let stack = Stack::start();
    stack.json(&["user", "block", "nobody", "--yes"]);
    let unblocked = stack.json(&["user", "unblock", "nobody"]);
    assert_eq!((unblocked.get("state"), unblocked.get("user")), (None, None), "{unblocked}");
}

#[test]
fn a_users_story_is_told_in_order() {
    let stack = Stack::start();
    let id = stack.identity("alice");
    stack.json(&["token", "issue", "--user", "alice", "--scope", "voip"]);
    stack.json(&["user", "block", "alice", "--yes", "--reason", "lost phone"]);
    stack.json(&["user", "unblock", "alice"]);
    let line = format!(
        r#"{{"timestamp":"2020-01-02T03:04:05.678Z","OperationName":"CreateToken","Identity":"{id}","ResultSignature":"200","Scopes":["voip"],"DurationMs":5,"RequestId":"r-1"}}"#
    );
    let mut session = Session::new(&stack);
    session.run_with("user history alice --log - -o table", &line);
    session.run_with("user history alice --log - -o tsv", &line);
    session.run("user history alice -o yaml");
    session.run("user history nobody");
    session.run("user history alice --log missing");
    session.matches("user-history");
    let told = stack.run_with(&["user", "history", &id, "--log", "-"], &line);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    let timeline = told["timeline"].as_array().unwrap();
    let times: Vec<&str> = timeline.iter().map(|entry| entry["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    assert_eq!(timeline[0]["what"], "CreateToken 200 (voip), 5 ms, request r-1");
}

#[test]
fn the_story_of_a_user_who_is_gone_can_still_be_told() {
    let stack = Stack::start();
    stack.identity("alice");
    stack.json(&["identity", "delete", "alice", "--yes"]);
    let told = stack.json(&["user", "history", "alice"]);
    assert_eq!(told["identity"]["state"], "deleted");
}
