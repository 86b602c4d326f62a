//! The audit log, as an administrator reads it.

use std::{fs, path::Path};

use cli::{CliStack, Session, ToolOutput, check, guestpass, run};
use serde_json::{Value, json};

/// Midday of 26 November 2026, in seconds since 1970.
const MIDDAY: u64 = 1_795_694_400;

/// Writes entries of a cleanup of `count` users, one every half hour until midday.
fn seed(stack: &CliStack, count: u64) {
    let items: Vec<Value> = (0..count)
        .map(|index| {
            let seconds = MIDDAY - index * 30 * 60;
            let day = if seconds >= MIDDAY - 12 * 60 * 60 { 26 } else { 25 - (index - 25) / 48 };
            let text = |value: String| json!({ "S": value });
            json!({ "PutRequest": { "Item": {
                "user": text(format!("user-{index}")),
                "at": text(format!("{:013}#run-1", seconds * 1000)),
                "by": text("cleanup".to_owned()),
                "day": text(format!("2026-11-{day:02}")),
                "actor": text("cleanup".to_owned()),
                "reference": text("run-1\u{202e}".to_owned()),
                "action": text("of-a-newer-version".to_owned()),
                "state": text("deleting".to_owned()),
            } } })
        })
        .collect();
    for some in items.chunks(25) {
        let request = json!({ "RequestItems": { stack.text("/auditTable"): some } });
        stack.dynamodb("BatchWriteItem", &request);
    }
}

/// The cells of a table row, separated by two spaces; any other line is unchanged.
fn unpadded(line: &str) -> String {
    if line.starts_with(' ') {
        return line.to_owned();
    }
    let cells = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty());
    cells.collect::<Vec<_>>().join("  ")
}

/// The first column (the time) and the fifth column (the user) of a list.
fn listed(stack: &CliStack, line: &[&str]) -> Vec<(String, String)> {
    let listed = stack.run(&[&["audit"], line, &["-o", "tsv"]].concat());
    assert_eq!(listed.code, 0, "{listed:?}");
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('\t').collect();
        (cells[0].to_owned(), cells[4].to_owned())
    };
    listed.stdout.lines().map(row).collect()
}

/// Runs a command as for a deployed service: variables hold the table and the keys.
fn directly(stack: &CliStack, line: &[&str], variables: &[(&str, &str)]) -> ToolOutput {
    let mut command = guestpass(Path::new("/"), line);
    command.envs([
        ("COMMUNICATION_SERVICES_CONNECTION_STRING", stack.connection_string().as_str()),
        ("GUESTPASS_TABLE", &stack.text("/table")),
        ("AWS_ENDPOINT_URL_DYNAMODB", &stack.text("/dynamodb")),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
    ]);
    run(command.envs(variables.iter().copied()), "")
}

#[test]
fn the_audit_log_has_the_actions_of_the_operator() {
    let stack = CliStack::start();
    let mut session = Session::new(&stack);
    session.run("audit");
    session.run("audit --user alice --by okta");
    session.run("audit --since yesterday");
    session.run("audit --user 8:acs:unknown");
    session.run_in_each_format("audit --user alice");
    stack.identity("alice");
    stack.json(&["token", "issue", "--user", "alice", "--scope", "voip"]);
    stack.json(&["user", "block", "alice", "--yes", "--reason", "lost phone"]);
    stack.json(&["user", "unblock", "alice"]);
    stack.json(&["token", "revoke", "--user", "alice", "--yes"]);
    stack.json(&["identity", "delete", "alice", "--yes"]);
    session.run_in_each_format("audit --user alice");
    session.run("audit --since 1h -o tsv");
    // The operator's name differs between machines, and so does the width of the column.
    let operator = stack.json(&["audit", "--user", "alice"])[0]["by"].as_str().unwrap().to_owned();
    assert!(operator.starts_with("cli|"), "{operator}");
    let text = session.take().replace(&operator, "<operator>");
    let text: String = text.lines().map(|line| unpadded(line) + "\n").collect();
    check("audit", &text);
    let all = listed(&stack, &["--by", &operator]);
    assert_eq!(all.len(), 6, "{all:?}");
    assert_eq!(all, listed(&stack, &["--since", "1h"]));
    assert_eq!(all, listed(&stack, &["--user", "alice", "--since", "1h"]));
    assert_eq!(listed(&stack, &["--user", "alice", "--since", "2999-01-01T00:00:00Z"]), []);
}

#[test]
fn a_long_log_is_listed_newest_first_over_pages_and_days() {
    let stack = CliStack::start();
    seed(&stack, 450);
    let by = listed(&stack, &["--by", "cleanup"]);
    let expected: Vec<String> = (0..450).map(|index| format!("user-{index}")).collect();
    assert_eq!(by.iter().map(|(_, user)| user.clone()).collect::<Vec<_>>(), expected);
    assert!(by.iter().rev().is_sorted(), "newest first");
    for (since, count) in [
        ("2026-11-26T12:00:00Z", 1),
        ("2026-11-26T00:00:00Z", 25),
        ("2026-11-25T23:30:00Z", 26),
        ("2026-11-01T00:00:00Z", 450),
    ] {
        assert_eq!(listed(&stack, &["--since", since]), by[..count], "{since}");
        assert_eq!(listed(&stack, &["--since", since, "--by", "cleanup"]), by[..count], "{since}");
    }
    let shown = stack.run(&["audit", "--user", "user-1", "-o", "table"]);
    assert!(shown.stdout.contains(r"run-1\u{202e}") && !shown.stdout.contains('\u{202e}'));
}

#[test]
fn a_stack_of_an_older_version_is_reported_to_have_no_audit_log() {
    let stack = CliStack::start();
    let file = stack.dir().join("target/local/stack.json");
    let mut places: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    places.as_object_mut().unwrap().remove("auditTable");
    fs::write(&file, places.to_string()).unwrap();
    let refused = stack.run(&["audit", "--by", "cleanup"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("`make run`"), "{refused:?}");
    let created = stack.run(&["identity", "create", "--external-id", "alice"]);
    assert_eq!(created.code, 0, "{created:?}");
    assert!(created.stderr.contains("`make run`"), "{created:?}");
}

#[test]
fn a_deployed_service_needs_the_name_of_its_audit_table() {
    let stack = CliStack::start();
    let run = |variables: &[_]| directly(&stack, &["audit", "--by", "cleanup"], variables);
    for (variables, code, said) in [
        (&[][..], 2, "AuditTableName"),
        (&[("GUESTPASS_AUDIT_TABLE", "none")], 4, "table none does not exist"),
        (
            &[("GUESTPASS_AUDIT_TABLE", "none"), ("GUESTPASS_AUDIT_RETENTION_DAYS", "0")],
            2,
            "GUESTPASS_AUDIT_RETENTION_DAYS",
        ),
    ] {
        let refused = run(variables);
        assert_eq!(refused.code, code, "{variables:?}: {refused:?}");
        assert!(refused.stderr.contains(said), "{variables:?}: {refused:?}");
    }
    let table = stack.text("/auditTable");
    let listed = run(&[("GUESTPASS_AUDIT_TABLE", &table), ("GUESTPASS_AUDIT_RETENTION_DAYS", "9")]);
    assert_eq!((listed.code, listed.stdout.as_str()), (0, "[]\n"), "{listed:?}");
}

// With a warning at each deletion, there are two.
#[test]
fn a_change_without_an_audit_log_gives_one_warning() {
    let stack = CliStack::start();
    for name in ["alice", "bob"] {
        stack.identity(name);
    }
    let file = stack.dir().join("users");
    fs::write(&file, "alice\nbob\n").unwrap();
    let file = file.to_str().unwrap();
    let line = ["identity", "delete", "--file", file, "--yes"];
    let deleted = directly(&stack, &line, &[]);
    assert_eq!(deleted.code, 0, "{deleted:?}");
    assert_eq!(deleted.stderr.matches("warning: the audit log").count(), 1, "{deleted:?}");
    assert!(deleted.stderr.contains("set GUESTPASS_AUDIT_TABLE"), "{deleted:?}");

    let table = stack.text("/auditTable");
    let line = ["user", "block", "carol", "--create", "--yes"];
    let blocked = directly(&stack, &line, &[("GUESTPASS_AUDIT_TABLE", &table)]);
    assert_eq!(blocked.code, 0, "{blocked:?}");
    assert!(!blocked.stderr.contains("warning"), "{blocked:?}");
}
