//! The lines that a process writes to its standard output, where Lambda collects them.
#![expect(clippy::unwrap_used, reason = "a test may die")]

use std::{env::current_exe, fs, path::Path, process::Command};

use api_types::ProblemType;
use identity_core::{
    identity::Scopes,
    secret::Secret,
    testing::{ManualClock, acs_id},
};
use lambda_edge::{
    ApiResponse, ServiceEdge, serve, telemetry,
    testing::{TestRequest, access},
};
use lambda_http::{Context, RequestExt as _, http::StatusCode};
use serde_json::{Value, json};

/// The log lines of [`each_request_gets_its_status_while_its_process_logs`].
fn lines(rust_log: &str) -> Vec<Value> {
    lines_with("RUST_LOG", rust_log)
}

/// The same with one environment variable. The test runs in a new process, because logging
/// can be started only once per process.
fn lines_with(variable: &str, value: &str) -> Vec<Value> {
    let output = Command::new(current_exe().unwrap())
        .args(["--exact", "each_request_gets_its_status_while_its_process_logs", "--nocapture"])
        .env_remove("RUST_LOG")
        .env(variable, value)
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    // The test harness writes to the same stream.
    let objects = text.lines().filter_map(|line| line.get(line.find('{')?..));
    objects.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The only test in this file that starts logging.
#[tokio::test]
async fn each_request_gets_its_status_while_its_process_logs() {
    telemetry::init();
    tracing::info!(target: "hyper", "third-party crate, info");
    tracing::debug!(target: "hyper", "third-party crate, debug");
    tracing::debug!(target: "acs_client_of_others", "crate whose name begins like ours, debug");
    tracing::trace!(target: "acs_client::auth::keys", "own crate, trace");
    tracing::debug!(metric.identities_deleted = 3, metric.acs_latency_ms = 7, "counted");

    let mut context = Context::default();
    "lambda-1".clone_into(&mut context.request_id);
    let event = TestRequest::new("POST /v1/token").request();
    let mut request = event.with_lambda_context(context);
    request.headers_mut().insert("x-request-id", "r-1".parse().unwrap());
    request.headers_mut().insert("user-agent", "a".repeat(129).parse().unwrap());
    let clock = ManualClock::default();
    let edge = ServiceEdge::new(Some(Secret::new("key")), access().subject_claims());
    let success = async {
        tracing::info!(target: "acs_client", "handler");
        clock.advance(std::time::Duration::from_millis(42));
        let response = ApiResponse::empty().about(Some(&acs_id("8:acs:1")));
        Ok(response.granting(Scopes::chat_and_voip()))
    };
    let response = serve("Success", &clock, &edge, &request, success).await.unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    let refusal = async { Err(ProblemType::BLOCKED.into()) };
    let response = serve("Refusal", &clock, &edge, &request, refusal).await.unwrap();
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    request.headers_mut().insert("user-agent", "".parse().unwrap());
    let failure = async { Err(identity_core::Error::Internal("x").into()) };
    let response = serve("Failure", &clock, &edge, &request, failure).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

fn with<'a>(lines: &'a [Value], field: &str, value: &str) -> Option<&'a Value> {
    lines.iter().find(|line| line[field] == value)
}

#[test]
fn third_party_crates_are_never_logged_below_info() {
    let lines = lines("trace");
    let is_logged = |message| with(&lines, "message", message).is_some();
    assert!(is_logged("third-party crate, info"));
    assert!(is_logged("own crate, trace"));
    assert!(!is_logged("third-party crate, debug"));
    assert!(!is_logged("crate whose name begins like ours, debug"));
}

#[test]
fn a_log_line_has_a_timestamp_and_the_ids_of_its_request() {
    let lines = lines("");
    let line = with(&lines, "message", "handler").unwrap();
    assert!(line["timestamp"].as_str().unwrap().ends_with('Z'), "{line}");
    assert_eq!(line["span"]["CorrelationId"], "r-1");
    assert_eq!(line["span"]["RequestId"], "lambda-1");
    assert_eq!(with(&lines, "message", "own crate, trace"), None);
}

/// The local stack moves the clock of every process with this file.
#[test]
fn a_file_sets_the_clock_ahead() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clock-offset");
    // A hundred years.
    fs::write(&file, "3155760000000\n").unwrap();
    let lines = lines_with("GUESTPASS_CLOCK_OFFSET_FILE", file.to_str().unwrap());
    let line = with(&lines, "message", "handler").unwrap();
    assert!(line["timestamp"].as_str().unwrap().starts_with("21"), "{line}");
}

#[test]
fn metrics_are_written_at_every_log_level_and_count_the_cold_start() {
    let lines = lines("error");
    let metric = |name: &str| lines.iter().find(|line| line.get(name).is_some()).unwrap();
    assert_eq!(metric("ColdStarts")["ColdStarts"], 1);
    let line = metric("IdentitiesDeleted");
    assert_eq!((&line["IdentitiesDeleted"], &line["AcsLatencyMs"]), (&json!(3), &json!(7)));
    let since = line["_aws"]["Timestamp"].as_u64().unwrap();
    assert!(since > 1_700_000_000_000, "{since}");
    let declares_none =
        |line: &&Value| line["_aws"]["CloudWatchMetrics"][0]["Metrics"] == json!([]);
    assert_eq!(lines.iter().find(declares_none), None, "no metric line without a metric");
    let declared = &line["_aws"]["CloudWatchMetrics"][0]["Metrics"];
    assert_eq!(
        *declared,
        json!([
            { "Name": "IdentitiesDeleted", "Unit": "Count" },
            { "Name": "AcsLatencyMs", "Unit": "Milliseconds" },
        ])
    );
}

#[test]
fn each_request_has_a_log_line_with_its_outcome() {
    let lines = lines("error");
    let line = with(&lines, "Operation", "Success").unwrap();
    for (field, value) in [
        ("level", json!("INFO")),
        ("message", json!("Success 204")),
        ("timestamp", json!("2027-01-15T08:00:00.042Z")),
        ("CorrelationId", json!("r-1")),
        ("RequestId", json!("lambda-1")),
        ("ResultType", json!("Succeeded")),
        ("StatusCode", json!("204")),
        ("StatusCodeClass", json!("2xx")),
        ("DurationMs", json!(42)),
        ("Identity", json!("8:acs:1")),
        ("Scopes", json!(["chat", "voip"])),
        ("Caller", json!("fdabe22082b9edd8")),
        ("UserAgent", json!("a".repeat(128))),
    ] {
        assert_eq!(line[field], value, "{field}");
    }
    assert_eq!(line["_aws"]["Timestamp"], 1_800_000_000_042_u64);
    assert_eq!(line.get("ResultDescription"), None);
    let metrics = &line["_aws"]["CloudWatchMetrics"][0];
    for metric in metrics["Metrics"].as_array().unwrap() {
        assert!(line[metric["Name"].as_str().unwrap()].is_u64(), "{metric}");
    }
    for dimension in metrics["Dimensions"][0].as_array().unwrap() {
        assert!(line[dimension.as_str().unwrap()].is_string(), "{dimension}");
    }
    for (operation, level, class, problem) in
        [("Refusal", "INFO", "4xx", "user-blocked"), ("Failure", "ERROR", "5xx", "internal")]
    {
        let line = with(&lines, "Operation", operation).unwrap();
        assert_eq!(line["level"], level);
        assert_eq!(line["Caller"], "fdabe22082b9edd8", "a refusal names the caller, too");
        assert_eq!(line["ResultType"], "Failed");
        assert_eq!(line["StatusCodeClass"], class);
        assert_eq!(line["ResultDescription"], problem);
    }
    assert_eq!(with(&lines, "Operation", "Failure").unwrap().get("UserAgent"), None);
}
