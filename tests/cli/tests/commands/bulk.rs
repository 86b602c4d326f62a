//! Deletes many identities: uses the whole budget and no more, and a run can be stopped and
//! repeated safely.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use cli::{CliStack, interrupt};
use harness::wait_until;
use serde_json::{Value, json};

/// Creates `count` identities. Returns a file with their names.
fn many(stack: &CliStack, count: usize) -> String {
    let names: Vec<String> = (0..count).map(|index| format!("user-{index}")).collect();
    stack.seed(&names, 0);
    let file = stack.dir().join("names");
    std::fs::write(&file, names.join("\n")).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn each_identity_is_deleted_once_within_the_rate() {
    let stack = CliStack::start();
    let file = many(&stack, 80);
    let started = Instant::now();
    let summary = stack.json(&["identity", "delete", "--file", &file, "--rate", "16", "--yes"]);
    let took = started.elapsed().as_secs_f64();
    assert_eq!((&summary["deleted"], &summary["throttled"]), (&json!(80), &json!(0)));
    // There are 80 slots, and the first is immediate. A test of the pace with its own clock
    // shows that the whole budget is used: here the result would depend on the machine.
    assert!(took >= 79.0 / 16.0, "faster than permitted: {took} s");
    assert_eq!((stack.request_count("deleteIdentity"), stack.identities()), (80, 0));
}

#[test]
fn the_rate_is_used_up_with_a_slow_acs() {
    let stack = CliStack::start();
    let file = many(&stack, 32);
    stack.fault("deleteIdentity", &json!({ "delayMs": 600 }));
    let summary = stack.json(&["identity", "delete", "--file", &file, "--rate", "16", "--yes"]);
    let seconds = summary["seconds"].as_f64().unwrap();
    // The last deletion takes 0.6 s. One at a time, they would take 19 s.
    assert!(seconds < 31.0 / 16.0 / 0.95 + 0.6 + 5.0, "{summary}");
    assert_eq!(summary["deleted"], 32);
}

#[test]
fn ctrl_c_ends_it_at_once_and_a_second_run_deletes_each_once() {
    let stack = CliStack::start();
    let file = many(&stack, 120);
    let line = ["identity", "delete", "--file", &file, "--rate", "16", "--yes", "-o", "json"];
    let process =
        stack.command(&line).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let has_begun = || stack.request_count("deleteIdentity") >= 8;
    assert!(wait_until(Duration::from_mins(1), has_begun), "nothing was deleted");
    let stopped = Instant::now();
    interrupt(&process);
    let output = process.wait_with_output().unwrap();
    // One second, and another one for a slow machine. Without Ctrl-C, the run would take seven.
    assert!(stopped.elapsed() < Duration::from_secs(2), "{:?}", stopped.elapsed());
    assert_eq!(output.status.code(), Some(130));
    let first: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(
        first["deleted"].as_u64().unwrap() >= 8 && first["left"].as_u64().unwrap() > 0,
        "{first}"
    );
    let second = stack.json(&line[..7]);
    each_once(&stack, &first, &second, 120);
}

/// The second run skips what the first run deleted. For deletions that the first run had started
/// when it stopped, it is unknown whether ACS did them.
pub(crate) fn each_once(stack: &CliStack, first: &Value, second: &Value, count: u64) {
    let number = |of: &Value, name: &str| of[name].as_u64().unwrap();
    let known = number(first, "deleted");
    let unsure = number(first, "unsure");
    assert!((known..=known + unsure).contains(&number(second, "absent")), "{first} {second}");
    assert!((count..=count + unsure).contains(&stack.request_count("deleteIdentity")), "each once");
    assert_eq!(stack.identities(), 0);
}

#[test]
fn a_throttled_deletion_is_retried() {
    let stack = CliStack::start();
    let file = many(&stack, 5);
    let throttled = json!({ "operation": "deleteIdentity", "times": 4, "action": { "status": 429, "retryAfter": "1" } });
    stack.emulator("POST faults", &json!({ "faults": [throttled] }));
    let summary = stack.json(&["identity", "delete", "--file", &file, "--yes"]);
    assert_eq!(summary["deleted"], 5, "{summary}");
}

#[test]
fn a_refused_key_ends_the_run_at_once() {
    let stack = CliStack::start();
    let file = many(&stack, 10);
    stack.emulator("POST keys/regenerate", &json!({ "keyType": "primary" }));
    let given_up = stack.run(&["identity", "delete", "--file", &file, "--yes"]);
    assert_eq!(given_up.code, 4, "{given_up:?}");
    assert!(given_up.stderr.contains("the access key is wrong"), "{given_up:?}");
    assert!(given_up.stderr.contains("it skips what is already deleted"), "{given_up:?}");
    let summary: Value = serde_json::from_str(&given_up.stdout).unwrap();
    let begun = stack.json(&["identity", "list", "--state", "deleting"]);
    let begun = u64::try_from(begun.as_array().unwrap().len()).unwrap();
    assert!(begun > 0, "{summary}");
    assert_eq!((&summary["unsure"], &summary["left"]), (&json!(begun), &json!(10 - begun)));
    assert!(stack.request_count("deleteIdentity") < 10, "not all were tried");
}

#[test]
fn an_identity_that_acs_refuses_is_listed_and_delays_no_other() {
    let stack = CliStack::start();
    let file = many(&stack, 4);
    let line = ["identity", "delete", "--file", &file, "--yes", "-o", "json"];
    for status in [400, 409] {
        let refused =
            json!({ "operation": "deleteIdentity", "times": 1, "action": { "status": status } });
        stack.emulator("POST faults", &json!({ "faults": [refused] }));
        let done = stack.run(&line);
        assert_eq!(done.code, 6, "{done:?}");
        let summary: Value = serde_json::from_str(&done.stdout).unwrap();
        let name = summary["failed"][0]["id"].as_str().unwrap();
        assert!(done.stderr.contains(&format!("not deleted: {name}: ACS refuses")), "{done:?}");
        assert!(done.stderr.contains("one was not deleted"), "{done:?}");
        assert_eq!((&summary["deleted"], &summary["left"]), (&json!(3), &json!(0)), "{summary}");
        assert_eq!(stack.json(&line[..5])["deleted"], 1, "a second run does it");
        many(&stack, 4);
    }
}

#[test]
fn when_nothing_was_deleted_the_last_line_says_why() {
    let mut stack = CliStack::start();
    let file = many(&stack, 2);
    let line = ["identity", "delete", "--file", &file, "--yes"];
    stack.fault("deleteIdentity", &json!({ "status": 400 }));
    let refused = stack.run(&line);
    assert_eq!(refused.code, 4, "{refused:?}");
    assert_eq!(refused.stderr.matches("not deleted: user-").count(), 2, "{refused:?}");
    stack.kill();
    let unreachable = stack.run(&line);
    assert_eq!(unreachable.code, 5, "{unreachable:?}");
    assert!(unreachable.stderr.contains("start it with `make run`"), "{unreachable:?}");
}

#[test]
fn many_refusals_in_a_row_end_the_run() {
    let stack = CliStack::start();
    let file = many(&stack, 60);
    stack.fault("deleteIdentity", &json!({ "status": 400 }));
    let line = ["identity", "delete", "--file", &file, "--yes", "--rate", "16", "-o", "json"];
    let given_up = stack.run(&line);
    assert_eq!(given_up.code, 4, "{given_up:?}");
    let summary: Value = serde_json::from_str(&given_up.stdout).unwrap();
    assert!(summary["left"].as_u64().unwrap() > 0, "{summary}");
    assert!(summary["failed"].as_array().unwrap().len() >= 12, "{summary}");
    assert!(given_up.stderr.contains("stopped early"), "{given_up:?}");
}

#[test]
fn each_list_format_is_accepted_or_refused() {
    let stack = CliStack::start();
    let line = ["identity", "delete", "--file", "-", "--yes"];
    for format in [&["-o", "tsv"][..], &["-o", "json"], &[]] {
        many(&stack, 3);
        let listed = stack.run(&[&["identity", "list"], format].concat()).stdout;
        let deleted = stack.run_with(&line, &listed);
        assert!(deleted.stdout.contains("\"deleted\": 3"), "{format:?}: {deleted:?}");
    }
    many(&stack, 3);
    for format in ["table", "yaml"] {
        let listed = stack.run(&["identity", "list", "-o", format]).stdout;
        let refused = stack.run_with(&line, &listed);
        assert_eq!(refused.code, 2, "{format}: {refused:?}");
        assert!(refused.stderr.contains("is not a valid id"), "{format}: {refused:?}");
    }
    assert_eq!(stack.identities(), 3);
}

#[test]
fn a_name_that_looks_like_a_formula_is_read_back_unchanged() {
    let stack = CliStack::start();
    let names: Vec<String> =
        ["=1", "+1", "-1", "@1", "\"1\"", "'=1", "''-1", "'1", "#1", "[1", "{1", "1"]
            .map(str::to_owned)
            .to_vec();
    for column in [1, 6] {
        stack.seed(&names, 0);
        let listed = stack.run(&["identity", "list", "-o", "tsv"]).stdout;
        assert_eq!(listed.lines().count(), names.len(), "{listed}");
        assert!(
            !listed.lines().any(|line| line.starts_with(['=', '+', '-', '@', '"'])),
            "{listed}"
        );
        // The output of `cut -f1`, and the whole line.
        let cut = |line: &str| line.split('\t').take(column).collect::<Vec<_>>().join("\t");
        let cut: Vec<String> = listed.lines().map(cut).collect();
        let line = ["identity", "delete", "--file", "-", "--yes", "-o", "json"];
        let deleted = stack.run_with(&line, &cut.join("\n"));
        let summary: Value = serde_json::from_str(&deleted.stdout).unwrap();
        assert_eq!((&summary["deleted"], &summary["absent"]), (&json!(names.len()), &json!(0)));
        assert_eq!(stack.identities(), 0);
    }
}

#[test]
fn an_identity_without_a_record_is_deleted_only_with_unrecorded() {
    let stack = CliStack::start();
    let theirs = stack.identity("alice");
    let resource = theirs.split('_').next().unwrap();
    let orphan = format!("{resource}_00000000-0000-0000-0000-000000000001");
    let left = stack.json(&["identity", "delete", &orphan, "--yes"]);
    assert_eq!((&left["absent"], stack.request_count("deleteIdentity")), (&json!(1), 0));
    assert_eq!(left.get("perSecond"), None, "a single deletion has no rate");
    let gone = stack.json(&["identity", "delete", &orphan, "--yes", "--unrecorded"]);
    assert_eq!((&gone["deleted"], stack.request_count("deleteIdentity")), (&json!(1), 1));
}
