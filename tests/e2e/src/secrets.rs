//! R50: no secret in any log, table, queue or file, and none in a response, except the token that
//! it issues.

use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use harness::{HttpReply, call_dynamodb, send};
use serde_json::{Value, json};

/// A secret in a place where it must not be.
#[derive(Debug)]
pub(crate) struct FoundSecret {
    pub(crate) location: String,
    pub(crate) kind: &'static str,
}

/// Searches everything that a stack wrote.
pub(crate) fn search_files(dir: &Path, secrets: &[String]) -> Option<FoundSecret> {
    files(dir).into_iter().find_map(|(file, metadata)| {
        let text = String::from_utf8_lossy(&fs::read(&file).unwrap_or_default()).into_owned();
        let kind = leak(&text, secrets)?;
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_private = metadata.permissions().mode().trailing_zeros() >= 6;
        let is_for_secrets = FOR_SECRETS.contains(&name) && is_private;
        (!is_for_secrets).then(|| FoundSecret { location: file.display().to_string(), kind })
    })
}

/// The files that are intended to contain secrets. Only their owner may read them.
const FOR_SECRETS: [&str; 3] = ["stack.json", "secret-CallerHashKey", "resource.json"];

/// Searches every item of a table, whose engine is at `endpoint`.
pub(crate) fn search_table(
    endpoint: &str,
    table: &str,
    secrets: &[String],
) -> io::Result<Option<FoundSecret>> {
    let mut request = json!({ "TableName": table });
    loop {
        let page = call_dynamodb(endpoint, "Scan", &request)?;
        if let Some(kind) = leak(&page.to_string(), secrets) {
            return Ok(Some(FoundSecret { location: table.to_owned(), kind }));
        }
        match page.get("LastEvaluatedKey") {
            Some(key) => request["ExclusiveStartKey"] = key.clone(),
            None => return Ok(None),
        }
    }
}

/// Searches every message in a queue of the stack whose console is at `console`.
pub(crate) fn search_queues(console: &str, secrets: &[String]) -> io::Result<Option<FoundSecret>> {
    let read = |path: &str| {
        Ok::<_, io::Error>(send(console, &format!("GET /_local/{path}"), &[], "")?.body)
    };
    let queues = read("queues")?;
    let names = queues["queues"].as_array().into_iter().flatten();
    for name in names.filter_map(|queue| queue["name"].as_str()) {
        let messages = read(&format!("queues/{name}/messages"))?;
        if let Some(kind) = leak(&messages.to_string(), secrets) {
            return Ok(Some(FoundSecret { location: name.to_owned(), kind }));
        }
    }
    Ok(None)
}

/// Searches a response. Only a response that issues a token may contain a secret: the new token, in
/// its field.
pub(crate) fn search_reply(
    reply: &HttpReply,
    issues: bool,
    secrets: &[String],
) -> Option<FoundSecret> {
    let mut rest = reply.body.clone();
    for field in ["/token", "/accessToken/token"] {
        let Some(token) = rest.pointer_mut(field).filter(|_| issues) else { continue };
        if secrets.iter().all(|secret| token.as_str() != Some(secret)) {
            *token = Value::Null;
        }
    }
    let kind = leak(&format!("{:?} {rest}", reply.headers), secrets)?;
    Some(FoundSecret { location: "a response".to_owned(), kind })
}

/// The kind of secret in the text; `None` without a secret.
fn leak(text: &str, secrets: &[String]) -> Option<&'static str> {
    if secrets.iter().any(|secret| text.contains(secret.as_str())) {
        Some("a secret of this test")
    } else {
        looks_like_a_token(text).then_some("something that looks like a token")
    }
}

/// Whether any file below a directory has content.
pub(crate) fn has_files_with_content(dir: &Path) -> bool {
    files(dir).iter().any(|(_, metadata)| metadata.len() > 0)
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
    use std::io::{Read as _, Write as _};

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
    fn r10_a_response_has_the_token_that_it_issues_and_no_other_secret() {
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
            let found = search_reply(&reply(&[], &body), issues, &secrets);
            assert_eq!(found.is_some(), leaks, "{body}");
        }
        let moved = reply(&[("location", "/hunter2hunter2")], &Value::Null);
        assert!(search_reply(&moved, false, &secrets).is_some());
    }

    fn reply(headers: &[(&str, &str)], body: &Value) -> HttpReply {
        let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        HttpReply { status: 200, headers: headers.collect(), body: body.clone() }
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

    /// Sends these responses to the next requests, one each.
    fn server(responses: Vec<Value>) -> (String, std::thread::JoinHandle<()>) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let serving = std::thread::spawn(move || {
            for response in responses {
                let (mut stream, _) = listener.accept().unwrap();
                // The complete request: unread bytes would reset the connection.
                let (mut request, mut part) = (Vec::new(), [0; 4096]);
                while !is_complete(&String::from_utf8_lossy(&request)) {
                    let read = stream.read(&mut part).unwrap();
                    request.extend_from_slice(&part[..read]);
                }
                write!(stream, "HTTP/1.0 200 OK\r\n\r\n{response}").unwrap();
            }
        });
        (endpoint, serving)
    }

    /// Whether the text is a request with its whole body.
    fn is_complete(request: &str) -> bool {
        let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        length.is_none_or(|length| length.parse::<usize>().unwrap() <= body.len())
    }
}
