//! Replays events from the dead-letter queue and from files.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use cli::{CliStack, guestpass, run};
use harness::wait_until;
use serde_json::{Value, json};

fn event(kind: &str, user: &str, id: &str, time: &str) -> String {
    let detail = json!({ "externalId": user, "occurredAt": "2026-01-02T03:04:05Z", "eventId": id });
    json!({ "id": id, "source": "guestpass.identity", "detail-type": kind, "time": time, "detail": detail })
        .to_string()
}

/// The tool for a deployed service: its table is that of the stack, and its queues are at `sqs`.
fn deployed(stack: &CliStack, sqs: &str, line: &[&str]) -> Command {
    let mut command = guestpass(Path::new("/"), line);
    command.envs([
        ("COMMUNICATION_SERVICES_CONNECTION_STRING", stack.connection_string().as_str()),
        ("GUESTPASS_TABLE", &stack.text("/table")),
        ("GUESTPASS_ISSUER", "https://idp.example"),
        ("AWS_ENDPOINT_URL_DYNAMODB", &stack.text("/dynamodb")),
        ("AWS_ENDPOINT_URL_SQS", sqs),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
    ]);
    command
}

/// The bodies of the messages in a queue of the stack.
fn bodies(stack: &CliStack, queue: &str) -> Vec<String> {
    let listed = stack.console(&format!("GET queues/{queue}/messages"), &Value::Null);
    let messages = listed["messages"].as_array().unwrap();
    messages.iter().map(|message| message["body"].as_str().unwrap().to_owned()).collect()
}

/// Sends as many events as this, which the rule of the test stack puts into the dead-letter queue.
fn send(stack: &CliStack, count: usize) {
    let events: Vec<Value> = (0..count)
        .map(|number| {
            json!({ "source": "guestpass.identity", "detail-type": "user.signed-out",
                    "detail": { "externalId": format!("user-{number}"),
                                "occurredAt": "2026-01-02T03:04:05Z", "eventId": "e" } })
        })
        .collect();
    let sent = stack.run_with(&["events", "send", "--file", "-"], &json!(events).to_string());
    assert_eq!(sent.code, 0, "{sent:?}");
}

/// The event without the time at which it was heard first.
fn without_heard_at(body: &str) -> Value {
    let mut event: Value = serde_json::from_str(body).unwrap();
    event.as_object_mut().unwrap().remove("heardAt");
    event
}

fn results(replayed: &Value) -> Vec<&str> {
    replayed.as_array().unwrap().iter().map(|row| row["result"].as_str().unwrap()).collect()
}

#[test]
fn all_dead_letters_of_a_deployed_queue_are_listed_and_stay_visible() {
    let stack = CliStack::start();
    send(&stack, 13);
    let sqs = format!("{}/sqs", stack.text("/events"));
    let queue = "https://sqs.eu-west-1.amazonaws.com/123456789012/DeadLetters";
    for (limit, count) in [("100", 13), ("4", 4), ("100", 13)] {
        let line = ["events", "dead-letters", "-o", "tsv", "--limit", limit, "--queue", queue];
        let shown = run(&mut deployed(&stack, &sqs, &line), "");
        assert_eq!((shown.code, shown.stdout.lines().count()), (0, count), "{shown:?}");
        assert_eq!(shown.stderr.contains("there are more"), count == 4, "{shown:?}");
    }
}

#[test]
fn dead_letters_are_listed_oldest_first_and_narrowed() {
    let stack = CliStack::start();
    send(&stack, 3);
    stack.console("POST clock", &json!({ "advanceSeconds": 3 * 3600 }));
    send(&stack, 2);
    let listed = |filter: &[&str]| -> Vec<Value> {
        let letters = stack.json(&[&["events", "dead-letters"], filter].concat());
        letters.as_array().unwrap().clone()
    };
    let all = listed(&[]);
    let times: Vec<&str> = all.iter().map(|letter| letter["sentAt"].as_str().unwrap()).collect();
    assert!(times.len() == 5 && times.is_sorted(), "{times:?}");
    let id = all[4]["messageId"].as_str().unwrap();
    for (filter, letters) in [
        (["--since", "2h"], &all[3..]),
        (["--limit", "3"], &all[..3]),
        (["--limit", "0"], &[]),
        (["--matching", "user.signed"], &all[..]),
        (["--matching", "user.deleted"], &[]),
        (["--matching", id], &all[4..]),
    ] {
        let ids = |letters: &[Value]| {
            letters.iter().map(|one| one["messageId"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(ids(&listed(&filter)), ids(letters), "{filter:?}");
    }
}

#[test]
fn a_replay_of_dead_letters_changes_nothing_until_it_is_applied() {
    let stack = CliStack::start();
    send(&stack, 13);
    let letters = bodies(&stack, "DeadLetters");
    let shown = stack.json(&["events", "replay"]);
    assert_eq!(results(&shown), ["shown"; 13]);
    assert_eq!(shown[0]["would"], "record the time of the event");
    assert_eq!(bodies(&stack, "DeadLetters"), letters);
    let sent = stack.json(&["events", "replay", "--apply"]);
    assert_eq!(results(&sent), ["sent"; 13]);
    assert_eq!(bodies(&stack, "DeadLetters"), [""; 0]);
    assert_eq!(
        bodies(&stack, "Events").iter().map(|body| without_heard_at(body)).collect::<Vec<_>>(),
        letters.iter().map(|body| without_heard_at(body)).collect::<Vec<_>>()
    );
}

#[test]
fn a_message_that_would_fail_again_stays_in_the_dead_letter_queue() {
    let stack = CliStack::start();
    let malformed = json!({ "source": "guestpass.identity", "detail-type": "user.deleted",
                            "detail": { "externalId": "alice" } });
    let future = json!({ "source": "guestpass.identity", "detail-type": "user.deleted",
                         "detail": { "externalId": "alice", "eventId": "e", "occurredAt": "2999-01-01T00:00:00Z" } });
    let both = json!([malformed, future]).to_string();
    assert_eq!(stack.run_with(&["events", "send", "--file", "-"], &both).code, 0);
    send(&stack, 1);
    let replayed = stack.run(&["events", "replay", "--apply", "-o", "json"]);
    assert_eq!(replayed.code, 6, "{replayed:?}");
    assert!(replayed.stderr.contains("not sent: 2"), "{replayed:?}");
    let rows: Value = serde_json::from_str(&replayed.stdout).unwrap();
    assert_eq!(results(&rows), ["kept", "kept", "sent"]);
    assert_eq!((bodies(&stack, "DeadLetters").len(), bodies(&stack, "Events").len()), (2, 1));
    // They are visible again at once, and showing them is not an error.
    assert_eq!(results(&stack.json(&["events", "replay"])), ["kept", "kept"]);
}

#[test]
fn only_messages_that_were_sent_since_the_time_are_replayed() {
    let stack = CliStack::start();
    send(&stack, 1);
    stack.console("POST clock", &json!({ "advanceSeconds": 3 * 3600 }));
    send(&stack, 2);
    assert_eq!(results(&stack.json(&["events", "replay", "--since", "2h"])), ["shown"; 2]);
    assert_eq!(results(&stack.json(&["events", "replay", "--since", "4h"])), ["shown"; 3]);
    let rows = stack.json(&["events", "replay", "--since", "2026-01-01T00:00:00Z"]);
    assert_eq!(results(&rows), ["shown"; 3]);
    let invalid = stack.run(&["events", "replay", "--since", "yesterday"]);
    assert!(invalid.code == 2 && invalid.stderr.contains("expected RFC 3339"), "{invalid:?}");
    let rows = stack.json(&["events", "replay", "--since", "2h", "--apply"]);
    assert_eq!((rows.as_array().unwrap().len(), bodies(&stack, "DeadLetters").len()), (2, 1));
}

#[test]
fn the_events_of_a_file_since_a_time_are_sent_with_their_time() {
    let stack = CliStack::start();
    let old = event("user.disabled", "alice", "e-1", "2026-01-02T03:04:05Z");
    let new = event("user.disabled", "bob", "e-2", "2026-02-02T03:04:05Z");
    let untimed = r#"{"source": "aws.s3",  "detail-type": "other"}"#;
    let heard = r#""heardAt":"2026-02-02T03:04:05.000Z""#;
    let file = stack.dir().join("archive.jsonl");
    std::fs::write(&file, format!("{old}\n{new}\n{untimed}\n")).unwrap();
    let line = ["events", "replay", file.to_str().unwrap(), "--since", "2026-02-01T00:00:00Z"];
    assert_eq!(results(&stack.json(&line)), ["shown"; 2]);
    assert!(bodies(&stack, "Events").is_empty());
    assert_eq!(results(&stack.json(&[&line[..], &["--apply"]].concat())), ["sent"; 2]);
    let sent = bodies(&stack, "Events");
    assert_eq!(without_heard_at(&sent[0]), without_heard_at(&new));
    assert!(sent[0].contains(heard), "{sent:?}");
    assert_eq!(sent[1..], [untimed]);
}

#[test]
fn an_applied_event_that_is_replayed_changes_nothing() {
    let stack = CliStack::with_functions();
    stack.identity("alice");
    let now = stack.console("GET clock", &Value::Null)["now"].clone();
    let happened = json!({ "source": "guestpass.identity", "detail-type": "user.disabled",
        "time": now, "detail": { "externalId": "alice", "occurredAt": now, "eventId": "e-1" } });
    let file = stack.dir().join("archive.json");
    std::fs::write(&file, happened.to_string()).unwrap();
    let replay = ["events", "replay", file.to_str().unwrap(), "--issuer", "https://idp.example"];
    let is_drained = || {
        let listed = stack.console("GET queues", &Value::Null);
        let queues = listed["queues"].as_array().unwrap();
        queues.iter().all(|queue| queue["visible"] == 0 && queue["inFlight"] == 0)
    };
    let state = || {
        let log = stack.json(&["audit", "--user", "alice"]);
        (stack.json(&["identity", "show", "alice"]), log, stack.request_count("revokeAccessTokens"))
    };
    let apply = [&replay[..], &["--apply"]].concat();
    assert_eq!(stack.json(&replay)[0]["would"], "revoke every token, and block the user");
    // The bus delivers it in the second in which it happened.
    let sent = stack.run(&["events", "send", "--file", file.to_str().unwrap()]);
    assert_eq!(sent.code, 0, "{sent:?}");
    assert!(wait_until(Duration::from_secs(30), is_drained), "the event was not applied");
    let applied = state();
    assert_eq!((&applied.0["state"], applied.2), (&json!("blocked"), 1));
    assert_eq!(stack.json(&apply)[0]["would"], "do nothing");
    assert!(wait_until(Duration::from_secs(30), is_drained), "the event was not applied");
    assert_eq!(state(), applied);
}

#[test]
fn a_deployed_services_queue_of_events_must_be_named_and_be_another_one() {
    let stack = CliStack::start();
    let sqs = format!("{}/sqs", stack.text("/events"));
    let replay = ["events", "replay", "--apply"];
    let unnamed = run(&mut deployed(&stack, &sqs, &replay), "");
    assert!(unnamed.code == 2 && unnamed.stderr.contains("GUESTPASS_EVENT_QUEUE"), "{unnamed:?}");
    let mut command = deployed(&stack, &sqs, &replay);
    let queue = "https://sqs.eu-west-1.amazonaws.com/123456789012/DeadLetters";
    command.envs([("GUESTPASS_EVENT_QUEUE", queue), ("GUESTPASS_DEAD_LETTER_QUEUE", queue)]);
    let same = run(&mut command, "");
    assert!(same.code == 2 && same.stderr.contains("the same queue"), "{same:?}");
}

/// An SQS that answers each request with a status and a body, and records the requests.
fn scripted_sqs(
    answer: fn(&str, &Value, usize) -> (u16, Value),
) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&requests);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (operation, body) = request(&stream);
            let earlier = {
                let mut seen = seen.lock().unwrap();
                let what = body.get("MessageBody").or(body.get("ReceiptHandle"));
                let entries = body["Entries"].as_array().into_iter().flatten();
                let handles: Vec<&str> =
                    entries.filter_map(|entry| entry["ReceiptHandle"].as_str()).collect();
                let what = what.and_then(Value::as_str).map_or(handles.join(" "), name);
                let earlier = seen.iter().filter(|one| one.starts_with(&operation)).count();
                seen.push(format!("{operation} {what}").trim_end().to_owned());
                earlier
            };
            let (status, body) = answer(&operation, &body, earlier);
            let body = body.to_string();
            let head = format!(
                "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Type: application/x-amz-json-1.0"
            );
            write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        }
    });
    (url, requests)
}

/// The id in an event, or the text.
fn name(text: &str) -> String {
    let event: Value = serde_json::from_str(text).unwrap_or_default();
    event["id"].as_str().unwrap_or(text).to_owned()
}

fn request(stream: &TcpStream) -> (String, Value) {
    let mut reader = BufReader::new(stream);
    let (mut operation, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("x-amz-target: amazonsqs.") {
            value.clone_into(&mut operation);
        } else if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        } else if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (operation, serde_json::from_slice(&body).unwrap())
}

/// Three messages, in the first answer only.
fn three_letters(earlier: usize) -> Value {
    let letter = |number: usize| {
        let body = event("user.signed-out", "alice", &format!("e-{number}"), "");
        let sent = json!({ "SentTimestamp": "1790000000000" });
        json!({ "MessageId": format!("m-{number}"), "ReceiptHandle": format!("r-{number}"), "Body": body, "Attributes": sent })
    };
    let letters: Vec<Value> = if earlier == 0 { (1..=3).map(letter).collect() } else { vec![] };
    json!({ "Messages": letters })
}

fn replay_with(stack: &CliStack, sqs: &str) -> cli::ToolOutput {
    let line = ["events", "replay", "--apply", "--queue", "dead", "--to", "events", "-o", "tsv"];
    run(&mut deployed(stack, sqs, &line), "")
}

#[test]
fn a_message_leaves_the_dead_letter_queue_only_after_it_is_in_the_other_queue() {
    let stack = CliStack::start();
    let (sqs, requests) = scripted_sqs(|operation, _, earlier| match operation {
        "receivemessage" => (200, three_letters(earlier)),
        "sendmessage" if earlier == 1 => {
            (403, json!({ "__type": "AccessDeniedException", "message": "no" }))
        }
        "sendmessage" => (200, json!({ "MessageId": "new" })),
        _ => (200, json!({})),
    });
    let failed = replay_with(&stack, &sqs);
    assert_eq!((failed.code, failed.stdout.lines().count()), (4, 1), "{failed:?}");
    assert!(failed.stderr.contains("queue of the function: 1"), "{failed:?}");
    assert!(failed.stderr.contains("no message is lost"), "{failed:?}");
    let expected = [
        "receivemessage",
        "sendmessage e-1",
        "deletemessage r-1",
        "sendmessage e-2",
        "changemessagevisibilitybatch r-2 r-3",
    ];
    assert_eq!(*requests.lock().unwrap(), expected);
}

#[test]
fn a_message_that_comes_back_during_the_run_is_not_moved_again() {
    let stack = CliStack::start();
    let (sqs, requests) = scripted_sqs(|operation, _, earlier| match (operation, earlier) {
        ("receivemessage", 0) => (200, three_letters(0)),
        // One that failed again, and one that was read before.
        ("receivemessage", _) => {
            let letter =
                |id: &str| json!({ "MessageId": id, "ReceiptHandle": "again", "Body": "{}" });
            (200, json!({ "Messages": [letter("sent-0"), letter("m-2")] }))
        }
        ("sendmessage", number) => (200, json!({ "MessageId": format!("sent-{number}") })),
        _ => (200, json!({})),
    });
    let replayed = replay_with(&stack, &sqs);
    assert_eq!((replayed.code, replayed.stdout.lines().count()), (0, 3), "{replayed:?}");
    let requests = requests.lock().unwrap();
    let sent = requests.iter().filter(|request| request.starts_with("sendmessage"));
    assert_eq!(sent.count(), 3, "{requests:?}");
    assert_eq!(requests.last().unwrap(), "changemessagevisibilitybatch again again");
}
