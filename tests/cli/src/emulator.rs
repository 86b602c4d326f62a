use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use harness::{binary, send};
use serde_json::Value;
use tempfile::TempDir;

use crate::guestpass;

/// An ACS emulator without a local stack, and the tool in an empty directory. The emulator ends
/// when this is dropped.
#[derive(Debug)]
pub struct LoneEmulator {
    process: Child,
    dir: TempDir,
    announced: Vec<(String, String)>,
}

impl LoneEmulator {
    /// Starts an emulator with http and https, and with these options.
    #[must_use]
    pub fn start(options: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        let mut process = Command::new(binary("acs-emulator"))
            .args(["--port", "0", "--https-port", "0", "--exit-with-stdin", "--data"])
            .arg(dir.path().join("acs"))
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut announced = Vec::new();
        for line in lines.map_while(Result::ok) {
            let (name, value) = line.split_once("  ").unwrap();
            announced.push((name.to_owned(), value.trim().to_owned()));
            if name == "kept in" {
                break;
            }
        }
        Self { process, dir, announced }
    }

    /// The directory of the tool.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// An announced value, such as `connection string`.
    #[must_use]
    pub fn announced(&self, name: &str) -> &str {
        let found = self.announced.iter().find(|(announced, _)| announced == name);
        &found.unwrap_or_else(|| panic!("{name} is not announced")).1
    }

    /// The certificate to trust for https.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.announced("https certificate").into()
    }

    /// The tool with the connection string and nothing else in its environment: without `HOME`, AWS
    /// configuration or a metadata service to ask.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.without_credentials(arguments);
        command
            .env("COMMUNICATION_SERVICES_CONNECTION_STRING", self.announced("connection string"));
        command
    }

    /// The tool without a connection string.
    #[must_use]
    pub fn without_credentials(&self, arguments: &[&str]) -> Command {
        let mut command = guestpass(self.dir(), arguments);
        // Every request to AWS would fail.
        command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:1").env("AWS_REGION", "eu-west-1");
        command
    }

    /// Calls the control API.
    pub fn control(&self, route: &str, body: &Value) -> Value {
        let route = route.replacen(' ', " /_emulator/", 1);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let reply = send(self.announced("endpoint"), &route, &[], &body).unwrap();
        assert!(reply.is_success(), "{route}: {reply:?}");
        reply.body
    }

    /// Whether a token is active.
    pub fn is_active(&self, token: &str) -> bool {
        self.control("POST introspect", &serde_json::json!({ "token": token }))["active"] == true
    }

    /// The ids of all identities.
    #[must_use]
    pub fn identities(&self) -> Vec<String> {
        let found = self.control("GET identities", &Value::Null);
        let ids = found["identities"].as_array().unwrap().iter();
        ids.map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    }
}

impl Drop for LoneEmulator {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}
