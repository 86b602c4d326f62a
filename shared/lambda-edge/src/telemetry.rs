//! Logs and metrics: one JSON object per line on stdout, where Lambda collects it.
//!
//! The log line of a request has the field names of Azure Monitor's table
//! `ACSAuthIncomingOperations`, so the identity is the key in both logs. The line also carries
//! the metric `APIRequestAuthentication` in CloudWatch's embedded metric format. No token, key,
//! body or claim is ever in a line.

use std::fmt;
use std::time::{Duration, SystemTime};

use api_types::format_timestamp;
use identity_core::{identity::Scopes, ports::Clock};
use lambda_http::http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use tracing::{Level, Metadata};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterExt, LevelFilter, Targets, filter_fn};
use tracing_subscriber::fmt::{format::Writer, time::FormatTime};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::{config::process_env, system_clock};

mod line;
mod metrics;

use line::{milliseconds, namespace, write_line};
pub use metrics::METRICS;

/// Starts logging. Call it once, first in `main`. `RUST_LOG` sets the level of the lines, such
/// as `debug` or `info,acs_client=trace`; the level is `info` if `RUST_LOG` is not set or
/// invalid. Metrics are written at every level.
pub fn init() {
    let level = levels(&process_env("RUST_LOG").unwrap_or_default());
    let json = tracing_subscriber::fmt::layer()
        .json()
        .with_timer(OurTime)
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false);
    let lines = json.with_filter(level.and(filter_fn(may_be_logged)));
    let metrics = metrics::layer(system_clock());
    tracing_subscriber::registry().with(lines).with(metrics).init();
    tracing::debug!(metric.cold_starts = 1, "process started");
}

/// Log lines take their time from the clock of records and requests. It can be moved on a
/// developer's machine, and logs and records must show the same time.
struct OurTime;

impl FormatTime for OurTime {
    fn format_time(&self, line: &mut Writer<'_>) -> fmt::Result {
        line.write_str(&format_timestamp(system_clock().now()))
    }
}

/// Not an `EnvFilter`: its expressions for the fields of spans add an engine for regular
/// expressions to each function.
fn levels(rust_log: &str) -> Targets {
    let asked = Some(rust_log).filter(|asked| !asked.trim().is_empty());
    asked
        .and_then(|asked| asked.parse().ok())
        .unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO))
}

/// Third-party crates log nothing secret at `info`. Below `info`, the Lambda runtime prints
/// response bodies and the AWS SDK prints requests, whatever level `RUST_LOG` sets: a token
/// would get into the log.
fn may_be_logged(metadata: &Metadata<'_>) -> bool {
    let ours = OURS.iter().any(|name| {
        metadata
            .target()
            .strip_prefix(name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    });
    ours || *metadata.level() <= Level::INFO
}

const OURS: [&str; 13] = [
    "acs_client",
    "acs_secret",
    "authorize_caller",
    "event_queue",
    "identity_core",
    "identity_store",
    "issuer_keys",
    "lambda_edge",
    "receive_security_event",
    "revoke_on_event",
    "scim_store",
    "scim_users",
    "delete_stale_identities",
];

/// The content of a request's log line.
pub(crate) struct RequestLine<'a> {
    pub(crate) operation: &'static str,
    pub(crate) correlation_id: &'a str,
    pub(crate) request_id: &'a str,
    pub(crate) at: SystemTime,
    pub(crate) duration: Duration,
    pub(crate) status: StatusCode,
    pub(crate) problem: Option<&'static str>,
    pub(crate) identity: Option<String>,
    pub(crate) scopes: Option<Scopes>,
    pub(crate) caller: Option<String>,
    pub(crate) user_agent: Option<String>,
}

/// Writes the log line of a request. It does not use `tracing`, whose fields are flat: the
/// metric is an object, and the line does not depend on the log level.
pub(crate) fn write(line: &RequestLine<'_>) {
    write_line(&Row::of(line));
}

/// The line as it is serialized.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Row<'a> {
    #[serde(rename = "timestamp")]
    timestamp: String,
    #[serde(rename = "level")]
    level: &'static str,
    #[serde(rename = "message")]
    message: String,
    operation_name: &'static str,
    operation_version: &'static str,
    category: &'static str,
    correlation_id: &'a str,
    request_id: &'a str,
    result_type: &'static str,
    result_signature: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    result_description: Option<&'static str>,
    duration_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes: Option<&'a Scopes>,
    /// The hash of the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    caller: Option<&'a str>,
    /// The caller's app and its version, from the user agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
    operation: &'static str,
    status_code: String,
    status_code_class: String,
    #[serde(rename = "APIRequestAuthentication")]
    api_request_authentication: u8,
    #[serde(rename = "_aws")]
    embedded_metric: Value,
}

impl<'a> Row<'a> {
    fn of(line: &'a RequestLine<'_>) -> Self {
        let status = line.status.as_u16();
        let failed = line.status.is_client_error() || line.status.is_server_error();
        let at = line.at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self {
            timestamp: format_timestamp(line.at),
            level: if line.status.is_server_error() { "ERROR" } else { "INFO" },
            message: format!("{} {status}", line.operation),
            operation_name: line.operation,
            operation_version: "v1",
            category: "AuthOperational",
            correlation_id: line.correlation_id,
            request_id: line.request_id,
            result_type: if failed { "Failed" } else { "Succeeded" },
            result_signature: status.to_string(),
            result_description: line.problem,
            duration_ms: milliseconds(line.duration),
            identity: line.identity.as_deref(),
            scopes: line.scopes.as_ref(),
            caller: line.caller.as_deref(),
            user_agent: line.user_agent.as_deref(),
            operation: line.operation,
            status_code: status.to_string(),
            status_code_class: format!("{}xx", status / 100),
            api_request_authentication: 1,
            embedded_metric: json!({
                "Timestamp": milliseconds(at),
                "CloudWatchMetrics": [{
                    "Namespace": namespace(),
                    "Dimensions": [["Operation", "StatusCode", "StatusCodeClass"]],
                    "Metrics": [
                        { "Name": "APIRequestAuthentication", "Unit": "Count" },
                        { "Name": "DurationMs", "Unit": "Milliseconds" },
                    ],
                }],
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_log_sets_the_level_and_nonsense_means_info() {
        for (rust_log, target, level, printed) in [
            ("", "acs_client", Level::INFO, true),
            ("", "acs_client", Level::DEBUG, false),
            ("trace", "acs_client", Level::TRACE, true),
            ("warn,acs_client=debug", "acs_client::auth::keys", Level::DEBUG, true),
            ("warn,acs_client=debug", "identity_store", Level::INFO, false),
            ("acs_client=loud", "identity_store", Level::INFO, true),
        ] {
            assert_eq!(levels(rust_log).would_enable(target, &level), printed, "{rust_log}");
        }
    }
}
