//! Explains events, sends them, and handles those that failed.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use cli::{CliStack, Session, check, guestpass, run, stable};
use harness::ROOT;
use serde_json::{Value, json};

fn fixtures() -> PathBuf {
    Path::new(ROOT).join("shared/identity-events/fixtures")
}

/// Explains every event of every supported source, without a service.
#[test]
fn every_event_of_every_source_is_explained() {
    let nowhere = tempfile::tempdir().unwrap();
    let mut text = String::new();
    for (source, issuer) in [
        ("guestpass", "https://idp.example"),
        ("cognito", "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example1"),
        ("auth0", "https://tenant.eu.auth0.com/"),
        ("okta", "https://example.okta.com/oauth2/default"),
    ] {
        let files = std::fs::read_dir(fixtures().join(source)).unwrap();
        let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        for file in files {
            let line =
                ["events", "explain", file.to_str().unwrap(), "--issuer", issuer, "-o", "json"];
            let explained = run(&mut guestpass(nowhere.path(), &line), "");
            assert_eq!(explained.code, 0, "{explained:?}");
            let explained: Vec<Value> = serde_json::from_str(&explained.stdout).unwrap();
            assert!(!explained.is_empty());
            let name = file.file_stem().unwrap().to_str().unwrap();
            for event in explained {
                let told = |name: &str| event[name].as_str().unwrap_or("-").to_owned();
                // One fixture is malformed on purpose.
                assert!([source, "(cannot be read)"].contains(&told("source").as_str()));
                let (would, why) = (told("would"), told("why"));
                writeln!(text, "{source}/{name}: {would} ({why})").unwrap();
            }
        }
    }
    check("events-explain-all", &stable(&text));
}

fn event(kind: &str, user: &str, at: &str) -> String {
    let detail = json!({ "externalId": user, "occurredAt": at, "eventId": "e-1" });
    json!({ "id": "1", "source": "guestpass.identity", "detail-type": kind, "detail": detail })
        .to_string()
}

#[test]
fn the_explanation_depends_on_the_users_record() {
    let stack = CliStack::start();
    stack.identity("alice");
    stack.json(&["user", "block", "bob", "--yes", "--create"]);
    let (past, future) = ("2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z");
    let mut session = Session::new(&stack);
    let explain = "events explain - -o table";
    session.run_with(explain, &event("user.disabled", "alice", past));
    session.run_with(explain, &event("user.deleted", "alice", past));
    session.run_with(explain, &event("user.enabled", "bob", past));
    session.run_with(explain, &event("user.disabled", "bob", past));
    session.run_with(explain, &event("user.deleted", "unknown-user", past));
    session.run_with(explain, &event("user.disabled", "alice", future));
    session.run_with(
        explain,
        "{\"source\": \"guestpass.identity\", \"detail-type\": \"user.deleted\"}",
    );
    session.run_with(explain, "{\"source\": \"aws.s3\"}");
    let two = format!(
        "[{}, {}]",
        event("user.signed-out", "alice", past),
        event("user.deleted", "bob", past)
    );
    for format in ["table", "tsv", "yaml", "json"] {
        session.run_with(&format!("events explain - -o {format}"), &two);
    }
    let batch =
        json!({ "Records": [{ "messageId": "m", "body": event("user.enabled", "bob", past) }] });
    session.run_with("events explain - -o tsv", &batch.to_string());
    session.run_with(explain, "no JSON");
    session.run("events explain missing");
    session.matches("events-explain");
}

#[test]
fn an_invalid_event_is_reported_as_such() {
    let stack = CliStack::start();
    for nothing in ["3", "[]", "[3]", "null", "{\"Records\": []}"] {
        let explained = stack.run_with(&["events", "explain", "-"], nothing);
        assert_eq!((explained.code, explained.stdout.as_str()), (2, ""), "{nothing}");
        assert!(explained.stderr.contains("invalid event"), "{explained:?}");
    }
}

#[test]
fn without_an_identity_the_explanation_mentions_no_revocation() {
    let stack = CliStack::start();
    for (kind, would) in
        [("user.signed-out", "record the time of the event"), ("user.disabled", "block the user")]
    {
        let event = event(kind, "unknown-user", "2020-01-01T00:00:00Z");
        let explained = stack.run_with(&["events", "explain", "-"], &event);
        let explained: Value = serde_json::from_str(&explained.stdout).unwrap();
        assert_eq!(explained[0]["would"], would);
    }
}

#[test]
fn without_a_service_an_issuer_must_be_named() {
    let nowhere = tempfile::tempdir().unwrap();
    let failed = run(&mut guestpass(nowhere.path(), &["events", "explain", "-"]), "{}");
    assert!(failed.code == 2 && failed.stderr.contains("give --issuer"), "{failed:?}");
}

/// The rule of the test stack sends Guestpass's own events directly to the dead-letter queue.
#[test]
fn events_are_sent_listed_and_replayed() {
    let stack = CliStack::start();
    let mut session = Session::new(&stack);
    session.run("events dead-letters -o table");
    session.run("events send user.disabled --user alice --reason left --event-id e-1 --occurred-at 2026-01-02T03:04:05Z -o table");
    session.run("events send user.deleted --user alice -o json");
    session.run("events send user.deleted");
    session.run("events send user.renamed --user alice");
    session.run("events send user.deleted --user alice --occurred-at now");
    for format in ["table", "tsv", "json"] {
        session.run(&format!("events dead-letters -o {format}"));
    }
    session.run("events replay");
    session.run("events replay -o table");
    session.run("events replay --apply -o table");
    session.run("events dead-letters -o json");
    session.matches("events-send");
}

/// How many messages the rule of the test stack has put into the dead-letter queue.
fn delivered(stack: &CliStack) -> usize {
    stack.json(&["events", "dead-letters"]).as_array().unwrap().len()
}

#[test]
fn an_event_goes_to_the_stacks_own_bus_unless_another_is_named() {
    let stack = CliStack::start();
    let own = stack.text("/eventBus");
    let arn = format!("arn:aws:events:local:000000000000:event-bus/{own}");
    let send = ["events", "send", "user.deleted", "--user", "alice"];
    let fixture = fixtures().join("guestpass/disabled.json");
    let file = ["events", "send", "--file", fixture.to_str().unwrap()];
    for line in [&send[..], &file[..]] {
        for (bus, is_delivered) in
            [(None, true), (Some(own.as_str()), true), (Some(&arn), true), (Some("default"), false)]
        {
            let before = delivered(&stack);
            let flags: Vec<&str> = bus.map(|bus| ["--bus", bus]).into_iter().flatten().collect();
            // EventBridge also accepts an event that no rule matches.
            assert_eq!(stack.run(&[line, &flags].concat()).code, 0, "{bus:?}");
            assert_eq!(delivered(&stack) - before, usize::from(is_delivered), "{bus:?} {line:?}");
        }
    }
    let several = json!([{ "source": "guestpass.identity", "detail-type": "d", "detail": {} }]);
    let before = delivered(&stack);
    assert_eq!(stack.run_with(&["events", "send", "--file", "-"], &several.to_string()).code, 0);
    assert_eq!(delivered(&stack) - before, 1);
}

#[test]
fn a_stack_file_of_an_older_version_without_a_bus_is_an_error_that_says_so() {
    let stack = CliStack::start();
    let file = stack.dir().join("target/local/stack.json");
    let mut places: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    places.as_object_mut().unwrap().remove("eventBus");
    std::fs::write(&file, places.to_string()).unwrap();
    let failed = stack.run(&["events", "send", "user.deleted", "--user", "alice"]);
    assert_eq!((failed.code, delivered(&stack)), (2, 0), "{failed:?}");
    assert!(failed.stderr.contains("missing event bus"), "{failed:?}");
    assert!(failed.stderr.contains("start it again with `make run`"), "{failed:?}");
}

#[test]
fn a_deployed_services_bus_must_be_named() {
    let stack = CliStack::start();
    let line = ["events", "send", "user.deleted", "--user", "alice"];
    let mut command = guestpass(std::path::Path::new("/"), &line);
    command.envs([
        ("COMMUNICATION_SERVICES_CONNECTION_STRING", stack.connection_string().as_str()),
        ("GUESTPASS_TABLE", "T"),
        ("AWS_ENDPOINT_URL_EVENTBRIDGE", &stack.text("/events")),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
    ]);
    let failed = run(&mut command, "");
    assert!(failed.code == 2 && failed.stderr.contains("`EventBusName`"), "{failed:?}");
    let sent = run(command.env("GUESTPASS_EVENT_BUS", stack.text("/eventBus")), "");
    assert_eq!((sent.code, delivered(&stack)), (0, 1), "{sent:?}");
}

#[test]
fn a_dead_letter_can_be_explained() {
    let stack = CliStack::start();
    let fixture = fixtures().join("guestpass/disabled.json");
    let sent = stack.run(&["events", "send", "--file", fixture.to_str().unwrap()]);
    assert_eq!(sent.code, 0, "{sent:?}");
    let letters = stack.run(&["events", "dead-letters", "-o", "json"]).stdout;
    let explained = stack.run_with(
        &["events", "explain", "-", "--issuer", "https://idp.example", "-o", "json"],
        &letters,
    );
    let explained: Value = serde_json::from_str(&explained.stdout).unwrap();
    assert_eq!(explained[0]["subject"], "https://idp.example|alice");
    assert_eq!(explained[0]["would"], "block the user");
}

#[test]
fn a_deployed_services_queue_must_be_named() {
    let stack = CliStack::start();
    let mut command = guestpass(std::path::Path::new("/"), &["events", "dead-letters"]);
    command.env("COMMUNICATION_SERVICES_CONNECTION_STRING", stack.connection_string());
    let failed = run(&mut command, "");
    assert!(
        failed.code == 2 && failed.stderr.contains("GUESTPASS_DEAD_LETTER_QUEUE"),
        "{failed:?}"
    );
}

#[test]
fn the_tool_uses_the_clock_of_the_stack() {
    let stack = CliStack::start();
    stack.identity("alice");
    stack.console("POST clock", &json!({ "advanceSeconds": 100 * 24 * 3600 }));
    stack.identity("bob");
    let unused = stack.json(&["identity", "list", "--unused-for", "90d"]);
    let names: Vec<&str> =
        unused.as_array().unwrap().iter().filter_map(|one| one["externalId"].as_str()).collect();
    assert_eq!(names, ["alice"]);
    assert_eq!(stack.json(&["cleanup", "plan"])["identities"].as_array().unwrap().len(), 1);
    assert_eq!(stack.run(&["doctor"]).code, 0);
}

/// Runs the documented trigger of Cognito with a stand-in for the AWS SDK that prints the event.
#[test]
fn the_documented_trigger_of_cognito_sends_an_event_that_is_understood() {
    let nowhere = tempfile::tempdir().unwrap();
    let sdk = "
import json
class client:
    def __init__(self, service):
        assert service == 'events'
    def put_events(self, Entries):
        [entry] = Entries
        assert entry['EventBusName'] == 'guestpass-events'
        event = {'source': entry['Source'], 'detail-type': entry['DetailType'], 'detail': json.loads(entry['Detail'])}
        print(json.dumps(event))
        return {'FailedEntryCount': 0}
";
    std::fs::write(nowhere.path().join("boto3.py"), sdk).unwrap();
    let run_trigger = "
import sys, json, types
import cognito_password_reset
for source in ['PostConfirmation_ConfirmSignUp', 'PostConfirmation_ConfirmForgotPassword']:
    event = {'triggerSource': source, 'region': 'eu-west-1', 'userPoolId': 'eu-west-1_Example1',
             'request': {'userAttributes': {'sub': '5b2e7d10-0c3a-4e55-9a51-77f0c2d4e6a1'}}}
    assert cognito_password_reset.handler(event, types.SimpleNamespace(aws_request_id='r-1')) == event
";
    let path = [nowhere.path().to_path_buf(), Path::new(ROOT).join("infra/providers")];
    let ran = std::process::Command::new("python3")
        .args(["-B", "-c", run_trigger])
        .env("PYTHONPATH", std::env::join_paths(path).unwrap())
        .env("EVENT_BUS", "guestpass-events")
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let sent = String::from_utf8(ran.stdout).unwrap();
    assert_eq!(sent.lines().count(), 1, "a new account is not a changed password: {sent}");
    let issuer = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example1";
    let line = ["events", "explain", "-", "--issuer", issuer, "-o", "json"];
    let explained = run(&mut guestpass(nowhere.path(), &line), &sent);
    let explained: Value = serde_json::from_str(&explained.stdout).unwrap();
    assert_eq!(explained[0]["event"], "user.credentials-changed");
    assert_eq!(explained[0]["subject"], format!("{issuer}|5b2e7d10-0c3a-4e55-9a51-77f0c2d4e6a1"));
}

/// What the template's parameters change in the meaning of an event.
#[test]
fn an_event_is_explained_with_the_parameters_of_the_template() {
    let nowhere = tempfile::tempdir().unwrap();
    let samples = Path::new(ROOT).join("shared/identity-events/samples/okta");
    let explain = |file: &str, options: &[&str]| {
        let file = samples.join(file);
        let mut line = vec!["events", "explain", file.to_str().unwrap(), "-o", "json"];
        line.extend(options);
        let explained = run(&mut guestpass(nowhere.path(), &line), "");
        serde_json::from_str::<Value>(&explained.stdout).unwrap_or(explained.stderr.into())
    };
    let okta = "https://example.okta.com/oauth2/default";
    let removed = "application-membership-remove.json";
    let of_app = explain(removed, &["--issuer", okta, "--okta-app", "0oaSYNTHapp0000001d6"]);
    assert_eq!(of_app[0]["event"], "user.disabled");
    let another = explain(removed, &["--issuer", okta]);
    assert_eq!(another[0]["would"], "do nothing");
    assert!(another[0]["why"].as_str().unwrap().contains("OktaApp"), "{another}");
    let suspend = "user-lifecycle-suspend.json";
    let issuers = format!(r#"[{{"issuer": "{okta}", "audiences": ["app"]}}]"#);
    let second = ["--issuer", "https://idp.example", "--issuers", &issuers];
    let by_id = explain(suspend, &[&second[..], &["--okta-subject", "id"]].concat());
    assert_eq!(by_id[0]["subject"], format!("{okta}|00uSYNTHxKjGQ0G6L1d6"));
    assert_eq!(by_id.as_array().unwrap().len(), 1);
    let several = explain(suspend, &["--issuer", okta, "--subject-claims", "tid,oid"]);
    assert!(several[0]["why"].as_str().unwrap().contains("several claims"), "{several}");
    let invalid = explain(suspend, &["--issuer", okta, "--issuers", "{}"]);
    assert!(invalid.as_str().unwrap().contains("--issuers"), "{invalid}");
}

/// The messages that the functions for signals put into the queue.
#[test]
fn a_signal_is_explained_with_its_transmitter_and_its_mode() {
    let stack = CliStack::start();
    stack.identity("alice");
    let explain = |kind: &str, detail: &Value| {
        let mut shown = json!({ "transmitter": "okta", "kind": "ssf", "externalId": "alice", "eventId": "set-1" });
        shown.as_object_mut().unwrap().extend(detail.as_object().unwrap().clone());
        let message =
            json!({ "source": "guestpass.signals", "detail-type": kind, "detail": shown });
        let explained =
            stack.run_with(&["events", "explain", "-", "-o", "json"], &message.to_string());
        let explained: Value = serde_json::from_str(&explained.stdout).unwrap();
        for (member, value) in [("transmitter", "okta"), ("source", "ssf"), ("subject", "alice")] {
            assert_eq!(explained[0][member], value, "{explained}");
        }
        let text = |name: &str| explained[0][name].as_str().unwrap().to_owned();
        (text("mode"), text("would"))
    };
    let block = "revoke every token, and block the user";
    for (mode, at, would) in [
        ("apply", "2026-01-02T03:04:05Z", block.to_owned()),
        ("shadow", "2026-01-02T03:04:05Z", format!("only log (mode shadow): {block}")),
        (
            "shadow",
            "2999-01-01T00:00:00Z",
            "fail, and move to the dead-letter queue after five deliveries".to_owned(),
        ),
    ] {
        let explained = explain("user.disabled", &json!({ "occurredAt": at, "mode": mode }));
        assert_eq!(explained, (mode.to_owned(), would));
    }
    let directory = json!({ "tenant": "t", "objectId": "o", "mode": "shadow" });
    let (mode, would) = explain("user.changed", &directory);
    assert_eq!(
        (mode.as_str(), would.starts_with("only log (mode shadow): look the account up")),
        ("shadow", true)
    );
}
