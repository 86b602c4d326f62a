//! The quickstart does what its page says, and leaves nothing behind.

use std::process::Command;

use cli::{CliStack, RunningTool, Session, guestpass, run};
use harness::binary;
use serde_json::{Value, json};
use tempfile::TempDir;

#[test]
fn the_quickstart_runs_every_step_and_cleans_up() {
    let stack = CliStack::start();
    let mut session = Session::new(&stack);
    session.run("quickstart -o table");
    session.matches("quickstart");
    assert_eq!(stack.identities(), 0);
    let steps = stack.json(&["quickstart"]);
    let titles: Vec<&str> =
        steps.as_array().unwrap().iter().filter_map(|step| step["title"].as_str()).collect();
    assert_eq!(
        titles,
        [
            "Authenticate",
            "Create an identity",
            "Issue an access token",
            "Create an identity and issue a token in one request",
            "Refresh an access token",
            "Revoke access tokens",
            "Exchange a Teams user's token",
            "Delete the identities",
        ]
    );
    for (operation, count) in [
        ("createIdentity", 2),
        ("createIdentityWithToken", 2),
        ("issueAccessToken", 4),
        ("revokeAccessTokens", 2),
        ("exchangeTeamsUserAccessToken", 2),
        ("deleteIdentity", 4),
    ] {
        assert_eq!(stack.request_count(operation), count, "{operation}, in two runs");
    }
}

#[test]
fn a_quickstart_that_fails_cleans_up_too() {
    let stack = CliStack::start();
    let broken = json!({ "status": 500 });
    stack.fault("revokeAccessTokens", &broken);
    let failed = stack.run(&["quickstart"]);
    assert_eq!(failed.code, 5, "{failed:?}");
    assert_eq!(stack.identities(), 0);
}

#[test]
fn a_deployed_service_needs_a_yes() {
    let stack = CliStack::start();
    let mut command = guestpass(std::path::Path::new("/"), &["quickstart"]);
    command.env("COMMUNICATION_SERVICES_CONNECTION_STRING", stack.connection_string());
    let refused = run(&mut command, "");
    assert!(refused.code == 2 && refused.stderr.contains("--yes"), "{refused:?}");
    assert_eq!(stack.emulator("GET requests", &Value::Null)["requests"], json!([]));
}

#[test]
fn without_a_service_the_error_says_what_to_do() {
    let alone = Alone::new();
    let failed = run(&mut alone.quickstart(), "");
    assert!(failed.stderr.contains("no local-stack binary next to"), "{failed:?}");
    assert!(failed.stderr.contains("target/debug/guestpass"), "{failed:?}");
    assert_eq!(failed.code, 1);
    alone.has("local-stack", "echo 'port 80 is taken' >&2; exit 1");
    let failed = run(&mut alone.quickstart(), "");
    assert!(failed.code == 1 && failed.stderr.contains("why: port 80 is taken"), "{failed:?}");
    alone.left_nothing();
}

/// The directory is outside of any repository: the template is in the binary.
#[test]
fn without_a_service_it_starts_the_local_stack_beside_it() {
    let (alone, stack) = (Alone::new(), CliStack::start());
    alone.has_a_stack(&stack);
    let walked = run(&mut alone.quickstart(), "");
    assert_eq!(walked.code, 0, "{walked:?}");
    assert!(walked.stderr.contains("starting a temporary local stack"), "{walked:?}");
    assert_eq!((stack.identities(), stack.request_count("deleteIdentity")), (0, 2));
    alone.left_nothing();
}

#[test]
fn a_stack_file_of_an_ended_stack_is_ignored_unless_it_was_named() {
    let (alone, mut gone, stack) = (Alone::new(), CliStack::start(), CliStack::start());
    alone.has_a_stack(&stack);
    gone.kill();
    let mut quickstart = alone.quickstart();
    let walked = run(quickstart.current_dir(gone.dir()), "");
    assert_eq!(walked.code, 0, "{walked:?}");
    assert!(walked.stderr.contains("has gone: starting a temporary one"), "{walked:?}");
    let named = gone.run(&["quickstart", "--local"]);
    assert!(named.code == 5 && named.stderr.contains("has gone"), "{named:?}");
    assert_eq!(named.stdout, "", "and no step is said to be done");
}

#[test]
fn a_create_with_an_unknown_outcome_is_reported_and_one_that_was_not_sent_is_not() {
    let stack = CliStack::start();
    stack.fault("createIdentity", &json!({ "delayMs": 20_000 }));
    let unsure = stack.run(&["quickstart"]);
    assert_eq!(unsure.code, 5, "{unsure:?}");
    assert!(unsure.stderr.contains("may have made an identity all the same"), "{unsure:?}");

    let nothing = stack.run(&["quickstart", "--table", "missing"]);
    assert!(!nothing.stderr.contains("has not cleaned up"), "{nothing:?}");
    assert_ne!(nothing.code, 0, "{nothing:?}");
}

#[test]
fn the_list_of_steps_is_valid_json_after_a_failure() {
    let stack = CliStack::start();
    stack.fault("revokeAccessTokens", &json!({ "status": 500 }));
    let failed = stack.run(&["quickstart", "-o", "json"]);
    let steps: Vec<Value> = serde_json::from_str(&failed.stdout).unwrap();
    assert_eq!((failed.code, steps.len()), (5, 5));
}

#[test]
fn ctrl_c_during_a_create_leaves_nothing() {
    let stack = CliStack::start();
    stack.fault("createIdentity", &json!({ "delayMs": 4000 }));
    let mut quickstart = RunningTool::start(stack.command(&["quickstart", "-o", "table"]));
    quickstart.wait_until(|| stack.request_count("createIdentity") == 1);
    quickstart.interrupt();
    let (code, stderr) = quickstart.wait();
    assert_eq!((code, stack.identities()), (130, 0), "{stderr}");
    assert!(stderr.contains("stopped; nothing is left"), "{stderr}");
    assert_eq!(stack.request_count("deleteIdentity"), 1);
}

#[test]
fn the_first_ctrl_c_lets_the_cleanup_finish_and_the_second_names_what_is_left() {
    let stack = CliStack::start();
    stack.fault("deleteIdentity", &json!({ "delayMs": 3000 }));
    for (presses, code) in [(1, 0), (2, 130)] {
        let before = stack.request_count("deleteIdentity");
        let mut quickstart = RunningTool::start(stack.command(&["quickstart", "-o", "none"]));
        quickstart.wait_until(|| stack.request_count("deleteIdentity") > before);
        quickstart.interrupt();
        quickstart.read_until("stopping");
        if presses == 2 {
            quickstart.interrupt();
        }
        let (ended, stderr) = quickstart.wait();
        assert_eq!(ended, code, "{stderr}");
        assert_eq!(stderr.contains("guestpass identity delete 'quickstart|"), presses == 2);
        assert_eq!(stack.identities() == 0, presses == 1);
    }
}

#[test]
fn ctrl_c_while_its_own_stack_starts_leaves_nothing() {
    let alone = Alone::new();
    // This stack never becomes ready.
    alone.has("local-stack", "mkdir -p \"$data\"; exec cat > /dev/null");
    let mut quickstart = RunningTool::start(alone.quickstart());
    quickstart.wait_until(|| alone.kept() == 1);
    quickstart.interrupt();
    let (code, stderr) = quickstart.wait();
    assert_eq!(code, 130, "{stderr}");
    alone.left_nothing();
}

/// The tool in its own directory, outside of any repository. Other processes write the programs
/// there: a file that this process has open is for a moment also open in each process that
/// another test starts, and the system does not run a program that is open for writing.
struct Alone(TempDir);

impl Alone {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let tool = directory.path().join("guestpass");
        let mut copy = Command::new("cp");
        let copied = run(copy.arg(binary("guestpass")).arg(tool), "");
        assert_eq!(copied.code, 0, "{copied:?}");
        std::fs::create_dir(directory.path().join("tmp")).unwrap();
        Self(directory)
    }

    fn quickstart(&self) -> Command {
        let mut command = Command::new(self.0.path().join("guestpass"));
        command.arg("quickstart").env_clear().current_dir(&self.0);
        command.env("TMPDIR", self.0.path().join("tmp")).env("PATH", "/usr/bin:/bin");
        command
    }

    /// Puts a program beside the tool.
    fn has(&self, name: &str, script: &str) {
        let path = self.0.path().join(name);
        // Parses the options of `local-stack`, each with its value.
        let options = "while [ $# -gt 0 ]; do case $1 in --data) data=$2;; \
             --stack-file) file=$2;; --template) template=$2;; esac; shift; done";
        let mut write = Command::new("sh");
        write.args(["-c", "cat > \"$0\" && chmod 700 \"$0\""]).arg(path);
        let written = run(&mut write, &format!("#!/bin/sh\n{options}\n{script}\n"));
        assert_eq!(written.code, 0, "{written:?}");
    }

    /// Puts a program beside the tool that points to `stack`, and ends with its stdin. Like
    /// `local-stack`, it publishes its file only when the file is complete.
    fn has_a_stack(&self, stack: &CliStack) {
        let file = stack.dir().join("target/local/stack.json");
        let script = "grep -q AWS::DynamoDB::Table \"$template\" || exit 1";
        self.has(
            "local-stack",
            &format!(
                "{script}; cp {} \"$file.new\"; mv \"$file.new\" \"$file\"; exec cat",
                file.display()
            ),
        );
    }

    /// How many directories the tool has not removed.
    fn kept(&self) -> usize {
        std::fs::read_dir(self.0.path().join("tmp")).unwrap().count()
    }

    fn left_nothing(&self) {
        assert_eq!(self.kept(), 0);
    }
}
