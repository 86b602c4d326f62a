//! A stack that lives as long as its test, and commands to run the tool against it.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::mpsc,
    thread::JoinHandle,
};

use local_stack::{LocalStack, ProcessEnvironment};
use serde_json::{Value, json};
use serde_norway::Value as Yaml;
use tempfile::TempDir;
use tokio::sync::oneshot;

/// A stack without functions: the tool does not need them.
pub(crate) struct Stack {
    /// The tool starts in this directory; `target/local/stack.json` is below it.
    pub(crate) dir: TempDir,
    places: Value,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The result of running the tool.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: i32,
}

impl Stack {
    /// Starts a stack on free ports.
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// Starts a stack with additional options.
    pub(crate) fn with(options: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        let template = dir.path().join("template.yaml");
        std::fs::write(&template, without_functions()).unwrap();
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        let file = dir.path().join("target/local/stack.json");
        let mut line: Vec<String> = ["--port", "0", "--ephemeral"].map(str::to_owned).to_vec();
        for (flag, value) in [
            ("--template", text(template)),
            ("--data", text(dir.path().join("data"))),
            ("--stack-file", text(file.clone())),
        ] {
            line.extend([flag.to_owned(), value]);
        }
        line.extend(options.iter().map(|option| (*option).to_owned()));
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let command = local_stack::parse(line, ProcessEnvironment::default()).unwrap();
                let local_stack::StackCommand::Start { options, .. } = command else {
                    panic!("the line asks for a stack")
                };
                let stack = LocalStack::start(*options).await.unwrap();
                ready.send(()).unwrap();
                let _ = stopped.await;
                stack.stop().await;
            });
        });
        is_ready.recv().expect("the stack starts");
        let places = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        Self { dir, places, stop: Some(stop), thread: Some(thread) }
    }

    /// The tool in the stack's directory, with an empty environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        command(self.dir.path(), arguments)
    }

    /// Runs the tool.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        ran(&mut self.command(arguments), "")
    }

    /// Runs the tool with this stdin.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Ran {
        ran(&mut self.command(arguments), input)
    }

    /// Runs the tool, which must succeed. Returns its output as JSON.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let done = self.run(&[arguments, &["-o", "json"]].concat());
        assert_eq!(done.code, 0, "{done:?}");
        serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("no JSON: {done:?}"))
    }

    /// Creates an identity. Returns its ACS id.
    pub(crate) fn identity(&self, external_id: &str) -> String {
        let created = self.json(&["identity", "create", "--external-id", external_id]);
        created["user"]["communicationUserId"].as_str().unwrap().to_owned()
    }

    /// A text in `stack.json`.
    pub(crate) fn place(&self, pointer: &str) -> String {
        self.places.pointer(pointer).unwrap().as_str().unwrap().to_owned()
    }

    /// The connection string.
    pub(crate) fn connection_string(&self) -> String {
        self.place("/acs/connectionString")
    }

    /// Calls the control API of the emulator.
    pub(crate) fn emulator(&self, route: &str, body: &Value) -> Value {
        let (method, path) = route.split_once(' ').unwrap();
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let text = http(&self.place("/acs/http"), method, &format!("/_emulator/{path}"), &body);
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// Calls the control API of the stack.
    pub(crate) fn console(&self, route: &str, body: &Value) {
        let (method, path) = route.split_once(' ').unwrap();
        http(&self.place("/console"), method, &format!("/_local/{path}"), &body.to_string());
    }

    /// Calls the DynamoDB engine.
    pub(crate) fn dynamodb(&self, operation: &str, body: &Value) {
        // The engine requires a signature, and does not verify it.
        let headers = format!(
            "X-Amz-Target: DynamoDB_20120810.{operation}\r\n\
             X-Amz-Date: 20260101T000000Z\r\n\
             Content-Type: application/x-amz-json-1.0\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=none\r\n"
        );
        let answer = http_with(&self.place("/dynamodb"), "POST", "/", &headers, &body.to_string());
        assert!(!answer.contains("__type"), "{answer}");
    }

    /// How many requests for `operation` ACS got.
    pub(crate) fn asked(&self, operation: &str) -> u64 {
        self.emulator("GET requests", &Value::Null)["counts"][operation].as_u64().unwrap_or(0)
    }

    /// How many identities ACS has.
    pub(crate) fn identities(&self) -> usize {
        self.emulator("GET identities", &Value::Null)["identities"].as_array().unwrap().len()
    }

    /// Makes ACS fail from now on, until the fault is removed.
    pub(crate) fn fault(&self, operation: &str, action: &Value) {
        let fault = json!({ "operation": operation, "action": action });
        self.emulator("POST faults", &json!({ "faults": [fault] }));
    }

    /// A bearer of the issuer; `form` is the body of the request for it.
    pub(crate) fn bearer(&self, form: &str) -> String {
        let answer = http(&self.place("/issuer"), "POST", "/token", form);
        let answer: Value = serde_json::from_str(&answer).unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// Kills the stack. `stack.json` is left behind.
    pub(crate) fn kill(&mut self) {
        let file = self.dir.path().join("target/local/stack.json");
        let kept = std::fs::read(&file).unwrap();
        self.end();
        std::fs::write(&file, kept).unwrap();
    }

    fn end(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.end();
    }
}

/// The tool in `directory`, with an empty environment.
pub(crate) fn command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_guestpass"));
    command.args(arguments).current_dir(directory).env_clear();
    // Without a profile, and without a request to a cloud's metadata service.
    command.env("HOME", directory).env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

/// Runs a command until it ends.
pub(crate) fn ran(command: &mut Command, input: &str) -> Ran {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    // A command that does not read stdin may close it, which does not matter here.
    let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
    let Output { status, stdout, stderr } = process.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { stdout: text(stdout), stderr: text(stderr), code: status.code().unwrap_or(-1) }
}

/// The project's template, without the parts that need other binaries.
fn without_functions() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/template.yaml");
    let mut template: Yaml =
        serde_norway::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let resources = template.get_mut("Resources").and_then(Yaml::as_mapping_mut).unwrap();
    resources.retain(|_, resource| {
        let kind = resource.get("Type").and_then(Yaml::as_str).unwrap_or_default();
        ["AWS::DynamoDB::Table", "AWS::Events::EventBus", "AWS::SecretsManager::Secret"]
            .contains(&kind)
    });
    template.as_mapping_mut().unwrap().remove("Conditions");
    let queues: Yaml = serde_norway::from_str(QUEUES).unwrap();
    let resources = template.get_mut("Resources").and_then(Yaml::as_mapping_mut).unwrap();
    resources.extend(queues.as_mapping().unwrap().clone());
    serde_norway::to_string(&template).unwrap()
}

/// No function fails here, so the rule sends Guestpass's own events directly to the dead-letter
/// queue.
const QUEUES: &str = "
Events:
  Type: AWS::SQS::Queue
  Properties:
    RedrivePolicy: { deadLetterTargetArn: !GetAtt DeadLetters.Arn, maxReceiveCount: 5 }
DeadLetters:
  Type: AWS::SQS::Queue
Rule:
  Type: AWS::Events::Rule
  Properties:
    EventBusName: !Ref EventBus
    EventPattern: { source: [guestpass.identity] }
    Targets: [{ Id: dead, Arn: !GetAtt DeadLetters.Arn }]
";

/// Sends one request. Returns the body of its response.
fn http(base: &str, method: &str, path: &str, body: &str) -> String {
    http_with(base, method, path, "", body)
}

fn http_with(base: &str, method: &str, path: &str, headers: &str, body: &str) -> String {
    let host = base.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(host).unwrap();
    let length = body.len();
    // HTTP/1.0, so that the response ends when the connection closes.
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: {host}\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
}
