//! The history of one user, as the functions logged it.

use cli::{Stack, until};

#[test]
fn what_an_event_did_is_in_the_users_history() {
    let stack = Stack::start();
    let created = stack.run(&["identity", "create", "--external-id", "alice"]);
    assert_eq!(created["created"], true);
    let line = ["events", "send", "user.disabled", "--user", "alice", "--event-id", "hr-4711"];
    stack.run(&[&line[..], &["--reason", "left"]].concat());
    until("the function has obeyed", || {
        stack.run(&["identity", "show", "alice"])["state"] == "blocked"
    });
    let history = stack.run(&["user", "history", "alice"]);
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
    until("the function has logged it", || {
        let history = stack.run(&["user", "history", "alice"]);
        history["timeline"].as_array().unwrap().iter().any(|entry| entry["source"] == "log")
    });
    stack.run(&["user", "unblock", "alice"]);
    let token = stack.run(&["token", "issue", "--user", "alice", "--scope", "voip"]);
    assert!(token["token"].is_string());
}
