//! R50: no secret in any log, and none in the tables: neither in the records nor in the
//! audit log.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

/// A secret where none should be.
pub(crate) struct Found {
    pub(crate) file: PathBuf,
    pub(crate) what: &'static str,
}

/// Searches everything that a stack wrote down, but for the file that is made to
/// hold its secrets.
pub(crate) fn search(dir: &Path, secrets: &[String]) -> Option<Found> {
    let mut logs = files(&dir.join("data/logs"));
    logs.extend([dir.join("stack.out"), dir.join("stack.err")]);
    logs.into_iter().find_map(|file| {
        let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap_or_default()).into_owned();
        let what = leak(&text, secrets)?;
        Some(Found { file, what })
    })
}

/// Searches every item of a table, whose engine is at `endpoint`.
pub(crate) fn search_table(
    endpoint: &str,
    table: &str,
    secrets: &[String],
) -> io::Result<Option<Found>> {
    let mut request = json!({ "TableName": table });
    loop {
        let page = scan(endpoint, &request)?;
        if let Some(what) = leak(&page.to_string(), secrets) {
            return Ok(Some(Found { file: table.into(), what }));
        }
        match page.get("LastEvaluatedKey") {
            Some(key) => request["ExclusiveStartKey"] = key.clone(),
            None => return Ok(None),
        }
    }
}

/// One page. Blocking, since a stack is searched when it is dropped.
fn scan(endpoint: &str, request: &Value) -> io::Result<Value> {
    let host = endpoint.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(host)?;
    let body = request.to_string();
    // HTTP/1.0, so that the end of the connection is the end of the answer. The engine wants a
    // signature, and does not verify it.
    write!(
        stream,
        "POST / HTTP/1.0\r\nHost: {host}\r\nX-Amz-Target: DynamoDB_20120810.Scan\r\n\
         X-Amz-Date: 20260101T000000Z\r\nContent-Type: application/x-amz-json-1.0\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=none\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
    let page: Value = serde_json::from_str(body)?;
    if page.get("Items").is_none() {
        return Err(io::Error::other(format!("not a page of a table: {page}")));
    }
    Ok(page)
}

/// What kind of secret the text holds, if it holds one.
fn leak(text: &str, secrets: &[String]) -> Option<&'static str> {
    if secrets.iter().any(|secret| text.contains(secret.as_str())) {
        Some("one that was used here")
    } else {
        looks_like_a_token(text).then_some("something that looks like a token")
    }
}

/// Whether any function has logged anything.
pub(crate) fn has_logs(dir: &Path) -> bool {
    let logs = files(&dir.join("data/logs"));
    logs.iter().any(|log| std::fs::metadata(log).is_ok_and(|log| log.len() > 0))
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect()
}

/// Whether there is a JWT in it: a header that begins with `{"`, a dot, a payload
/// that does.
fn looks_like_a_token(text: &str) -> bool {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)))
        .any(|word| word.starts_with("eyJ") && word.contains(".eyJ"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r50_a_secret_in_a_log_is_found() {
        for (line, leaks) in [
            ("{\"message\":\"CreateToken 200\"}", false),
            ("key=hunter2hunter2", true),
            ("Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", true),
        ] {
            let dir = tempfile::tempdir().unwrap();
            std::fs::create_dir_all(dir.path().join("data/logs")).unwrap();
            std::fs::write(dir.path().join("data/logs/function.log"), line).unwrap();
            let secrets = ["hunter2hunter2".to_owned()];
            assert_eq!(search(dir.path(), &secrets).is_some(), leaks, "{line}");
        }
    }

    #[test]
    fn r50_a_secret_on_any_page_of_a_table_is_found() {
        for (reason, leaks) in [
            ("lost phone", false),
            ("hunter2hunter2", true),
            ("eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", true),
        ] {
            let pages = [
                json!({ "Items": [], "LastEvaluatedKey": { "user": { "S": "alice" } } }),
                json!({ "Items": [{ "reason": { "S": reason } }] }),
            ];
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let endpoint = format!("http://{}", listener.local_addr().unwrap());
            let engine = std::thread::spawn(move || {
                for page in pages {
                    let (mut stream, _) = listener.accept().unwrap();
                    // All of it: what is left unread would reset the connection.
                    let (mut request, mut part) = (Vec::new(), [0; 4096]);
                    while !request.ends_with(b"}") {
                        let read = stream.read(&mut part).unwrap();
                        request.extend_from_slice(&part[..read]);
                    }
                    write!(stream, "HTTP/1.0 200 OK\r\n\r\n{page}").unwrap();
                }
            });
            let found = search_table(&endpoint, "AuditLog", &["hunter2hunter2".to_owned()]);
            assert_eq!(found.unwrap().is_some(), leaks, "{reason}");
            engine.join().unwrap();
        }
    }
}
