//! Behaviour in a terminal: tables, prompts, colours, a progress bar, Ctrl-C.

use std::time::{Duration, Instant};

use cli::{CliStack, OnTerminal};
use harness::wait_until;

#[test]
fn a_terminal_gets_a_table() {
    let stack = CliStack::start();
    stack.identity("alice");
    let mut list = OnTerminal::start(stack.command(&["identity", "list"]));
    list.shows("EXTERNAL ID");
    list.shows("alice");
    assert_eq!(list.ends(), 0);
}

/// The lines of a command's table.
fn table(stack: &CliStack, line: &str, columns: u16) -> Vec<String> {
    let arguments: Vec<&str> = line.split(' ').collect();
    let mut list = OnTerminal::with_columns(stack.command(&arguments), columns);
    assert_eq!(list.ends(), 0, "{line}: {}", list.screen());
    // The last output may still be on its way.
    let holds = wait_until(Duration::from_mins(1), || list.screen().ends_with('\n'));
    assert!(holds, "{line}: {}", list.screen());
    list.screen().lines().map(|line| line.trim_end_matches('\r').to_owned()).collect()
}

/// A user as an issuer names them, with an identity and with actions in the audit log.
fn stack_with_history() -> (CliStack, String) {
    let stack = CliStack::start();
    let user = "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0|alice";
    stack.identity(user);
    stack.identity(
        "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0|bob",
    );
    // Before the block, which ends assignments.
    let tenant = "e0000000-0000-4000-8000-00000000000";
    for (last, kind) in [("3", "user"), ("4", "resource-account")] {
        let principal = format!("--tenant {tenant}1 --object {tenant}{last} --client-id {tenant}2");
        let assign = format!("phone assign {principal} --kind {kind} --user {user}");
        assert_eq!(stack.run(&assign.split(' ').collect::<Vec<_>>()).code, 0, "{assign}");
    }
    let reason = "the device was lost on a train, and its owner reported it only today";
    stack.json(&["user", "block", user, "--yes", "--reason", reason]);
    let invite = "invitation create --closes-in 2h --pin --reference appointment-2026-11-28-17";
    let link = "https://teams.microsoft.com/l/meetup-join/1";
    for invite in [invite, "invitation create --closes-in 20h --devices 10"] {
        let words: Vec<&str> = invite.split(' ').collect();
        assert_eq!(stack.run_with(&words, link).code, 0);
    }
    // The rule of the test stack sends Guestpass's own events directly to the dead-letter queue.
    stack.json(&["events", "send", "user.disabled", "--user", user, "--reason", reason]);
    (stack, user.to_owned())
}

#[test]
fn every_list_fits_a_terminal_of_80_and_of_120_columns() {
    let (stack, user) = stack_with_history();
    for columns in [80, 120] {
        for line in [
            "identity list",
            &format!("user history {user}"),
            "audit --since 1d",
            "cleanup plan --unused-for 2d",
            "resource list",
            "invitation list",
            "phone list",
            "phone reconcile",
            "events dead-letters",
        ] {
            let lines = table(&stack, line, columns);
            for text in &lines {
                // The details of one record above a history are not a list.
                let is_list = !["external id", "ACS id", "warning:"]
                    .iter()
                    .any(|other| text.starts_with(other));
                let is_wide = text.chars().count() > usize::from(columns);
                assert!(!is_list || !is_wide, "{line}: {text:?}\n{}", lines.join("\n"));
            }
            // A row of a list has a time, and how long ago that is can be read at once.
            let times = ["identity list", "invitation list", "phone list", "events dead-letters"];
            let is_relative = |text: &String| text.contains(" ago") || text.contains(" in ");
            assert!(!times.contains(&line) || lines[1..].iter().any(is_relative), "{lines:#?}");
        }
    }
}

#[test]
fn a_terminal_shows_the_ends_of_ids_and_how_long_ago_and_wide_shows_all() {
    let (stack, user) = stack_with_history();
    let lines = table(&stack, "identity list", 80);
    let alice = lines.iter().find(|line| line.contains("|alice")).unwrap();
    assert!(alice.starts_with('…') && alice.contains(" s ago"), "{alice}");
    let end = alice.split_whitespace().nth(1).unwrap();
    let wide = table(&stack, "identity list --wide", 80);
    let whole = wide.iter().find(|line| line.starts_with(&user)).unwrap();
    assert!(whole.contains(end.trim_start_matches('…')) && whole.contains("Z  "), "{whole}");
    let found = stack.run(&["identity", "list", "--matching", end, "-o", "tsv"]);
    assert_eq!(found.stdout.lines().count(), 1, "{found:?}");
    assert!(found.stdout.starts_with(&user), "{found:?}");
}

/// An end that is unique in one list can be the end of another id tomorrow.
#[test]
fn a_shortened_id_is_no_name() {
    let (stack, _) = stack_with_history();
    let lines = table(&stack, "identity list", 80);
    let end = lines[1].split_whitespace().nth(1).unwrap();
    for line in [["identity", "show", end, "-o"], ["identity", "delete", end, "--yes"]] {
        let ran = stack.run(&line[..line.len() - usize::from(line[3] == "-o")]);
        assert_eq!(ran.code, 2, "{ran:?}");
    }
    assert_eq!(stack.identities(), 2);
}

#[test]
fn a_list_begins_with_the_longest_unused_whatever_shard_it_is_in() {
    let stack = CliStack::start();
    for (index, days) in [5, 30, 10, 20, 40].into_iter().enumerate() {
        stack.seed(&[format!("user-{index}")], days);
    }
    let listed = stack.run(&["identity", "list", "-o", "tsv"]);
    let names: Vec<&str> =
        listed.stdout.lines().map(|line| line.split('\t').next().unwrap()).collect();
    assert_eq!(names, ["user-4", "user-1", "user-3", "user-2", "user-0"]);
    let limited = stack.run(&["identity", "list", "-o", "tsv", "--limit", "2"]);
    assert_eq!(limited.stdout.lines().count(), 2, "{limited:?}");
}

#[test]
fn a_deletion_needs_a_yes() {
    let stack = CliStack::start();
    stack.identity("alice");
    for (answer, code, left) in [("\n", 1, 1), ("n\n", 1, 1), ("y\n", 0, 0)] {
        let mut deletion = OnTerminal::start(stack.command(&["identity", "delete", "alice"]));
        deletion.shows(
            "Delete alice of the local stack, with its tokens? This cannot be undone. [y/N]",
        );
        deletion.types(answer);
        assert_eq!((deletion.ends(), stack.identities()), (code, left), "{answer:?}");
    }
}

#[test]
fn a_question_shows_control_characters_as_escapes() {
    let stack = CliStack::start();
    stack.run(&["cleanup", "plan", "-o", "plan.json"]);
    let file = stack.dir().join("plan.json");
    let plan = std::fs::read_to_string(&file).unwrap();
    let mut plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    plan["unusedSince"] = "\u{1b}[2K\u{202e}\u{9b}2K".into();
    std::fs::write(&file, plan.to_string()).unwrap();
    let mut apply = OnTerminal::start(stack.command(&["cleanup", "apply", "plan.json"]));
    apply.shows(r"unused since \u{1b}[2K\u{202e}\u{9b}2K? This cannot be undone. [y/N]");
    apply.types("n\n");
    assert_eq!(apply.ends(), 1);
    let screen = apply.screen();
    assert!(
        !screen.contains(['\u{202e}', '\u{9b}']) && !screen.contains("\u{1b}[2K"),
        "{screen:?}"
    );
}

#[test]
fn a_terminal_gets_json_that_cannot_control_it() {
    let stack = CliStack::start();
    let file = stack.dir().join("token");
    std::fs::write(&file, HOSTILE_TOKEN).unwrap();
    for format in ["json", "yaml", "table"] {
        let line = ["token", "inspect", "--token-file", "token", "-o", format];
        let mut inspect = OnTerminal::start(stack.command(&line));
        inspect.shows("evil");
        assert_eq!(inspect.ends(), 0);
        let screen = inspect.screen();
        assert!(!screen.contains(['\u{202e}', '\u{9b}']), "{format}: {screen:?}");
    }
}

/// `{"alg":"none"}` and `{"iss":"evil\u202e\u009b2J"}`, with the two characters unescaped.
const HOSTILE_TOKEN: &str = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJldmls4oCuwpsySiJ9.c2ln";

#[test]
fn a_revocation_needs_a_yes() {
    let stack = CliStack::start();
    stack.identity("alice");
    let line = ["token", "revoke", "--user", "alice", "--block"];
    let mut revocation = OnTerminal::start(stack.command(&line));
    revocation.shows("Revoke every token of alice of the local stack and block them? [y/N]");
    revocation.types("y\n");
    revocation.shows("effective by");
    assert_eq!(revocation.ends(), 0);
}

#[test]
fn a_long_deletion_shows_its_progress_and_ctrl_c_ends_it() {
    let stack = CliStack::start();
    let names: Vec<String> = (0..120).map(|index| format!("user-{index}")).collect();
    stack.seed(&names, 0);
    let file = stack.dir().join("names");
    std::fs::write(&file, names.join("\n")).unwrap();
    let line = ["identity", "delete", "--yes", "--rate", "16", "--file", file.to_str().unwrap()];
    let mut deletion = OnTerminal::start(stack.command(&line));
    deletion.shows("/120");
    deletion.shows("of 16/s");
    deletion.shows("ETA");
    let has_begun = || stack.request_count("deleteIdentity") >= 8;
    assert!(wait_until(Duration::from_mins(1), has_begun), "nothing was deleted");
    let stopped = Instant::now();
    deletion.interrupt();
    assert_eq!(deletion.ends(), 130, "{}", deletion.screen());
    // One second, and another one for a slow machine. Without Ctrl-C, the run would take seven.
    assert!(stopped.elapsed() < Duration::from_secs(2));
    deletion.shows("run the same command again");
    let mut rest = OnTerminal::start(stack.command(&line));
    assert_eq!(rest.ends(), 0);
    assert_eq!(stack.identities(), 0);
}

#[test]
fn skipped_identities_do_not_count_for_the_rate() {
    let stack = CliStack::start();
    let gone: Vec<String> = (0..200).map(|index| format!("gone-{index}")).collect();
    let there: Vec<String> = (0..8).map(|index| format!("user-{index}")).collect();
    stack.seed(&there, 0);
    let file = stack.dir().join("names");
    std::fs::write(&file, [gone, there].concat().join("\n")).unwrap();
    let line = ["identity", "delete", "--yes", "--rate", "4", "--file", file.to_str().unwrap()];
    let mut deletion = OnTerminal::start(stack.command(&line));
    assert_eq!(deletion.ends(), 0);
    let screen = deletion.screen();
    let rates = screen.split("  ").filter_map(|part| part.strip_suffix(" of 4/s"));
    let rates: Vec<f64> = rates.map(|rate| rate.parse().unwrap()).collect();
    assert!(rates.iter().any(|rate| *rate > 0.0), "{screen}");
    // Up to a second of missed slots may be made up for.
    assert!(rates.iter().all(|rate| *rate <= 16.0), "{rates:?}");
}

#[test]
fn a_terminal_gets_colours_unless_no_color_is_set() {
    let stack = CliStack::start();
    let mut plain = stack.command(&["doctor"]);
    plain.env("NO_COLOR", "1");
    for (command, coloured) in [(stack.command(&["doctor"]), true), (plain, false)] {
        let mut doctor = OnTerminal::start(command);
        doctor.shows("policy");
        assert_eq!(doctor.ends(), 0);
        assert_eq!(doctor.screen().contains('\u{1b}'), coloured, "{}", doctor.screen());
    }
    let piped = stack.run(&["doctor", "-o", "table"]);
    assert!(!piped.stdout.contains('\u{1b}'));
}
