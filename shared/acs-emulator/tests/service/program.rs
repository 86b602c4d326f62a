//! The program, started and killed.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use reqwest::Client;
use serde_json::Value;

use crate::support::{Draft, V2023, signed};

/// A running program, killed without warning when dropped.
struct Program {
    child: Child,
    endpoint: String,
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let mut child = command(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let endpoint = line.split_whitespace().last().unwrap().to_owned();
        Self { child, endpoint }
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
    command.args(arguments).stderr(Stdio::null());
    command
}

/// Has the kept emulator create an identity, signed with the kept key.
async fn create(program: &Program, data: &Path) -> String {
    let kept: Value =
        serde_json::from_slice(&std::fs::read(data.join("resource.json")).unwrap()).unwrap();
    let key = kept["primaryKey"].as_str().unwrap();
    let draft = Draft::new(key, "POST", &format!("/identities{V2023}"), "");
    let client = Client::builder().build().unwrap();
    let reply = signed(&client, &program.endpoint, draft).await.unwrap();
    reply.json()["identity"]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_killed_program_knows_its_identities_and_keys_again() {
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

#[test]
fn an_address_that_others_reach_is_refused() {
    let output = command(&["--host", "0.0.0.0"]).stderr(Stdio::piped()).output().unwrap();
    assert!(!output.status.success());
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.contains("--i-know-this-is-an-emulator"), "{complaint}");
}
