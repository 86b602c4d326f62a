//! Which service is selected: by flags, then by the environment, then by a running stack.

use cli::{CliStack, ToolOutput, guestpass, run};

const DEPLOYED: &str = "endpoint=https://contoso.communication.azure.com/;accesskey=aGVsbG8=";
const SDKS: &str = "COMMUNICATION_SERVICES_CONNECTION_STRING";
const AZ: &str = "AZURE_COMMUNICATION_CONNECTION_STRING";

fn status(stack: &CliStack, flags: &[&str], variables: &[(&str, &str)]) -> ToolOutput {
    let mut command = stack.command(&[&["status", "-o", "tsv"], flags].concat());
    run(command.envs(variables.iter().copied()), "")
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_a_stack() {
    let stack = CliStack::start();
    assert!(status(&stack, &[], &[]).stdout.starts_with("local\t"));
    for name in [SDKS, AZ] {
        let direct = status(&stack, &[], &[(name, DEPLOYED), ("GUESTPASS_TABLE", "T")]);
        assert!(direct.stdout.starts_with(&format!("direct\tthe connection string in {name}\t")));
        assert!(
            direct.stdout.contains("https://contoso.communication.azure.com/\t2026-09-23\tT\t")
        );
        assert!(status(&stack, &["--local"], &[(name, DEPLOYED)]).stdout.starts_with("local\t"));
    }
    let file = stack.dir().join("string");
    std::fs::write(&file, DEPLOYED).unwrap();
    let flag = ["--connection-string-file", file.to_str().unwrap()];
    assert!(status(&stack, &flag, &[("GUESTPASS_TABLE", "T")]).stdout.starts_with("direct\t"));
    assert!(status(&stack, &flag, &[]).stdout.starts_with("ACS alone\t"));
}

#[test]
fn a_stack_is_found_from_a_directory_below() {
    let stack = CliStack::start();
    let below = stack.dir().join("a/b");
    std::fs::create_dir_all(&below).unwrap();
    assert!(run(&mut guestpass(&below, &["status"]), "").stdout.contains("\"way\": \"local\""));
}

#[test]
fn two_variables_that_differ_are_refused() {
    let stack = CliStack::start();
    let other = "endpoint=https://other.communication.azure.com/;accesskey=aGVsbG8=";
    let refused = status(&stack, &[], &[(SDKS, DEPLOYED), (AZ, other)]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("differ"), "{refused:?}");
    assert_eq!(status(&stack, &[], &[(SDKS, DEPLOYED), (AZ, DEPLOYED)]).code, 0);
}

#[test]
fn a_stack_knows_its_own_table() {
    let stack = CliStack::start();
    let told = stack.run(&["identity", "list", "--table", "Missing"]);
    assert!(told.stderr.contains("the local stack has no table Missing"), "{told:?}");
    assert!(told.stderr.contains("leave --table out"), "{told:?}");
}

#[test]
fn stdin_can_only_be_used_once() {
    let nowhere = tempfile::tempdir().unwrap();
    let flags = ["identity", "delete", "--yes", "--connection-string-file", "-", "--file", "-"];
    let refused = run(&mut guestpass(nowhere.path(), &flags), DEPLOYED);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("name a file for all but one of them"), "{refused:?}");
}

#[test]
fn an_invalid_api_version_has_its_own_remedy() {
    let stack = CliStack::start();
    let told = stack.run(&["identity", "list", "--api-version", "soon"]);
    assert_eq!(told.code, 2, "{told:?}");
    assert!(told.stderr.contains("leave it out") && !told.stderr.contains("make run"), "{told:?}");
}

#[test]
fn missing_settings_are_named() {
    let nowhere = tempfile::tempdir().unwrap();
    for (line, variables, expected) in [
        (&["status"][..], &[][..], "no service is selected"),
        (&["status", "--local"], &[], "no local stack runs here"),
        (
            &["status"],
            &[(SDKS, DEPLOYED), ("ACS_API_VERSION", "foo")],
            "\"foo\" is not a valid API version",
        ),
        (&["status", "--stack-file", "missing"], &[], "cannot read missing"),
        (&["identity", "list"], &[(SDKS, DEPLOYED)], "no table is named"),
        (&["identity", "list", "--table", "T"], &[(SDKS, DEPLOYED)], "no AWS region is named"),
        (
            &["identity", "list", "--table", "T", "--region", "eu-west-1"],
            &[(SDKS, DEPLOYED)],
            "no AWS credentials found",
        ),
    ] {
        let mut command = guestpass(nowhere.path(), line);
        let failed = run(command.envs(variables.iter().copied()), "");
        assert!(failed.stderr.contains(expected), "{failed:?}");
        assert!(failed.stderr.contains("  do:  "), "{failed:?}");
        assert_ne!(failed.code, 0);
    }
}

/// Uses the operator's own credentials, with the stack's engine as the table's region.
#[test]
fn a_deployed_service_is_called_with_the_operators_credentials() {
    let stack = CliStack::start();
    stack.identity("alice");
    let mut command =
        guestpass(std::path::Path::new("/"), &["identity", "show", "alice", "-o", "tsv"]);
    command.envs([
        (SDKS, stack.connection_string().as_str()),
        ("GUESTPASS_TABLE", &stack.text("/table")),
        ("AWS_ENDPOINT_URL_DYNAMODB", &stack.text("/dynamodb")),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
    ]);
    let shown = run(&mut command, "");
    assert!(shown.stdout.starts_with("alice\t8:acs:"), "{shown:?}");
}

#[test]
fn a_stack_that_no_longer_runs_is_reported_as_such() {
    let mut stack = CliStack::start();
    stack.kill();
    let failed = stack.run(&["identity", "list"]);
    assert_eq!(failed.code, 5);
    assert!(failed.stderr.contains("start it with `make run`"), "{failed:?}");
    assert!(!failed.stderr.contains("  from: "), "{failed:?}");
    let debugged = stack.run(&["identity", "list", "--debug"]);
    assert!(debugged.stderr.matches("  from: ").count() > 2, "the whole chain: {debugged:?}");
}
