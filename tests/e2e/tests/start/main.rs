//! A function with a wrong configuration reports it in one line, and does not start. One with a file of
//! root certificates reads it.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

mod demonstration;
mod trust_roots;

use std::process::Command;

use harness::binary;

const STORE: [&str; 1] = ["TABLE_NAME"];
const ACS: [&str; 2] = ["ACS_SECRET_ARN", "ACS_API_VERSION"];
const TOKEN: &str = "TOKEN_SCOPE";
const ADMIN: &str = "ADMIN_SCOPE";

fn good(name: &str) -> &'static str {
    match name {
        "ACS_SECRET_ARN" => "arn:aws:secretsmanager:us-east-1:000000000000:secret:acs",
        "ACS_API_VERSION" => "2026-09-23",
        "POLICY" => "{}",
        _ => "value",
    }
}

/// Starts a function with these variables, and returns its output up to its end.
fn start(function: &str, variables: &[(&str, &str)]) -> String {
    let output = Command::new(binary(function))
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    assert!(!output.status.success(), "{function} started");
    String::from_utf8(output.stderr).unwrap()
}

fn variables_of(function: &str) -> Vec<&'static str> {
    let acs: &[&str] = match function {
        "get-identity" | "list-identities" => &[],
        _ => &ACS,
    };
    [&STORE[..], acs, &[TOKEN, ADMIN]].concat()
}

const FUNCTIONS: [&str; 7] = [
    "create-identity",
    "delete-identity",
    "exchange-teams-token",
    "get-identity",
    "issue-access-token",
    "list-identities",
    "revoke-access-tokens",
];

#[test]
fn a_missing_variable_stops_the_function_with_one_line_that_names_it() {
    for function in FUNCTIONS {
        let names = variables_of(function);
        for missing in &names {
            let rest: Vec<_> = names
                .iter()
                .filter(|name| *name != missing)
                .map(|name| (*name, good(name)))
                .collect();
            let said = start(function, &rest);
            assert_eq!(said.trim_end().lines().count(), 1, "{function}: {said}");
            assert!(said.contains(missing) && said.contains("is not set"), "{function}: {said}");
        }
    }
}

#[test]
fn a_malformed_variable_stops_the_function_with_one_line_that_does_not_quote_it() {
    for (name, value) in [
        // The secret itself, in place of its name.
        ("ACS_SECRET_ARN", "endpoint=http://127.0.0.1:9/;accesskey=secret canary"),
        ("ACS_SECRET_ARN", "secret canary"),
        ("ACS_API_VERSION", "secret canary"),
        ("POLICY", "secret canary"),
    ] {
        let mut variables: Vec<_> =
            variables_of("issue-access-token").iter().map(|name| (*name, good(name))).collect();
        variables.retain(|(other, _)| *other != name);
        variables.push((name, value));
        let said = start("issue-access-token", &variables);
        assert_eq!(said.trim_end().lines().count(), 1, "{said}");
        assert!(said.contains(name), "{said}");
        assert!(!said.contains("canary"), "{said}");
    }
}
