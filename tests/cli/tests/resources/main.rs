//! A service with several ACS resources.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests may panic")]

mod access;
mod doctor;
mod identities;
mod listing;
mod moving;

use std::process::Command;

use cli::{CliStack, ToolOutput, guestpass, run};
use harness::send;
use serde_json::{Value, json};

const STRING: &str = "COMMUNICATION_SERVICES_CONNECTION_STRING";

/// A stack with the resources `main`, `r2` and `r3`.
fn stack() -> CliStack {
    CliStack::with(&["--resources", "3"])
}

/// The connection strings of these resources as a secret has them.
fn secret(stack: &CliStack, names: &[&str]) -> String {
    let string = |name: &&str| {
        let string = stack.text(&format!("/acs/connectionStrings/{name}"));
        ((*name).to_owned(), Value::from(string))
    };
    Value::Object(names.iter().map(string).collect()).to_string()
}

/// The tool with the stack as a deployed service.
fn deployed(stack: &CliStack, arguments: &[&str]) -> Command {
    let mut command = guestpass(std::path::Path::new("/"), arguments);
    command.envs([
        ("GUESTPASS_TABLE", stack.text("/table").as_str()),
        ("GUESTPASS_AUDIT_TABLE", &stack.text("/auditTable")),
        ("AWS_ENDPOINT_URL_DYNAMODB", &stack.text("/dynamodb")),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &stack.text("/secretsManager")),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
    ]);
    command
}

/// Runs the tool with this text as its connection string.
fn with_string(stack: &CliStack, string: &str, arguments: &[&str]) -> ToolOutput {
    run(deployed(stack, arguments).env(STRING, string), "")
}

/// Creates an identity in a resource. Returns its ACS id.
fn identity(stack: &CliStack, user: &str, resource: &str) -> String {
    let line = ["identity", "create", "--external-id", user, "--resource", resource];
    let created = stack.json(&line);
    assert_eq!(created["resource"], resource, "{created}");
    created["user"]["communicationUserId"].as_str().unwrap().to_owned()
}

/// What the control API of a resource's emulator returns.
fn emulator(stack: &CliStack, resource: &str, route: &str) -> Value {
    let url = match resource {
        "main" => stack.text("/acs/http"),
        other => stack.text(&format!("/acs/others/{other}")),
    };
    send(&url, &format!("GET /_emulator/{route}"), &[], "").unwrap().body
}

/// The number of identities in a resource.
fn count(stack: &CliStack, resource: &str) -> usize {
    emulator(stack, resource, "identities")["identities"].as_array().unwrap().len()
}

/// The number of requests for an operation to a resource.
fn requests(stack: &CliStack, resource: &str, operation: &str) -> u64 {
    emulator(stack, resource, "requests")["counts"][operation].as_u64().unwrap_or(0)
}

/// A placement in which `main` and `r3` are open, and `r2` is being drained.
fn draining() -> String {
    json!({ "main": {}, "r3": { "weight": 3 }, "r2": { "state": "draining" } }).to_string()
}
