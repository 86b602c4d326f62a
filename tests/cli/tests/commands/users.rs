//! Users: blocking, unblocking, and their history.

use cli::{CliStack, Session};
use serde_json::{Value, json};

#[test]
fn a_user_is_blocked_and_unblocked() {
    let stack = CliStack::start();
    stack.identity("alice");
    let mut session = Session::new(&stack);
    session.run("user block alice");
    session.run("user block alice --yes --reason lost-phone -o table");
    session.run("token issue --user alice --scope voip");
    session.run_in_each_format("user unblock alice");
    session.run("token issue --user alice --scope voip -o none");
    session.run("user unblock unknown-user");
    session.run("user block unknown-user --yes -o table");
    session.run("user unblock unknown-user -o table");
    session.run("user unblock unknown-user -o tsv");
    session.matches("user-block");
}

#[test]
fn an_unknown_user_is_not_reported_as_deleted() {
    let stack = CliStack::start();
    stack.json(&["user", "block", "unknown-user", "--yes", "--create"]);
    let unblocked = stack.json(&["user", "unblock", "unknown-user"]);
    assert_eq!((unblocked.get("state"), unblocked.get("user")), (None, None), "{unblocked}");
}

#[test]
fn the_history_of_a_user_is_in_order() {
    let stack = CliStack::start();
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
    session.run("user history unknown-user");
    session.run("user history alice --log missing");
    session.matches("user-history");
    let told = stack.run_with(&["user", "history", &id, "--log", "-"], &line);
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    let timeline = told["timeline"].as_array().unwrap();
    let times: Vec<&str> = timeline.iter().map(|entry| entry["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    assert_eq!(timeline[0]["what"], "CreateToken 200 (voip), 5 ms, request r-1");
    let late = ["user", "history", &id, "--log", "-", "--since", "1h"];
    let late: Value = serde_json::from_str(&stack.run_with(&late, &line).stdout).unwrap();
    assert_eq!(late["timeline"].as_array().unwrap()[..], timeline[1..]);
    assert_eq!(late["identity"], told["identity"]);
}

#[test]
fn the_history_of_a_deleted_user_is_still_available() {
    let stack = CliStack::start();
    let names = ["alice".to_owned(), "bob".to_owned()];
    stack.seed(&names, 100);
    let id = stack.json(&["identity", "show", "alice"])["user"]["communicationUserId"].clone();
    let id = id.as_str().unwrap();
    // One run only planned, one did not delete the identity, and one started after it was
    // deleted.
    stack.run_of_the_cleanup("r-1", None, "plan", &[id]);
    stack.run_of_the_cleanup("r-2", Some("r-1"), "apply", &[]);
    stack.json(&["identity", "delete", "alice", "--yes"]);
    stack.run_of_the_cleanup("r-3", Some("r-2"), "apply", &[]);
    let line = format!(
        r#"{{"timestamp":"2020-01-02T03:04:05.678Z","message":"deleted","acs.id":"{id}"}}"#
    );
    let story = |name: &str| {
        let told = stack.run_with(&["user", "history", name, "--log", "-"], &line);
        assert_eq!(told.code, 0, "{told:?}");
        serde_json::from_str::<Value>(&told.stdout).unwrap()
    };
    let told = story("alice");
    assert_eq!(told["identity"]["state"], "deleted");
    let whats = |told: &Value| {
        let entries = told["timeline"].as_array().unwrap().clone();
        entries.iter().map(|it| it["what"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let all = whats(&told);
    assert!(all.contains(&"deleted".to_owned()), "its log line: {all:?}");
    assert!(all.iter().any(|what| what.ends_with(&format!("the identity was {id}"))), "{all:?}");
    let runs: Vec<_> = all.iter().filter(|what| what.starts_with("run ")).collect();
    assert_eq!(runs, ["run r-1 would delete it", "run r-2 found the identity unused"]);
    // The ACS id of the identity leads to the tombstone of its user.
    assert_eq!(story(id)["identity"]["state"], "deleted");
    let unknown = stack.run(&["user", "history", "8:acs:unknown"]);
    assert_eq!(unknown.code, 3, "{unknown:?}");
    assert!(unknown.stderr.contains("goes by its external id alone"), "{unknown:?}");
    // The history also keeps it after the user got a new identity.
    stack.identity("alice");
    let before = format!("an identity before it, {id}, was deleted");
    assert!(whats(&story("alice")).contains(&before));
}

#[test]
fn every_command_shows_the_same_receipt() {
    let stack = CliStack::start();
    stack.identity("alice");
    let receipt = stack.json(&["token", "revoke", "--user", "alice", "--yes"]);
    assert_eq!(stack.json(&["user", "history", "alice"])["identity"]["receipts"], json!([receipt]));
}
