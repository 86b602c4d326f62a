use std::{io::Write, sync::OnceLock, time::Duration};

use serde::Serialize;

use crate::config::process_env;

/// Writes one line of JSON.
pub(super) fn write_line(line: &impl Serialize) {
    let mut text = serde_json::to_string(line).unwrap_or_default();
    text.push('\n');
    // A failed write to the log cannot be reported anywhere.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// The CloudWatch namespace for the metrics of this stack. It keeps the metrics of two stacks in
/// one account apart, so that an alarm of one stack does not stop a deployment of the other.
pub(super) fn namespace() -> &'static str {
    static NAMESPACE: OnceLock<String> = OnceLock::new();
    NAMESPACE
        .get_or_init(|| process_env("METRICS_NAMESPACE").unwrap_or_else(|| "Guestpass".to_owned()))
}

pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
