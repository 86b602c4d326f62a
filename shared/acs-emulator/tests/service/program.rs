//! Tests of the program as a process that is started and killed.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use reqwest::Client;
use serde_json::{Value, json};

use crate::support::{Draft, V2023, now, signed};

/// A running program, which is killed when dropped.
struct Program {
    child: Child,
    endpoint: String,
    /// The rest of the program's output.
    announcement: BufReader<ChildStdout>,
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let mut child = command(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut announcement = BufReader::new(child.stdout.take().unwrap());
        announcement.read_line(&mut line).unwrap();
        let endpoint = line.split_whitespace().last().unwrap().to_owned();
        Self { child, endpoint, announcement }
    }

    /// The rest of the announcement, which ends with the data directory.
    fn announced(&mut self) -> String {
        let mut text = String::new();
        while !text.contains("kept in") {
            assert_ne!(self.announcement.read_line(&mut text).unwrap(), 0, "{text}");
        }
        text
    }

    async fn look(&self, path: &str) -> Value {
        let url = format!("{}/_emulator/{path}", self.endpoint);
        let client = Client::builder().build().unwrap();
        client.get(url).send().await.unwrap().json().await.unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_acs-emulator"));
    command.args(arguments).stderr(Stdio::null()).env_remove("RUST_LOG");
    command
}

/// The primary key that is stored in `data`.
fn key(data: &Path) -> String {
    kept(data, "primaryKey")
}

fn kept(data: &Path, member: &str) -> String {
    let kept: Value =
        serde_json::from_slice(&std::fs::read(data.join("resource.json")).unwrap()).unwrap();
    kept[member].as_str().unwrap().to_owned()
}

/// Creates an identity in the restarted emulator, signed with the stored key.
async fn create(program: &Program, data: &Path) -> String {
    let draft = Draft::new(&key(data), "POST", &format!("/identities{V2023}"), "");
    let client = Client::builder().build().unwrap();
    let reply = signed(&client, &program.endpoint, draft).await.unwrap();
    reply.json()["identity"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_killed_program_restores_its_identities_and_keys() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = ["--port", "0", "--data", dir.path().to_str().unwrap()];
    let first = Program::start(&arguments);
    let id = create(&first, dir.path()).await;
    let jwks = first.look("jwks").await;
    drop(first);

    let second = Program::start(&arguments);
    assert_eq!(second.look("identities").await["identities"][0]["id"], id.as_str());
    assert_eq!(second.look("jwks").await, jwks);
    create(&second, dir.path()).await;
}

#[test]
fn the_announcement_has_a_connection_string_for_each_key_and_each_scheme() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let mut program = Program::start(&["--data", data, "--https-port", "0"]);
    let announced = program.announced();
    for member in ["primaryKey", "secondaryKey"] {
        let key = kept(dir.path(), member);
        let over = |scheme: &str| {
            let with_key = |line: &&str| line.ends_with(&format!(";accesskey={key}"));
            let lines = announced.lines().filter(with_key);
            lines.filter(|line| line.contains(&format!("  endpoint={scheme}://"))).count()
        };
        assert_eq!((over("http"), over("https")), (1, 1), "{member}: {announced}");
    }
}

#[tokio::test]
async fn kept_keys_are_for_their_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let arguments = ["--data", data.to_str().unwrap(), "--https-port", "0"];
    let _program = Program::start(&arguments);
    for name in ["resource.json", "signing-key.der", "ca-key.der"] {
        let mode = std::fs::metadata(data.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert_eq!(std::fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn a_killed_program_knows_its_new_key_and_which_tokens_died_with_the_old_one() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = ["--data", dir.path().to_str().unwrap()];
    let first = Program::start(&arguments);
    let body = r#"{"createTokenWithScopes":["chat"]}"#;
    let draft = Draft::new(&key(dir.path()), "POST", &format!("/identities{V2023}"), body);
    let client = Client::builder().build().unwrap();
    let made = signed(&client, &first.endpoint, draft.clone()).await.unwrap().json();
    let control = |program: &Program, path: &str, body: Value| {
        client.post(format!("{}/_emulator/{path}", program.endpoint)).body(body.to_string()).send()
    };
    let told = control(&first, "keys/regenerate", json!({"keyType": "primary"})).await.unwrap();
    let told: Value = told.json().await.unwrap();
    drop(first);

    let second = Program::start(&arguments);
    assert_eq!(told["accessKey"], key(dir.path()));
    assert_eq!(signed(&client, &second.endpoint, draft).await.unwrap().status, 401);
    create(&second, dir.path()).await;
    let token = &made["accessToken"]["token"];
    let seen = control(&second, "introspect", json!({ "token": token })).await.unwrap();
    let seen: Value = seen.json().await.unwrap();
    assert_eq!(seen["reason"], "key-regenerated");
}

#[test]
fn a_directory_in_use_is_refused_and_free_again_when_its_program_was_killed() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = ["--data", dir.path().to_str().unwrap()];
    let first = Program::start(&arguments);
    let output = command(&arguments).stderr(Stdio::piped()).output().unwrap();
    assert!(!output.status.success());
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.contains("is in use by another emulator"), "{complaint}");
    assert!(complaint.contains(dir.path().to_str().unwrap()), "{complaint}");
    drop(first);
    let _second = Program::start(&arguments);
}

#[test]
fn help_has_the_options() {
    let output = command(&["--help"]).output().unwrap();
    assert!(output.status.success());
    let help = String::from_utf8(output.stdout).unwrap();
    for flag in ["--no-limits", "--revocation-lag", "--issue-for-deleted"] {
        assert!(help.contains(flag), "{help}");
    }
}

#[test]
fn an_address_that_other_machines_reach_is_served_after_confirmation() {
    let _program = Program::start(&["--host", "0.0.0.0", "--i-know-this-is-an-emulator"]);
}

#[test]
fn an_address_that_other_machines_reach_is_refused() {
    let output = command(&["--host", "0.0.0.0"]).stderr(Stdio::piped()).output().unwrap();
    assert!(!output.status.success());
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.contains("--i-know-this-is-an-emulator"), "{complaint}");
}

#[tokio::test]
async fn the_skew_can_be_set() {
    let mut program = Program::start(&["--skew", "60"]);
    let announced = program.announced();
    let key = announced.lines().find_map(|line| line.split_once("accesskey=")).unwrap().1;
    let client = Client::builder().build().unwrap();
    for (seconds, status) in [(-5, 201), (-70, 401)] {
        let date = now() + time::Duration::seconds(seconds);
        let draft = Draft { date, ..Draft::new(key, "POST", &format!("/identities{V2023}"), "") };
        let reply = signed(&client, &program.endpoint, draft).await.unwrap();
        assert_eq!(reply.status, status, "{}", reply.text);
    }
}
