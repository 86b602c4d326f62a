use std::{
    io::Write as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use harness::{TEMPLATE, TestStack, binary, call_dynamodb, local_stack, send};
use serde_json::{Value, json};
use serde_norway::Value as Yaml;
use tempfile::TempDir;

/// A stack, and the tool in its directory.
#[derive(Debug)]
pub struct CliStack(TestStack);

/// The result of running the tool.
#[derive(Debug)]
pub struct ToolOutput {
    /// Its stdout.
    pub stdout: String,
    /// Its stderr.
    pub stderr: String,
    /// Its exit code; -1 after a signal.
    pub code: i32,
}

impl CliStack {
    /// Starts a stack without functions, which most commands do not need.
    #[must_use]
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// Starts a stack without functions, with additional options.
    #[must_use]
    pub fn with(options: &[&str]) -> Self {
        let dir = TempDir::new().unwrap();
        let template = dir.path().join("template.yaml");
        std::fs::write(&template, without_functions()).unwrap();
        Self::launch(dir, &template, options)
    }

    /// Starts a stack with the functions.
    #[must_use]
    pub fn with_functions() -> Self {
        Self::with_functions_and(&[])
    }

    /// Starts a stack with the functions, with additional options.
    #[must_use]
    pub fn with_functions_and(options: &[&str]) -> Self {
        Self::launch(TempDir::new().unwrap(), Path::new(TEMPLATE), options)
    }

    fn launch(dir: TempDir, template: &Path, options: &[&str]) -> Self {
        let mut command = local_stack();
        command.arg("--ephemeral").arg("--template").arg(template).args(options);
        Self(TestStack::start(dir, &mut command))
    }

    /// The directory in which the tool starts; `target/local/stack.json` is below it.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.0.dir()
    }

    /// The tool in the stack's directory, with an empty environment.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        guestpass(self.dir(), arguments)
    }

    /// Runs the tool.
    pub fn run(&self, arguments: &[&str]) -> ToolOutput {
        run(&mut self.command(arguments), "")
    }

    /// Runs the tool with this stdin.
    pub fn run_with(&self, arguments: &[&str], input: &str) -> ToolOutput {
        run(&mut self.command(arguments), input)
    }

    /// Runs the tool, which must succeed. Returns its output as JSON.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let done = self.run(&[arguments, &["-o", "json"]].concat());
        assert_eq!(done.code, 0, "{done:?}");
        serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("no JSON: {done:?}"))
    }

    /// Creates an identity. Returns its ACS id.
    pub fn identity(&self, external_id: &str) -> String {
        let created = self.json(&["identity", "create", "--external-id", external_id]);
        created["user"]["communicationUserId"].as_str().unwrap().to_owned()
    }

    /// A text in `stack.json`, by its JSON pointer.
    #[must_use]
    pub fn text(&self, pointer: &str) -> String {
        self.0.text(pointer).to_owned()
    }

    /// The connection string.
    #[must_use]
    pub fn connection_string(&self) -> String {
        self.text("/acs/connectionString")
    }

    /// Calls the control API of the emulator.
    pub fn emulator(&self, route: &str, body: &Value) -> Value {
        self.control("/acs/http", "/_emulator/", route, body)
    }

    /// Calls the control API of the stack.
    pub fn console(&self, route: &str, body: &Value) -> Value {
        self.control("/console", "/_local/", route, body)
    }

    fn control(&self, base: &str, prefix: &str, route: &str, body: &Value) -> Value {
        let route = route.replacen(' ', &format!(" {prefix}"), 1);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let reply = send(&self.text(base), &route, &[], &body).unwrap();
        assert!(reply.is_success(), "{route}: {reply:?}");
        reply.body
    }

    /// Calls the DynamoDB engine.
    pub fn dynamodb(&self, operation: &str, request: &Value) {
        call_dynamodb(&self.text("/dynamodb"), operation, request).unwrap();
    }

    /// The number of requests to ACS for `operation`.
    #[must_use]
    pub fn request_count(&self, operation: &str) -> u64 {
        self.emulator("GET requests", &Value::Null)["counts"][operation].as_u64().unwrap_or(0)
    }

    /// The number of identities in ACS.
    #[must_use]
    pub fn identities(&self) -> usize {
        self.emulator("GET identities", &Value::Null)["identities"].as_array().unwrap().len()
    }

    /// Makes ACS fail from now on, until the fault is removed.
    pub fn fault(&self, operation: &str, action: &Value) {
        let fault = json!({ "operation": operation, "action": action });
        self.emulator("POST faults", &json!({ "faults": [fault] }));
    }

    /// A bearer of the issuer; `form` is the body of the request for it.
    #[must_use]
    pub fn bearer(&self, form: &str) -> String {
        let reply = send(&self.text("/issuer"), "POST /token", &[], form).unwrap();
        reply.body["access_token"].as_str().unwrap().to_owned()
    }

    /// Kills the stack. `stack.json` remains.
    pub fn kill(&mut self) {
        self.0.kill();
    }
}

/// The tool in `directory`, with an empty environment.
#[must_use]
pub fn guestpass(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary("guestpass"));
    command.args(arguments).current_dir(directory).env_clear();
    // Without a profile, and without a request to a cloud's metadata service.
    command.env("HOME", directory).env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

/// Runs a command until it ends.
pub fn run(command: &mut Command, input: &str) -> ToolOutput {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    // A command that does not read stdin may close it, which does not matter here.
    let _ = process.stdin.take().unwrap().write_all(input.as_bytes());
    let Output { status, stdout, stderr } = process.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    ToolOutput { stdout: text(stdout), stderr: text(stderr), code: status.code().unwrap_or(-1) }
}

/// The project's template, without the parts that need other binaries.
fn without_functions() -> String {
    let template = std::fs::read_to_string(TEMPLATE).unwrap();
    let mut template: Yaml = serde_norway::from_str(&template).unwrap();
    let resources = template.get_mut("Resources").and_then(Yaml::as_mapping_mut).unwrap();
    resources.retain(|_, resource| {
        let kind = resource.get("Type").and_then(Yaml::as_str).unwrap_or_default();
        ["AWS::DynamoDB::Table", "AWS::Events::EventBus", "AWS::SecretsManager::Secret"]
            .contains(&kind)
            // The variables of all functions refer to them.
            || kind.starts_with("AWS::AppConfig::")
    });
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
