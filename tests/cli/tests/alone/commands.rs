//! What works without a table, and what the other commands say.

use cli::{LoneEmulator, ToolOutput, run};
use serde_json::{Value, json};

fn json_of(ran: &ToolOutput) -> Value {
    assert_eq!(ran.code, 0, "{ran:?}");
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("no JSON: {ran:?}"))
}

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

#[test]
fn a_connection_string_is_enough_from_the_first_token_to_the_deletion() {
    let emulator = LoneEmulator::start(&[]);
    let tool = |line: &str| run(&mut emulator.command(&words(line)), "");
    let issued = json_of(&tool("token issue --new --scope voip"));
    let first = issued["user"]["communicationUserId"].as_str().unwrap().to_owned();
    assert!(emulator.is_active(issued["token"].as_str().unwrap()));
    assert_eq!(issued["scopes"], json!(["voip"]));

    let created = json_of(&tool("identity create"));
    let second = created["user"]["communicationUserId"].as_str().unwrap().to_owned();
    let both = json_of(&tool("identity create --with-token --scope chat voip --expires-in 24h"));
    let third = both["user"]["communicationUserId"].as_str().unwrap().to_owned();
    assert!(emulator.is_active(both["accessToken"]["token"].as_str().unwrap()));

    let again = json_of(&tool(&format!("token issue --user {second} --scope voip.join")));
    assert_eq!(again["user"]["communicationUserId"], json!(second));
    let token = again["token"].as_str().unwrap();
    let revoked = json_of(&tool(&format!("token revoke --user {second} --yes")));
    assert_eq!(revoked["identity"], json!(second));
    assert!(revoked["effectiveBy"].as_str() > revoked["revokedAt"].as_str());
    assert!(!emulator.is_active(token));

    let line = format!("identity delete {first} {second} {third} --yes");
    assert_eq!(json_of(&tool(&line))["deleted"], 3);
    assert_eq!(emulator.identities(), [""; 0]);
}

#[test]
fn an_id_that_the_resource_does_not_own_is_explained_without_a_table() {
    let emulator = LoneEmulator::start(&[]);
    let foreign = "8:acs:11111111-2222-3333-4444-555555555555_00000000-0000-0000-0000-000000000001";
    for line in [
        format!("token issue --user {foreign} --scope voip"),
        format!("token revoke --user {foreign} --yes"),
        format!("identity delete {foreign} --yes"),
        "identity delete 8:acs:nonsense --yes".to_owned(),
    ] {
        let ran = run(&mut emulator.command(&words(&line)), "");
        assert_ne!(ran.code, 0, "{line}: {ran:?}");
        assert!(ran.stderr.contains("another resource, or the id is mistyped"), "{ran:?}");
        assert!(
            ran.stderr.contains("connection string of the resource that created it"),
            "{ran:?}"
        );
        assert!(!ran.stderr.contains("the table that"), "{line} has no table: {ran:?}");
    }
}

#[test]
fn what_is_missing_is_said_once_and_not_in_the_pipe() {
    let emulator = LoneEmulator::start(&[]);
    let ran = run(&mut emulator.command(&words("token issue --new --scope voip -o env")), "");
    assert!(ran.stdout.starts_with("export ACS_TOKEN='ey"), "{ran:?}");
    assert_eq!(ran.stderr.matches("no table is named").count(), 1, "{ran:?}");
    assert!(ran.stderr.contains("the audit log gets no entry"), "{ran:?}");
    let token = ran.stdout.split('\'').nth(1).unwrap();
    let inspected = run(&mut emulator.command(&["token", "inspect"]), token);
    assert_eq!((inspected.code, inspected.stderr.as_str()), (0, ""), "it needs no table");
}

#[test]
fn a_deletion_without_a_table_needs_a_yes_and_an_acs_id() {
    let emulator = LoneEmulator::start(&[]);
    let id = &json_of(&run(&mut emulator.command(&["identity", "create"]), ""))["user"]["communicationUserId"];
    let id = id.as_str().unwrap();
    for (line, expected) in [
        (format!("identity delete {id}"), "confirmation required"),
        (format!("token revoke --user {id}"), "confirmation required"),
        (format!("identity delete {id} alice --yes"), "alice is an external id, and no table"),
        ("token issue --user alice --scope voip".to_owned(), "alice is an external id"),
        ("token revoke --user alice --yes".to_owned(), "alice is an external id"),
        (format!("token revoke --user {id} --block --yes"), "--block needs a table"),
        (format!("token revoke --user {id} --reason x --yes"), "--reason needs a table"),
        (
            format!("identity delete {id} --foreign-is-gone --yes"),
            "--foreign-is-gone needs a table",
        ),
        ("identity create --external-id alice".to_owned(), "--external-id needs a table"),
    ] {
        let ran = run(&mut emulator.command(&words(&line)), "");
        assert_eq!(ran.code, 2, "{line}: {ran:?}");
        assert!(ran.stderr.contains(expected), "{line}: {ran:?}");
        assert!(ran.stderr.contains("  do:  "), "{line}: {ran:?}");
    }
    assert_eq!(emulator.identities(), [id]);
}

#[test]
fn a_command_that_needs_a_service_says_so_and_asks_aws_for_nothing() {
    let emulator = LoneEmulator::start(&[]);
    std::fs::write(emulator.dir().join("plan.json"), "{}").unwrap();
    for line in [
        "identity list",
        "identity show alice",
        "user history alice",
        "user block alice --yes",
        "user unblock alice",
        "user move alice --resource main --yes",
        "audit --since 1d",
        "cleanup plan",
        "resource list",
        "resource explain --user alice",
        "events send user.disabled --user alice",
        "quickstart --yes",
    ] {
        let ran = run(&mut emulator.command(&words(line)), "");
        assert_eq!(ran.code, 2, "{line}: {ran:?}");
        assert!(ran.stderr.contains("needs"), "{line}: {ran:?}");
        assert!(ran.stderr.contains("table"), "{line}: {ran:?}");
        assert!(!ran.stderr.contains("AWS credentials"), "{line}: {ran:?}");
    }
    let ran = run(&mut emulator.command(&["events", "dead-letters"]), "");
    assert!(ran.code == 2 && ran.stderr.contains("no dead-letter queue is named"), "{ran:?}");
}

/// Otherwise a forgotten variable would issue a token to a user whom the table blocks.
#[test]
fn a_part_of_a_service_means_a_service_and_its_table_is_missing() {
    let emulator = LoneEmulator::start(&[]);
    let id = "8:acs:1b5cc06b-f352-4571-b1e6-d9b259b7c776_00000007";
    for (name, value) in [
        ("GUESTPASS_AUDIT_TABLE", "A"),
        ("GUESTPASS_PLACEMENT", "{\"main\": {}}"),
        ("GUESTPASS_EVENT_BUS", "B"),
    ] {
        let mut issue = emulator.command(&["token", "issue", "--user", id, "--scope", "voip"]);
        let ran = run(issue.env(name, value), "");
        assert!(ran.code == 2 && ran.stderr.contains("no table is named"), "{name}: {ran:?}");
    }
    let mut issue = emulator.command(&["token", "issue", "--new", "--scope", "voip"]);
    let ran = run(issue.args(["--region", "eu-west-1"]), "");
    assert!(ran.code == 2 && ran.stderr.contains("no table is named"), "{ran:?}");
    assert_eq!(emulator.identities(), [""; 0]);
}

#[test]
fn the_doctor_checks_the_resource_and_lists_what_it_did_not_check() {
    let emulator = LoneEmulator::start(&[]);
    let found = |change: &dyn Fn(&mut std::process::Command)| -> (i32, Vec<Value>) {
        let mut command = emulator.command(&["doctor"]);
        change(&mut command);
        let ran = run(&mut command, "");
        (ran.code, serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}")))
    };
    let (code, checks) = found(&|_| {});
    assert_eq!(code, 0, "{checks:?}");
    let verdict = |name: &str| {
        let check = checks.iter().find(|check| check["check"] == name);
        check.map_or("absent", |check| check["verdict"].as_str().unwrap())
    };
    for name in ["trust roots", "configuration", "endpoint", "clock", "key", "api-version"] {
        assert_eq!(verdict(name), "good", "{name}");
    }
    assert_eq!(verdict("table"), "skipped");
    let (code, checks) = found(&|command| {
        let wrong = format!("endpoint={}/;accesskey=aGVsbG8=", emulator.announced("endpoint"));
        command.env("COMMUNICATION_SERVICES_CONNECTION_STRING", wrong);
    });
    assert_eq!(code, 7, "{checks:?}");
}

#[test]
fn the_status_says_that_there_is_no_table() {
    let emulator = LoneEmulator::start(&[]);
    let status = json_of(&run(&mut emulator.command(&["status"]), ""));
    assert_eq!(status["way"], "ACS alone");
    assert!(status["because"].as_str().unwrap().ends_with("CONNECTION_STRING, and no table"));
    assert_eq!(status.get("region"), None, "{status}");
}
