//! Reads the connection strings of several resources, and asks the resource of the record.

use cli::{CliStack, run};

use crate::{count, deployed, draining, identity, requests, secret, stack, with_string};

#[test]
fn r81_each_command_asks_the_resource_that_the_record_names() {
    let stack = stack();
    let id = identity(&stack, "alice", "r2");
    assert_eq!(["main", "r2", "r3"].map(|one| count(&stack, one)), [0, 1, 0]);
    for line in [
        &["token", "issue", "--user", "alice", "--scope", "voip"][..],
        &["token", "issue", "--user", &id, "--scope", "voip"],
        &["token", "revoke", "--user", "alice", "--yes"],
        &["user", "block", "alice", "--yes"],
        &["identity", "delete", "alice", "--yes"],
    ] {
        let done = stack.run(line);
        assert_eq!(done.code, 0, "{line:?}: {done:?}");
    }
    let of = |operation| ["main", "r2", "r3"].map(|one| requests(&stack, one, operation));
    assert_eq!(of("issueAccessToken"), [0, 2, 0]);
    // The block finds that no token was issued since the revocation.
    assert_eq!(of("revokeAccessTokens"), [0, 1, 0]);
    assert_eq!(of("deleteIdentity"), [0, 1, 0]);
    assert_eq!(count(&stack, "r2"), 0);
}

#[test]
fn the_secret_is_read_from_aws_from_a_variable_and_from_a_file() {
    let stack = stack();
    identity(&stack, "alice", "r3");
    let secret = secret(&stack, &["main", "r2", "r3"]);
    let line = ["token", "issue", "--user", "alice", "--scope", "voip", "-o", "none"];
    let by_variable = with_string(&stack, &secret, &line);
    assert_eq!(by_variable.code, 0, "{by_variable:?}");
    let arn = stack.text("/acsSecretArn");
    let from_aws = run(deployed(&stack, &line).env("GUESTPASS_SECRET", &arn), "");
    assert_eq!(from_aws.code, 0, "{from_aws:?}");
    let by_stdin = [&line[..], &["--connection-string-file", "-"]].concat();
    let from_a_file = run(&mut deployed(&stack, &by_stdin), &secret);
    assert_eq!(from_a_file.code, 0, "{from_a_file:?}");
    assert_eq!(requests(&stack, "r3", "issueAccessToken"), 3);
}

#[test]
fn a_record_of_a_resource_without_a_connection_string_is_refused_with_a_remedy() {
    let stack = stack();
    identity(&stack, "alice", "r2");
    let main = stack.connection_string();
    for string in [main.clone(), secret(&stack, &["main", "r3"])] {
        let line = ["token", "issue", "--user", "alice", "--scope", "voip"];
        let refused = with_string(&stack, &string, &line);
        assert_eq!(refused.code, 4, "{refused:?}");
        assert!(refused.stderr.contains("the record names the resource `r2`"), "{refused:?}");
        assert!(refused.stderr.contains("--secret"), "{refused:?}");
    }
    let deletion = with_string(&stack, &main, &["identity", "delete", "alice", "--yes"]);
    assert_eq!(deletion.code, 4, "{deletion:?}");
    assert_eq!(count(&stack, "r2"), 1);
}

#[test]
fn the_identities_of_a_resource_that_was_deleted_in_azure_are_gone_if_the_operator_says_so() {
    let stack = stack();
    identity(&stack, "alice", "r2");
    let known = secret(&stack, &["main", "r3"]);
    let line = ["identity", "delete", "alice", "--foreign-is-gone"];
    let unsure = with_string(&stack, &known, &line);
    assert_eq!(unsure.code, 2, "{unsure:?}");
    let deleted = with_string(&stack, &known, &[&line[..], &["--yes"]].concat());
    assert_eq!(deleted.code, 0, "{deleted:?}");
    assert_eq!(stack.run(&["identity", "show", "alice"]).code, 3);
    assert_eq!(["main", "r2", "r3"].map(|one| requests(&stack, one, "deleteIdentity")), [0; 3]);

    // A resource that was created again with the same name has another GUID.
    identity(&stack, "bob", "r3");
    let other = secret(&stack, &["main", "r2"]).replace("\"r2\"", "\"r3\"");
    let line = ["identity", "delete", "bob", "--yes"];
    let refused = with_string(&stack, &other, &line);
    assert_eq!(refused.code, 4, "{refused:?}");
    assert_eq!(stack.json(&["identity", "show", "bob"])["state"], "deleting");
    let deleted = with_string(&stack, &other, &[&line[..], &["--foreign-is-gone"]].concat());
    assert_eq!(deleted.code, 0, "{deleted:?}");
    assert_eq!(stack.run(&["identity", "show", "bob"]).code, 3);
}

#[test]
fn an_invalid_secret_or_placement_is_an_error_that_shows_no_key() {
    let stack = stack();
    let twice = secret(&stack, &["main"]).replace('}', r#", "main": "endpoint=https://x"}"#);
    for (string, placement, text) in [
        (r#"{"Eu 2": "canary"}"#, None, "invalid name of a resource"),
        (r#"{"eu2": "canary"}"#, None, "resource `eu2`: "),
        (&twice, None, "two resources have the name `main`"),
        (&secret(&stack, &["main"]), Some(draining()), "known resources: main"),
        (&secret(&stack, &["main"]), Some("{]".to_owned()), "AcsPlacement"),
    ] {
        let mut command = deployed(&stack, &["status", "--debug"]);
        command.env(crate::STRING, string);
        if let Some(placement) = &placement {
            command.env("GUESTPASS_PLACEMENT", placement);
        }
        let refused = run(&mut command, "");
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.stderr.contains(text), "{text}: {refused:?}");
        assert!(!refused.stderr.contains("canary"), "{refused:?}");
        assert!(!refused.stderr.contains(&stack.text("/acs/accessKey")), "{refused:?}");
    }
}

#[test]
fn a_stack_file_with_a_resource_on_another_machine_is_not_used() {
    let stack = stack();
    let file = stack.dir().join("target/local/stack.json");
    let text = std::fs::read_to_string(&file).unwrap();
    let other = stack.text("/acs/others/r2");
    let changed = text.replace(&format!("endpoint={other}"), "endpoint=https://192.0.2.1");
    assert_ne!(text, changed);
    std::fs::write(&file, changed).unwrap();
    let refused = stack.run(&["status"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("`acs.connectionStrings.r2`"), "{refused:?}");
}

#[test]
fn the_status_shows_the_endpoints_of_all_resources() {
    let several = stack();
    let status = several.json(&["status"]);
    for name in ["/acs/http", "/acs/others/r2", "/acs/others/r3"] {
        assert!(status["acs"].as_str().unwrap().contains(&several.text(name)), "{status}");
    }
    let one = CliStack::start();
    assert_eq!(one.json(&["status"])["acs"], format!("{}/", one.text("/acs/http")));
}
