//! R50: no secret in any log, table, queue or file, and none in a response, except the token that
//! it issues.

use std::{
    fs::{self, Metadata},
    io::{self, Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

/// A secret in a place where it must not be.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) place: String,
    pub(crate) what: &'static str,
}

/// Searches everything that a stack wrote.
pub(crate) fn search_files(dir: &Path, secrets: &[String]) -> Option<Found> {
    files(dir).into_iter().find_map(|(file, metadata)| {
        let text = String::from_utf8_lossy(&fs::read(&file).unwrap_or_default()).into_owned();
        let what = leak(&text, secrets)?;
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_private = metadata.permissions().mode().trailing_zeros() >= 6;
        let is_for_secrets = FOR_SECRETS.contains(&name) && is_private;
        (!is_for_secrets).then(|| Found { place: file.display().to_string(), what })
    })
}

/// The files that are intended to contain secrets. Only their owner may read them.
const FOR_SECRETS: [&str; 3] = ["stack.json", "secret-CallerHashKey", "resource.json"];

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
            return Ok(Some(Found { place: table.to_owned(), what }));
        }
        match page.get("LastEvaluatedKey") {
            Some(key) => request["ExclusiveStartKey"] = key.clone(),
            None => return Ok(None),
        }
    }
}

/// Searches every message in a queue of the stack whose console is at `console`.
pub(crate) fn search_queues(console: &str, secrets: &[String]) -> io::Result<Option<Found>> {
    let read = |path: &str| exchange(console, &format!("GET /_local/{path} HTTP/1.0\r\n\r\n"));
    let queues = read("queues")?;
    let names = queues["queues"].as_array().into_iter().flatten();
    for name in names.filter_map(|queue| queue["name"].as_str()) {
        let messages = read(&format!("queues/{name}/messages"))?;
        if let Some(what) = leak(&messages.to_string(), secrets) {
            return Ok(Some(Found { place: name.to_owned(), what }));
        }
    }
    Ok(None)
}

/// Searches a response. Only a response that issues a token may contain a secret: the new token, in
/// its place.
pub(crate) fn search_answer(
    headers: &HeaderMap,
    body: &Value,
    issues: bool,
    secrets: &[String],
) -> Option<Found> {
    let mut rest = body.clone();
    for place in ["/token", "/accessToken/token"] {
        let Some(token) = rest.pointer_mut(place).filter(|_| issues) else { continue };
        if secrets.iter().all(|secret| token.as_str() != Some(secret)) {
            *token = Value::Null;
        }
    }
    let what = leak(&format!("{headers:?} {rest}"), secrets)?;
    Some(Found { place: "an answer".to_owned(), what })
}

/// One page.
fn scan(endpoint: &str, request: &Value) -> io::Result<Value> {
    let body = request.to_string();
    // The engine requires a signature, but does not verify it.
    let page = exchange(
        endpoint,
        &format!(
            "POST / HTTP/1.0\r\nX-Amz-Target: DynamoDB_20120810.Scan\r\n\
             X-Amz-Date: 20260101T000000Z\r\nContent-Type: application/x-amz-json-1.0\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=none\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    )?;
    if page.get("Items").is_none() {
        return Err(io::Error::other(format!("not a page of a table: {page}")));
    }
    Ok(page)
}

/// Sends an HTTP/1.0 request, so that the end of the connection is the end of the answer. It
/// blocks, because a stack is searched when it is dropped.
fn exchange(endpoint: &str, request: &str) -> io::Result<Value> {
    let host = endpoint.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(host)?;
    let (first, rest) = request.split_once("\r\n").unwrap_or_default();
    write!(stream, "{first}\r\nHost: {host}\r\n{rest}")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
    Ok(serde_json::from_str(body)?)
}

/// The kind of secret in the text, if there is one.
fn leak(text: &str, secrets: &[String]) -> Option<&'static str> {
    if secrets.iter().any(|secret| text.contains(secret.as_str())) {
        Some("one that was used here")
    } else {
        looks_like_a_token(text).then_some("something that looks like a token")
    }
}

/// Whether any function has logged anything.
pub(crate) fn has_logs(dir: &Path) -> bool {
    files(&dir.join("data/logs")).iter().any(|(_, metadata)| metadata.len() > 0)
}

/// Every file below a directory.
fn files(dir: &Path) -> Vec<(PathBuf, Metadata)> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let of = |entry: fs::DirEntry| {
        let (path, metadata) = (entry.path(), entry.metadata().ok()?);
        Some(if metadata.is_dir() { files(&path) } else { vec![(path, metadata)] })
    };
    entries.filter_map(of).flatten().collect()
}

/// Whether the text contains a JWT: a header that begins with `{"`, a dot, and a payload that does.
fn looks_like_a_token(text: &str) -> bool {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)))
        .any(|word| word.starts_with("eyJ") && word.contains(".eyJ"))
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderValue, LOCATION};

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
            assert_eq!(search_files(dir.path(), &secrets).is_some(), leaks, "{line}");
        }
    }

    #[test]
    fn r50_a_secret_may_be_in_a_file_for_secrets_that_only_its_owner_may_read() {
        for (name, mode, leaks) in [
            ("stack.json", 0o600, false),
            ("stack.json", 0o640, true),
            ("stack.json", 0o604, true),
            ("other.json", 0o600, true),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("data").join(name);
            fs::create_dir(dir.path().join("data")).unwrap();
            fs::write(&file, "{\"accessKey\":\"hunter2hunter2\"}").unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            let found = search_files(dir.path(), &["hunter2hunter2".to_owned()]);
            assert_eq!(found.is_some(), leaks, "{name} {mode:o}");
        }
    }

    #[test]
    fn r10_an_answer_holds_the_token_that_it_issues_and_no_other_secret() {
        let jwt = "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.";
        let secrets = ["hunter2hunter2".to_owned()];
        for (body, issues, leaks) in [
            (json!({ "token": jwt, "user": {} }), true, false),
            (json!({ "accessToken": { "token": jwt } }), true, false),
            (json!({ "token": jwt }), false, true),
            (json!({ "token": "hunter2hunter2" }), true, true),
            (json!({ "token": jwt, "detail": jwt }), true, true),
            (json!({ "token": jwt, "detail": "hunter2hunter2" }), true, true),
            (json!({ "detail": "not found" }), false, false),
        ] {
            let found = search_answer(&HeaderMap::new(), &body, issues, &secrets);
            assert_eq!(found.is_some(), leaks, "{body}");
        }
        let headers =
            HeaderMap::from_iter([(LOCATION, HeaderValue::from_static("/hunter2hunter2"))]);
        assert!(search_answer(&headers, &Value::Null, false, &secrets).is_some());
    }

    #[test]
    fn r50_a_secret_in_any_queue_is_found() {
        for (detail, leaks) in [("lost phone", false), ("hunter2hunter2", true)] {
            let (console, server) = server(vec![
                json!({ "queues": [{ "name": "Events" }, { "name": "DeadLetters" }] }),
                json!({ "messages": [] }),
                json!({ "messages": [{ "body": detail }] }),
            ]);
            let found = search_queues(&console, &["hunter2hunter2".to_owned()]).unwrap();
            assert_eq!(found.is_some(), leaks, "{detail}");
            server.join().unwrap();
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
            let (endpoint, engine) = server(pages.to_vec());
            let found = search_table(&endpoint, "AuditLog", &["hunter2hunter2".to_owned()]);
            assert_eq!(found.unwrap().is_some(), leaks, "{reason}");
            engine.join().unwrap();
        }
    }
    /// Answers the next requests with these answers, one each.
    fn server(answers: Vec<Value>) -> (String, std::thread::JoinHandle<()>) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let serving = std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                // The complete request: unread bytes would reset the connection.
                let (mut request, mut part) = (Vec::new(), [0; 4096]);
                while !request.ends_with(b"}") && !request.ends_with(b"\r\n\r\n") {
                    let read = stream.read(&mut part).unwrap();
                    request.extend_from_slice(&part[..read]);
                }
                write!(stream, "HTTP/1.0 200 OK\r\n\r\n{answer}").unwrap();
            }
        });
        (endpoint, serving)
    }
}
