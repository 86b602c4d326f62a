//! Uses the operator's own credentials from the same sources as the AWS CLI, against the stack's
//! engines in place of the cloud's.

use std::{fs, path::Path, process::Command};

use cli::{CliStack, guestpass, run};
use serde_json::json;

const ENVIRONMENT: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "environment"), ("AWS_SECRET_ACCESS_KEY", "environment")];

/// The tool in another directory. The stack is the cloud, and its secret holds the connection
/// string. Without credentials.
fn deployed(stack: &CliStack, line: &[&str]) -> Command {
    let mut command = guestpass(Path::new("/"), line);
    command.envs([
        ("GUESTPASS_SECRET", stack.text("/acsSecretArn")),
        ("GUESTPASS_TABLE", stack.text("/table")),
        ("AWS_ENDPOINT_URL_DYNAMODB", stack.text("/dynamodb")),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", stack.text("/secretsManager")),
        ("AWS_CONFIG_FILE", stack.dir().join("config").display().to_string()),
    ]);
    command.env("AWS_REGION", "eu-west-1");
    command
}

/// Gives the profile `ops` this script for its credentials. The script records each run.
fn profile(stack: &CliStack, script: &str) {
    let directory = stack.dir();
    let process = directory.join("credentials");
    let (asked, answer) = (
        directory.join("asked").display().to_string(),
        json!({ "Version": 1, "AccessKeyId": "ops", "SecretAccessKey": "ops" }),
    );
    let script = format!("echo asked >> {asked}\n{script}\necho '{answer}'\n");
    fs::write(&process, script).unwrap();
    let process = process.display();
    let config = format!("[profile ops]\nregion = eu-north-1\ncredential_process = sh {process}\n");
    fs::write(directory.join("config"), config).unwrap();
}

/// How often the profile's script ran.
fn asked(stack: &CliStack) -> usize {
    fs::read_to_string(stack.dir().join("asked")).unwrap_or_default().lines().count()
}

#[test]
fn a_profile_on_the_command_line_wins_over_keys_in_the_environment() {
    let stack = CliStack::start();
    profile(&stack, "");
    let mut by_flag = deployed(&stack, &["identity", "list", "--profile", "ops"]);
    let listed = run(by_flag.envs(ENVIRONMENT), "");
    assert_eq!((listed.code, asked(&stack)), (0, 1), "{listed:?}");
    // As with the AWS CLI, the variable is only a default.
    let mut by_variable = deployed(&stack, &["identity", "list"]);
    let listed = run(by_variable.envs(ENVIRONMENT).env("AWS_PROFILE", "ops"), "");
    assert_eq!((listed.code, asked(&stack)), (0, 1), "{listed:?}");
}

#[test]
fn a_missing_profile_is_an_error_that_names_it() {
    let stack = CliStack::start();
    let mut command = deployed(&stack, &["identity", "list", "--profile", "nope"]);
    let failed = run(command.envs(ENVIRONMENT), "");
    assert_eq!(failed.code, 4, "{failed:?}");
    assert!(failed.stderr.contains("the profile nope gives no AWS credentials"), "{failed:?}");
}

/// The script takes longer than any one request may, and both the secret and the table need its
/// credentials.
#[test]
fn the_tool_waits_once_for_slow_credentials() {
    let stack = CliStack::start();
    stack.identity("alice");
    profile(&stack, "sleep 5");
    let mut command = deployed(&stack, &["doctor", "--profile", "ops"]);
    let well = run(&mut command, "");
    assert_eq!((well.code, asked(&stack)), (0, 1), "{well:?}");
}

#[test]
fn an_error_about_credentials_does_not_mention_the_table() {
    let stack = CliStack::start();
    profile(&stack, "echo signed out >&2; exit 1");
    let failed = run(&mut deployed(&stack, &["identity", "list", "--profile", "ops"]), "");
    assert_eq!(failed.code, 4, "{failed:?}");
    assert!(failed.stderr.contains("signed out") && !failed.stderr.contains("table"), "{failed:?}");
}

#[test]
fn the_connection_string_can_be_the_one_that_the_functions_read() {
    let stack = CliStack::start();
    stack.identity("alice");
    let arn = stack.text("/acsSecretArn");
    let deployed_run = |line: &[&str]| run(deployed(&stack, line).envs(ENVIRONMENT), "");
    let status = deployed_run(&["status", "-o", "tsv"]);
    let because = format!("direct\tthe connection string in the secret {arn}\t");
    assert!(status.stdout.starts_with(&because), "{status:?}");
    let key = stack.text("/acs/accessKey");
    assert!(!status.stdout.contains(&key) && !status.stderr.contains(&key));
    assert_eq!(deployed_run(&["token", "issue", "--user", "alice", "--scope", "voip"]).code, 0);
    // A flag wins over the environment.
    let mut command = deployed(&stack, &["status", "-o", "tsv", "--secret", &arn]);
    command.envs(ENVIRONMENT).env_remove("GUESTPASS_SECRET");
    let elsewhere = "endpoint=https://contoso.communication.azure.com/;accesskey=aGVsbG8=";
    command.env("COMMUNICATION_SERVICES_CONNECTION_STRING", elsewhere);
    assert_eq!(run(&mut command, "").stdout, status.stdout);
}

#[test]
fn an_unreadable_secret_is_reported_as_such() {
    let stack = CliStack::start();
    let missing = ["status", "--secret", "arn:aws:secretsmanager:eu-west-1:1:secret:none"];
    let failed = run(deployed(&stack, &missing).envs(ENVIRONMENT), "");
    assert_eq!(failed.code, 2, "{failed:?}");
    assert!(failed.stderr.contains("the secret does not exist"), "{failed:?}");
}

#[test]
fn the_status_shows_the_region_from_every_source() {
    let stack = CliStack::start();
    profile(&stack, "");
    let string = stack.connection_string();
    for (flags, variable, region) in [
        (&["--region", "eu-west-3"][..], ("AWS_REGION", "eu-west-1"), "eu-west-3"),
        (&[], ("AWS_REGION", "eu-west-1"), "eu-west-1"),
        (&[], ("AWS_DEFAULT_REGION", "eu-west-2"), "eu-west-2"),
        (&[], ("AWS_PROFILE", "ops"), "eu-north-1"),
        (&["--profile", "ops"], ("AWS_PROFILE", "another"), "eu-north-1"),
    ] {
        let mut command = deployed(&stack, &[&["status", "-o", "tsv"], flags].concat());
        command.env_remove("AWS_REGION").env("COMMUNICATION_SERVICES_CONNECTION_STRING", &string);
        let status = run(command.env(variable.0, variable.1), "");
        assert!(status.stdout.contains(&format!("\t{region}\t")), "{region}: {status:?}");
    }
    assert_eq!(asked(&stack), 0, "and the tool does not sign in for it");
}
