//! The service's log lines about one identity.
//!
//! A line is a JSON object. Any text before the first brace, such as the time and the stream of
//! `aws logs tail`, is skipped.

use std::io::{self, BufRead};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;

use crate::input::open;
use crate::report::{CliError, Result, timestamp};

/// A log line about the identity.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LogLine {
    /// The time.
    pub(crate) at: SystemTime,
    /// The event, in a few words.
    pub(crate) what: String,
}

/// Reads a log: a file, the `.log` files of a directory, or with `-` stdin.
pub(crate) fn about(identities: &[String], log: &Path) -> Result<Vec<LogLine>> {
    let unreadable = |error: io::Error| {
        CliError::usage(format!("cannot read the log {}", log.display()))
            .because(error.to_string())
            .hint(
                "name a file with the functions' log lines, a directory of them, or `-` for stdin",
            )
    };
    let mut found = Vec::new();
    for file in files(log).map_err(unreadable)? {
        found.extend(lines(open(&file, unreadable)?, identities).map_err(unreadable)?);
    }
    Ok(found)
}

fn files(log: &Path) -> io::Result<Vec<PathBuf>> {
    if log == Path::new("-") || !log.is_dir() {
        return Ok(vec![log.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(log)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "log") {
            files.push(path);
        }
    }
    Ok(files)
}

fn lines(reader: impl BufRead, identities: &[String]) -> io::Result<Vec<LogLine>> {
    let mut found = Vec::new();
    for line in reader.split(b'\n') {
        // Lines of other programs in the same log can have any encoding.
        found.extend(read(&String::from_utf8_lossy(&line?), identities));
    }
    Ok(found)
}

fn read(text: &str, identities: &[String]) -> Option<LogLine> {
    // This cheap check skips almost every line.
    if !identities.iter().any(|identity| text.contains(identity.as_str())) {
        return None;
    }
    let line: Value = serde_json::from_str(text.get(text.find('{')?..)?).ok()?;
    let told = |name: &str| line.get(name).and_then(Value::as_str);
    let whose = told("Identity").or_else(|| told("acs.id"))?;
    identities.iter().find(|identity| *identity == whose)?;
    let at = timestamp::parse(told("timestamp")?)?;
    let what = match told("OperationName") {
        Some(operation) => request(operation, &line),
        None => told("message")?.to_owned(),
    };
    Some(LogLine { at, what })
}

/// The text for a request's line: `CreateToken 200 (chat voip), 42 ms, request r-1`.
fn request(operation: &str, line: &Value) -> String {
    let mut text = operation.to_owned();
    if let Some(status) = line.get("ResultSignature").and_then(Value::as_str) {
        text = format!("{text} {status}");
    }
    if let Some(Value::Array(scopes)) = line.get("Scopes") {
        let scopes: Vec<&str> = scopes.iter().filter_map(Value::as_str).collect();
        text = format!("{text} ({})", scopes.join(" "));
    }
    if let Some(took) = line.get("DurationMs").and_then(Value::as_u64) {
        text = format!("{text}, {took} ms");
    }
    match line.get("RequestId").and_then(Value::as_str) {
        Some(id) => format!("{text}, request {id}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_about_the_identity_are_found_and_others_are_not() {
        let log = r#"
            {"timestamp":"2026-11-22T10:00:00.000Z","OperationName":"CreateToken","Identity":"8:acs:1_2","ResultSignature":"200","Scopes":["chat","voip"],"DurationMs":42,"RequestId":"r-1"}
            2026-11-22T10:00:01 stream {"timestamp":"2026-11-22T10:00:01.000000Z","level":"INFO","message":"revoked","acs.id":"8:acs:1_2"}
            {"timestamp":"2026-11-22T10:00:02.000Z","OperationName":"CreateToken","Identity":"8:acs:1_23"}
            {"timestamp":"2026-11-22T10:00:03.000Z","message":"about 8:acs:1_2, but not its own"}
            8:acs:1_2 and no JSON {
            {"timestamp":"soon","message":"undated","acs.id":"8:acs:1_2"}
        "#;
        let log = [b"not UTF-8: \xff\n", log.as_bytes()].concat();
        let found = lines(log.as_slice(), &["8:acs:1_2".to_owned()]).unwrap();
        let told: Vec<&str> = found.iter().map(|line| line.what.as_str()).collect();
        assert_eq!(told, ["CreateToken 200 (chat voip), 42 ms, request r-1", "revoked"]);
        assert!(found[0].at < found[1].at);
    }
}
