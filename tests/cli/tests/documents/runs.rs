//! Runs snippets on a local stack, or on an emulator alone, as they are written.

use std::process::Command;
use std::time::Duration;

use cli::{CliStack, LoneEmulator, ToolOutput, run, stable};
use harness::{ROOT, binary, wait_until};
use serde_json::Value;

use crate::blocks::{Block, blocks};
use crate::listed::Treatment;
use crate::treatment;

/// The shell with our programs, in the directory of a stack.
fn bash(stack: &CliStack, script: &str) -> Command {
    let mut ports = script.to_owned();
    for (documented, field) in [
        ("http://127.0.0.1:3000", "/gateway"),
        ("http://127.0.0.1:3001", "/console"),
        ("http://127.0.0.1:3002", "/issuer"),
        ("http://127.0.0.1:3003", "/events"),
    ] {
        ports = ports.replace(documented, &stack.text(field));
    }
    let programs = binary("guestpass").parent().unwrap().to_owned();
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", programs.display());
    let mut command = Command::new("bash");
    command.args(["-e", "-o", "pipefail", "-c", &ports]).current_dir(stack.dir()).env_clear();
    command.env("PATH", path).env("HOME", stack.dir()).env("NO_PROXY", "127.0.0.1");
    command.env("SUB", "alice").env("ISSUER", stack.text("/issuer"));
    command
}

fn place(block: &Block) -> String {
    format!("{}:{}", block.file, block.line)
}

fn treated(wanted: &Treatment) -> Vec<Block> {
    blocks().into_iter().filter(|block| treatment(block) == Some(wanted)).collect()
}

/// The prompts of a session become commands that print a table, as a terminal gets it.
fn script(block: &Block) -> String {
    if block.language != "console" {
        return block.text.clone();
    }
    let commands = block.text.lines().filter_map(|line| line.strip_prefix("$ "));
    let table = |line: &str| {
        if line.starts_with("guestpass ") { format!("{line} -o table") } else { line.to_owned() }
    };
    commands.map(table).collect::<Vec<_>>().join("\n")
}

fn succeeds(block: &Block, ran: &ToolOutput) {
    assert_eq!(ran.code, 0, "{}: {ran:?}", place(block));
    // curl succeeds with a refusal, too.
    for refusal in ["\"message\":", "\"/problems/"] {
        assert!(!ran.stdout.contains(refusal), "{}: {ran:?}", place(block));
    }
}

#[test]
fn the_snippets_about_the_local_stack_work() {
    let stack = CliStack::with_functions();
    let imported =
        format!("{}|bob,8:acs:1b5cc06b-f352-4571-b1e6-d9b259b7c776_07\n", stack.text("/issuer"));
    std::fs::write(stack.dir().join("identities.csv"), imported).unwrap();
    let blocks = treated(&Treatment::OnStack);
    assert!(blocks.len() >= 10, "only {} snippets", blocks.len());
    for block in blocks {
        let mut last = None;
        // What an event does is to be seen only when its queue has delivered it.
        let holds = wait_until(Duration::from_mins(1), || {
            let ran = run(&mut bash(&stack, &script(&block)), "");
            let is_done = ran.code == 0;
            last = Some(ran);
            is_done
        });
        assert!(holds, "{}: {last:?}", place(&block));
        let ran = last.unwrap();
        succeeds(&block, &ran);
        if block.language == "console" {
            let output = block.text.lines().filter(|line| !line.starts_with("$ "));
            let expected = stable(&format!("{}\n", output.collect::<Vec<_>>().join("\n")));
            assert_eq!(stable(&ran.stdout), expected, "{}", place(&block));
        }
    }
}

#[test]
fn the_snippets_about_the_simulated_entra_do_what_their_comments_say() {
    let stack = CliStack::with_functions_and(&["--parameter", "SubjectClaims=tid,oid"]);
    stack.console("POST functions/watch-entra-users/invoke", &serde_json::json!({}));
    let blocks = treated(&Treatment::OnStackWithEntra);
    let [block] = &blocks[..] else { panic!("{} snippets", blocks.len()) };
    let (setting, requests) = block.text.split_once('\n').unwrap();
    let answers: Vec<Value> = requests
        .lines()
        .map(|line| {
            let line = format!("{setting}\n{}", line.replacen("curl", "curl -fsS", 1));
            let ran = run(&mut bash(&stack, &line), "");
            assert_eq!(ran.code, 0, "{line}: {ran:?}");
            serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{line}: {ran:?}"))
        })
        .collect();
    let [disabled, revoked, lost, deleted, _, _, shown] = &answers[..] else {
        panic!("{} commands", answers.len())
    };
    // The function receives the notifications. It answers 202.
    for notified in [disabled, revoked, deleted] {
        assert_eq!(notified["notified"], serde_json::json!([202]), "{notified}");
    }
    assert_eq!(lost["notified"], serde_json::json!([]), "{lost}");
    let enabled = [disabled, revoked, lost].map(|one| one["user"]["accountEnabled"].clone());
    assert_eq!(enabled, [false, false, true].map(Value::from));
    assert_eq!(shown["subscriptions"], serde_json::json!([]), "{shown}");
}

#[test]
fn the_first_request_of_the_readme_returns_the_documented_fields() {
    let stack = CliStack::with_functions();
    let readme: Vec<Block> =
        blocks().into_iter().filter(|block| block.file == "README.md").collect();
    let request = readme.iter().find(|block| block.text.starts_with("TOKEN=$(curl")).unwrap();
    let response = readme.iter().find(|block| block.text.starts_with("{\"token\"")).unwrap();
    let ran = run(&mut bash(&stack, &request.text), "");
    let names = |text: &str| -> Vec<String> {
        let value: Value = serde_json::from_str(text).unwrap_or_else(|_| panic!("{text}"));
        value.as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(names(&ran.stdout), names(&response.text));
}

#[test]
fn the_snippets_about_an_acs_resource_work_with_an_emulator() {
    let emulator = LoneEmulator::start(&[]);
    let blocks = treated(&Treatment::OnEmulator);
    assert!(!blocks.is_empty());
    for block in blocks {
        let text = block.text.replace(
            "'endpoint=https://…;accesskey=…'",
            &format!("'{}'", emulator.announced("connection string")),
        );
        let programs = binary("guestpass").parent().unwrap().to_owned();
        let mut command = Command::new("bash");
        command.args(["-e", "-c", &text]).current_dir(emulator.dir()).env_clear();
        command.env("PATH", format!("{}:/usr/bin:/bin", programs.display()));
        succeeds(&block, &run(&mut command, ""));
    }
}

#[test]
fn the_snippets_about_files_of_the_repository_work() {
    let blocks = treated(&Treatment::InRepository);
    assert!(!blocks.is_empty());
    for block in blocks {
        let mut command = Command::new("bash");
        command.args(["-e", "-c", &block.text]).current_dir(ROOT).env_clear();
        succeeds(&block, &run(command.env("PATH", "/usr/bin:/bin"), ""));
    }
}
