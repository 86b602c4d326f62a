//! Manages streams at the simulated transmitters of a local stack.

use cli::{CliStack, Session, run};
use serde_json::{Value, json};

#[test]
fn a_stream_is_created_verified_paused_and_deleted() {
    let stack = CliStack::start();
    let endpoint = format!("{}/v1/signals/ssf", stack.text("/gateway"));
    let on = |command: &str| -> Vec<String> {
        let words = format!("events streams {command} --transmitter ssf");
        words.split(' ').map(str::to_owned).collect()
    };
    let json_of =
        |words: Vec<String>| stack.json(&words.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(json_of(on("list")), json!([]));
    let create = on(&format!("create --push {endpoint} --event session-revoked"));
    let created = json_of(create.clone());
    assert_eq!(
        (&created["audiences"], &created["delivery"]),
        (&json!(["guestpass-ssf"]), &json!("push"))
    );
    assert_eq!(created["endpointUrl"], endpoint);
    let listed = json_of(on("list"));
    assert_eq!(listed, json!([created]));

    let again = run(&mut stack.command(&create.iter().map(String::as_str).collect::<Vec<_>>()), "");
    let answer: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(answer["streamId"], created["streamId"], "409: the stream is updated");
    assert!(again.stderr.contains("It was updated"), "{again:?}");

    assert_eq!(json_of(on("status"))["status"], "enabled");
    assert_eq!(json_of(on("pause"))["status"], "paused");
    assert_eq!(json_of(on("status"))["status"], "paused");
    assert_eq!(json_of(on("resume"))["status"], "enabled");
    assert_eq!(json_of(on("verify"))["state"].as_str().unwrap().len(), 32);
    assert_eq!(stack.run(&["events", "streams", "delete", "--transmitter", "ssf"]).code, 2);
    assert_eq!(json_of(on("delete --yes"))["status"], "deleted");
    assert_eq!(json_of(on("list")), json!([]));
}

#[test]
fn a_list_of_streams_fits_into_a_terminal() {
    let stack = CliStack::start();
    let list =
        stack.run(&["events", "streams", "list", "--transmitter", "ssf-poll", "-o", "table"]);
    assert!(
        list.stdout.contains("guestpass-ssf-poll") && list.stdout.contains("6 types"),
        "{list:?}"
    );
    assert!(list.stdout.lines().all(|line| line.chars().count() <= 80), "{list:?}");
}

#[test]
fn the_verification_of_a_polled_stream_waits_with_the_state() {
    let stack = CliStack::start();
    let state = stack.json(&["events", "streams", "verify", "--transmitter", "ssf-poll"]);
    let told = stack.console("GET signals/ssf-poll", &Value::Null);
    assert_eq!(told["queued"].as_array().unwrap().len(), 1, "{state}: {told}");
}

#[test]
fn the_requested_credential_is_read_from_a_file_and_not_shown() {
    let stack = CliStack::start();
    std::fs::write(stack.dir().join("header"), "Bearer chosen-canary\n").unwrap();
    let endpoint = format!("{}/v1/signals/ssf", stack.text("/gateway"));
    let line = ["events", "streams", "create", "--transmitter", "ssf", "--push", &endpoint];
    let created = stack.run(&[&line[..], &["--authorization-file", "header"]].concat());
    assert_eq!(created.code, 0, "{created:?}");
    assert!(created.stderr.contains("The transmitter does not deliver:"), "{created:?}");
    assert!(!format!("{created:?}").contains("canary"));
}

#[test]
fn a_transmitter_elsewhere_needs_its_issuer_and_credentials() {
    let stack = CliStack::start();
    let issuer = stack.text("/transmitters/0/issuer");
    let (url, secret) =
        (stack.text("/transmitters/0/tokenUrl"), stack.text("/transmitters/0/clientSecret"));
    let line = ["events", "streams", "list", "--transmitter", &issuer];
    let missing = stack.run(&line);
    assert_eq!(missing.code, 2);
    assert!(missing.stderr.contains("no credentials for the transmitter's API"), "{missing:?}");

    let client = [&line[..], &["--token-url", &url, "--client-id", "guestpass"]].concat();
    let mut command = stack.command(&client);
    command.env("GUESTPASS_TRANSMITTER_SECRET", &secret);
    assert_eq!(run(&mut command, "").code, 0);
    let by_stdin = [&client[..], &["--client-secret-file", "-"]].concat();
    assert_eq!(stack.run_with(&by_stdin, &secret).code, 0);
    let wrong = stack.run_with(&by_stdin, "canary");
    assert_eq!(wrong.code, 4, "{wrong:?}");
    assert!(!format!("{wrong:?}").contains("canary"));
    let token = stack.run_with(&[&line[..], &["--token-file", "-"]].concat(), "canary");
    assert!(token.code == 4 && token.stderr.contains("check the access token"), "{token:?}");
}

#[test]
fn an_error_says_which_transmitter_or_stream_is_missing() {
    let stack = CliStack::start();
    let gateway = stack.text("/gateway");
    let mut session = Session::new(&stack);
    session.run("events streams list --transmitter nothing");
    session.run_with("events streams list --transmitter http://idp.example --token-file -", "x");
    session.run("events streams status --transmitter ssf");
    session.run("events streams create --transmitter ssf --poll --event session-presented");
    session
        .run("events streams create --transmitter ssf --push https://other.example/v1/signals/x");
    let line = format!("events streams list --transmitter {gateway} --token-file -");
    session.run_with(&line, "x");
    session.matches("events-streams");
}
