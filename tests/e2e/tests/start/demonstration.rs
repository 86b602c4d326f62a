//! `make demo` shows a day in which everything happens that the console has a place for.

use std::{fs, os::unix::fs::PermissionsExt as _, time::Duration};

use harness::{TestStack, local_stack, send, wait_until};
use serde_json::Value;
use tempfile::TempDir;

fn shown(stack: &TestStack, path: &str) -> Value {
    let reply = send(stack.text("/console"), &format!("GET /_local/{path}"), &[], "").unwrap();
    assert!(reply.is_success(), "{path}: {reply:?}");
    reply.body
}

#[test]
fn the_demonstration_is_a_day_of_2000_users_and_ends_now() {
    let mut command = local_stack();
    command.args(["--template", "../../infra/template.yaml", "--demo", "--ephemeral"]);
    command.arg("--no-limits").env("RUST_LOG", "warn");
    // A browser would open, if the output were a terminal.
    let dir = TempDir::new().unwrap();
    let opened = dir.path().join("opened");
    for name in ["open", "xdg-open"] {
        let program = dir.path().join(name);
        fs::write(&program, "#!/bin/sh\n: >\"${0%/*}/opened\"\n").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", dir.path().display());
    command.env("DISPLAY", ":0").env("PATH", path);
    let mut stack = TestStack::start(dir, &mut command);
    let filled = wait_until(Duration::from_mins(5), || {
        stack.output().contains("\nOpen ") || !stack.is_running()
    });
    assert!(filled && stack.is_running(), "{}", stack.output());

    let figures = shown(&stack, "overview");
    assert_eq!(figures["total"], 1_920, "the cleanup deleted 80 of 2,000: {figures}");
    assert_eq!(figures["byState"]["blocked"], 2, "one by an administrator, one by an event");
    assert!(figures["liveTokens"].as_u64().unwrap() > 100, "{figures}");
    let queues = shown(&stack, "queues");
    let dead = queues["queues"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|queue| !queue["isDeadLetterQueueOf"].is_null());
    let dead: u64 = dead.map(|queue| queue["visible"].as_u64().unwrap()).sum();
    assert_eq!(dead, 1, "the event without a user: {queues}");
    let events = shown(&stack, "events");
    let events = events["events"].as_array().unwrap();
    let outcomes = |kind: &str| {
        let of_kind = events.iter().filter(|event| event["type"] == kind);
        of_kind.map(|event| event["outcome"].as_str().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(outcomes("user.signed-out"), ["done"], "{events:?}");
    assert_eq!(outcomes("user.credentials-changed"), ["done"], "{events:?}");
    assert_eq!(outcomes("user.disabled"), ["done", "dead-letter"], "{events:?}");
    let requests = send(stack.text("/acs/http"), "GET /_emulator/requests", &[], "").unwrap().body;
    let sent = |operation: &str| requests["counts"][operation].as_u64().unwrap_or(0);
    assert_eq!(sent("deleteIdentity"), 80, "{requests}");
    assert!(sent("issueAccessToken") > 300, "tokens of users who came back: {requests}");
    // Eight users sign out, and a user without a token has nothing to revoke.
    assert!(sent("revokeAccessTokens") >= 6, "{requests}");
    assert!(!opened.exists(), "a browser was opened without a terminal");
    let offset = shown(&stack, "clock")["offsetSeconds"].as_i64().unwrap();
    assert!(offset.abs() < 600, "the day ends now, not {offset} seconds from now");
}
