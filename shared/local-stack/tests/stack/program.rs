//! Tests of the program as a separate process.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::fixture::{client, functions_dir, is_running, template, token, until};

struct Program {
    child: Child,
    addresses: Value,
    directory: TempDir,
}

impl Program {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let stack_file = directory.path().join("stack.json");
        let mut child = command(directory.path()).spawn().unwrap();
        let mut addresses = Value::Null;
        until("stack.json exists", async || {
            assert!(child.try_wait().unwrap().is_none(), "the stack has ended");
            match std::fs::read(&stack_file) {
                Ok(json) => addresses = serde_json::from_slice(&json).unwrap(),
                Err(_) => return false,
            }
            true
        })
        .await;
        Self { child, addresses, directory }
    }

    fn address(&self, name: &str) -> &str {
        self.addresses[name].as_str().unwrap()
    }

    /// Makes a request and returns the process that answers or hangs.
    async fn function(&self, query: &str) -> u32 {
        let token = token(&client(), self.address("issuer"), "guestpass.token").await;
        let url = format!("{}/echo{query}", self.address("gateway"));
        let request = tokio::spawn(client().get(url).bearer_auth(token).send());
        let functions = format!("{}/_local/functions", self.address("console"));
        let mut pid = None;
        until("the function has a process", async || {
            let pids: Value = client().get(&functions).send().await.unwrap().json().await.unwrap();
            pid = pids["echo_function"][0].as_u64();
            pid.is_some()
        })
        .await;
        if query.is_empty() {
            assert_eq!(request.await.unwrap().unwrap().status(), 200);
        } else {
            let log = self.directory.path().join("data/logs/echo_function.log");
            until("the function hangs", async || {
                std::fs::read_to_string(&log).is_ok_and(|log| log.contains("hanging"))
            })
            .await;
        }
        u32::try_from(pid.unwrap()).unwrap()
    }
}

fn command(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local-stack"));
    command
        .args(["--port", "0", "--ephemeral", "--exit-with-stdin", "--template"])
        .arg(template())
        .arg("--functions-dir")
        .arg(functions_dir())
        .arg("--data")
        .arg(directory.join("data"))
        .arg("--stack-file")
        .arg(directory.join("stack.json"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

#[tokio::test]
async fn the_program_stops_with_its_functions_when_stdin_is_closed() {
    let mut program = Program::start().await;
    let pid = program.function("").await;
    drop(program.child.stdin.take());
    until("the stack has ended", async || program.child.try_wait().unwrap().is_some()).await;
    assert!(!is_running(pid));
    assert!(!program.directory.path().join("stack.json").exists());
    let output = program.child.wait_with_output().unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    assert!(output.contains("curl -s -X POST"), "{output}");
    assert!(output.contains("-d scope=guestpass.admin -d role=guestpass-admin"), "{output}");
    assert!(output.contains("GET /echo 200 "), "{output}");
    assert!(!output.contains("Bearer ey") && !output.contains("accesskey"), "{output}");
}

#[tokio::test]
async fn sigterm_stops_the_program_and_its_functions() {
    let mut program = Program::start().await;
    let pid = program.function("").await;
    let id = program.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    until("the stack has ended", async || program.child.try_wait().unwrap().is_some()).await;
    assert!(program.child.wait().unwrap().success());
    assert!(!is_running(pid));
}

#[tokio::test]
async fn no_function_survives_a_killed_stack() {
    for query in ["", "?do=hang"] {
        let mut program = Program::start().await;
        let pid = program.function(query).await;
        program.child.kill().unwrap();
        program.child.wait().unwrap();
        until("the function has ended", async || !is_running(pid)).await;
    }
}

#[tokio::test]
async fn an_unread_stdout_does_not_block_the_stack() {
    let mut program = Program::start().await;
    // More than a pipe holds, and then more than the queue holds.
    let path = "a".repeat(4000);
    let client = client();
    for _ in 0..1200 {
        let url = format!("{}/{path}", program.address("gateway"));
        assert_eq!(client.get(url).send().await.unwrap().status(), 404);
    }
    drop(program.child.stdin.take());
    until("the stack has ended", async || program.child.try_wait().unwrap().is_some()).await;
}

#[test]
fn a_stack_that_other_machines_can_reach_starts_with_a_warning() {
    for (host, warned) in [("0.0.0.0", true), ("127.0.0.1", false)] {
        let directory = tempfile::tempdir().unwrap();
        let mut command = command(directory.path());
        command.args(["--host", host, "--template", "none.yaml"]);
        let output = command.stdin(Stdio::null()).output().unwrap();
        let output = String::from_utf8(output.stderr).unwrap();
        let warning = format!("Warning: gateway and issuer listen on {host}, so other machines");
        assert_eq!(output.starts_with(&warning), warned, "{output}");
        // Without a network, no other machine can reach it.
        let has_no_network = warned && output.contains("this machine has no address in a network");
        assert!(output.contains("none.yaml") || has_no_network, "{output}");
    }
}

#[test]
fn an_invalid_command_line_is_explained() {
    let output = Command::new(env!("CARGO_BIN_EXE_local-stack")).arg("--prot").output().unwrap();
    assert!(!output.status.success());
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("unknown option `--prot`"), "{message}");
    assert!(message.contains("--port N"), "{message}");
}
