//! The doctor checks each resource, and the records of each.

use cli::{CliStack, ToolOutput, run};
use serde_json::Value;

use crate::{STRING, deployed, draining, identity, secret, stack};

fn doctor(stack: &CliStack, string: &str, flags: &[&str]) -> (ToolOutput, Vec<Value>) {
    let line = [&["doctor", "-o", "json"], flags].concat();
    let ran = run(deployed(stack, &line).env(STRING, string), "");
    let checks = serde_json::from_str(&ran.stdout).unwrap();
    (ran, checks)
}

/// The results of a check for a resource.
fn verdicts(checks: &[Value], check: &str, resource: &str) -> Vec<(String, String)> {
    let text = |one: &Value, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    let of = checks.iter().filter(|one| one["check"] == check && one["resource"] == resource);
    of.map(|one| (text(one, "verdict"), text(one, "finding"))).collect()
}

#[test]
fn each_resource_is_checked_with_an_identity_of_its_own() {
    let stack = stack();
    identity(&stack, "alice", "main");
    identity(&stack, "bob", "r2");
    let all = secret(&stack, &["main", "r2", "r3"]);
    let (ran, checks) = doctor(&stack, &all, &["--placement", &draining()]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for name in ["main", "r2", "r3"] {
        for check in ["endpoint", "clock", "key", "api-version"] {
            assert_eq!(verdicts(&checks, check, name)[0].0, "good", "{check} {name}: {ran:?}");
        }
    }
    let resource = |name| verdicts(&checks, "resource", name)[0].0.clone();
    assert_eq!(["main", "r2", "r3"].map(resource), ["good", "good", "skipped"]);
    let left = verdicts(&checks, "draining", "r2");
    assert_eq!(left, [("note".to_owned(), "1 record left".to_owned())]);
    assert_eq!(verdicts(&checks, "draining", "r3"), []);
    let told = stack.run(&["doctor", "-o", "table"]);
    assert!(told.stdout.contains("✓ key           r2: ACS accepts the access key"), "{told:?}");
}

#[test]
fn a_refused_key_an_unknown_resource_and_a_swapped_one_are_found() {
    let stack = stack();
    identity(&stack, "alice", "r2");
    let all = secret(&stack, &["main", "r2", "r3"]);
    let main = stack.connection_string();
    let wrong_key =
        all.replace(&main, &format!("endpoint={}/;accesskey=aGVsbG8=", stack.text("/acs/http")));
    let (ran, checks) = doctor(&stack, &wrong_key, &[]);
    assert_eq!(ran.code, 7, "{ran:?}");
    assert_eq!(verdicts(&checks, "key", "main")[0].0, "bad", "{ran:?}");
    assert_eq!(verdicts(&checks, "key", "r2")[0].0, "good", "{ran:?}");
    assert_eq!(verdicts(&checks, "resource", "main")[0].0, "skipped", "{ran:?}");
    assert_eq!(verdicts(&checks, "resource", "r2")[0].0, "good", "{ran:?}");
    let placement = checks.iter().find(|one| one["check"] == "placement").unwrap();
    assert!(placement["finding"].as_str().unwrap().contains("GUESTPASS_PLACEMENT"), "{placement}");

    let (ran, checks) = doctor(&stack, &secret(&stack, &["main", "r3"]), &[]);
    let unknown = verdicts(&checks, "resource", "r2");
    assert_eq!(unknown[0].0, "bad", "{ran:?}");
    assert!(unknown[0].1.contains("1 record with this resource"), "{ran:?}");

    let swapped =
        all.replace("\"r2\"", "\"x\"").replace("\"r3\"", "\"r2\"").replace("\"x\"", "\"r3\"");
    let (ran, checks) = doctor(&stack, &swapped, &[]);
    let foreign = verdicts(&checks, "resource", "r2");
    assert!(foreign[0].1.contains("belongs to another resource"), "{ran:?}");
}

#[test]
fn the_secret_of_the_functions_must_have_the_same_resources() {
    let stack = stack();
    let arn = stack.text("/acsSecretArn");
    let doctor = |names: &[&str]| {
        let mut command = deployed(&stack, &["doctor", "-o", "json"]);
        command.env(STRING, secret(&stack, names)).env("GUESTPASS_SECRET", &arn);
        run(&mut command, "")
    };
    let same = doctor(&["main", "r2", "r3"]);
    assert!(same.code == 0 && same.stdout.contains("the functions use main ("), "{same:?}");
    let fewer = doctor(&["main", "r2"]);
    assert_eq!(fewer.code, 7, "{fewer:?}");
    assert!(fewer.stdout.contains("use the same resources for both"), "{fewer:?}");
}
