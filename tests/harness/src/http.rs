//! HTTP for tests that do not need a client with connections: one request, one reply.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
};

use serde_json::Value;

/// A response.
#[derive(Clone, Debug)]
pub struct HttpReply {
    /// The status.
    pub status: u16,
    /// The headers, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as JSON; `null` if it is empty.
    pub body: Value,
}

impl HttpReply {
    /// A response whose body is JSON or empty.
    pub fn new(status: u16, headers: Vec<(String, String)>, body: &str) -> io::Result<Self> {
        let body = if body.is_empty() { Value::Null } else { serde_json::from_str(body)? };
        Ok(Self { status, headers, body })
    }

    /// Whether the status is 2xx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The value of a header; empty if the header is missing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let header = self.headers.iter().find(|(other, _)| other == name);
        header.map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// The `type` of a problem document, without the common prefix; empty for other bodies.
    #[must_use]
    pub fn problem(&self) -> &str {
        let kind = self.body.get("type").and_then(Value::as_str).unwrap_or_default();
        kind.strip_prefix("/problems/").unwrap_or_default()
    }
}

/// Sends one request to `base`, a URL without a path. `route` is a method and a path.
pub fn send(
    base: &str,
    route: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<HttpReply> {
    let host = base.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(host)?;
    // HTTP/1.0: the end of the connection is the end of the response.
    let lines: String =
        headers.iter().flat_map(|(name, value)| [name, ": ", value, "\r\n"]).collect();
    let length = body.len();
    // One write: a server that answers after the head would reset the connection when the body
    // arrives after its answer.
    let request = format!(
        "{route} HTTP/1.0\r\nHost: {host}\r\n{lines}Content-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes())?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    parse(&response).ok_or_else(|| io::Error::other(format!("invalid response: {response}")))?
}

/// Calls a DynamoDB engine, which requires a signature but does not verify it.
pub fn call_dynamodb(endpoint: &str, operation: &str, request: &Value) -> io::Result<Value> {
    let headers = [
        ("x-amz-target", &*format!("DynamoDB_20120810.{operation}")),
        ("x-amz-date", "20260101T000000Z"),
        ("content-type", "application/x-amz-json-1.0"),
        (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=none",
        ),
    ];
    let reply = send(endpoint, "POST /", &headers, &request.to_string())?;
    if reply.is_success() {
        Ok(reply.body)
    } else {
        Err(io::Error::other(format!("{operation} failed: {reply:?}")))
    }
}

fn parse(response: &str) -> Option<io::Result<HttpReply>> {
    let (head, body) = response.split_once("\r\n\r\n")?;
    let (first, headers) = head.split_once("\r\n").unwrap_or((head, ""));
    let status = first.split(' ').nth(1)?.parse().ok()?;
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_lowercase(), value.trim().to_owned()))
    };
    let headers = headers.lines().filter_map(header).collect();
    Some(HttpReply::new(status, headers, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_parsed_into_status_headers_and_json() {
        let reply =
            parse("HTTP/1.0 404 Not Found\r\nRetry-After: 5\r\n\r\n{\"type\":\"/problems/x\"}");
        let reply = reply.unwrap().unwrap();
        assert_eq!((reply.status, reply.is_success()), (404, false));
        assert_eq!((reply.header("retry-after"), reply.header("etag")), ("5", ""));
        assert_eq!(reply.problem(), "x");
        let empty = parse("HTTP/1.0 204 No Content\r\n\r\n").unwrap().unwrap();
        assert_eq!((empty.is_success(), empty.body), (true, Value::Null));
        assert!(parse("").is_none());
        assert!(parse("HTTP/1.0 200 OK\r\n\r\n<html>").unwrap().is_err());
    }
}
