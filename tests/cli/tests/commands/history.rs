//! The history of one user, as the functions logged it.

use std::time::Duration;

use cli::CliStack;
use harness::wait_until;

#[test]
fn the_effect_of_an_event_is_in_the_users_history() {
    let stack = CliStack::with_functions();
    let created = stack.json(&["identity", "create", "--external-id", "alice"]);
    assert_eq!(created["created"], true);
    let line = ["events", "send", "user.disabled", "--user", "alice", "--event-id", "hr-4711"];
    stack.json(&[&line[..], &["--reason", "left"]].concat());
    let is_blocked = || stack.json(&["identity", "show", "alice"])["state"] == "blocked";
    assert!(wait_until(LIMIT, is_blocked), "the event was not processed");
    let history = stack.json(&["user", "history", "alice"]);
    let timeline = history["timeline"].as_array().unwrap();
    let has = |source: &str, text: &str| {
        timeline.iter().any(|entry| {
            entry["source"] == source && entry["what"].as_str().unwrap().contains(text)
        })
    };
    assert!(
        has(
            "record",
            "revoked and blocked, epoch 2, by user.disabled hr-4711 from guestpass (left)"
        ),
        "{history}"
    );
    let is_logged = || {
        let history = stack.json(&["user", "history", "alice"]);
        history["timeline"].as_array().unwrap().iter().any(|entry| entry["source"] == "log")
    };
    assert!(wait_until(LIMIT, is_logged), "the log is not in the history");
    stack.json(&["user", "unblock", "alice"]);
    let token = stack.json(&["token", "issue", "--user", "alice", "--scope", "voip"]);
    assert!(token["token"].is_string());
}

const LIMIT: Duration = Duration::from_secs(30);
