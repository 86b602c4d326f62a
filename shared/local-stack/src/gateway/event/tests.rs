//! Each test is one measured or documented property of the events of an HTTP API.

use axum::http::Request;

use super::*;

const NOW: i64 = 1_584_039_838;

fn event_with(request: Request<&'static [u8]>, authorizer: Option<Value>) -> Value {
    let (parts, body) = request.into_parts();
    let head = RequestHead {
        parts: &parts,
        path: "/a/b c",
        route_key: "GET /a/{id}",
        path_parameters: BTreeMap::new(),
        request_id: "r",
        trace_id: "Root=1-t",
        source_ip: "127.0.0.1".to_owned(),
        now: OffsetDateTime::from_unix_timestamp(NOW).unwrap(),
    };
    event(&head, authorizer, &Bytes::from_static(body))
}

fn event_of(request: Request<&'static [u8]>) -> Value {
    event_with(request, None)
}

fn get(uri: &str) -> Request<&'static [u8]> {
    Request::get(uri).body(&b""[..]).unwrap()
}

#[test]
fn the_event_of_a_request_is_that_of_api_gateway() {
    let request = Request::get("/a/b%20c?x=1&y=%26&x=2")
        .header("Host", "localhost:3000")
        .header("User-Agent", "curl")
        .body(&b""[..])
        .unwrap();
    assert_eq!(
        event_of(request),
        json!({
            "version": "2.0",
            "routeKey": "GET /a/{id}",
            "rawPath": "/a/b c",
            "rawQueryString": "x=1&y=%26&x=2",
            "headers": {
                "content-length": "0", "host": "localhost:3000", "user-agent": "curl",
                "x-amzn-trace-id": "Root=1-t", "x-forwarded-for": "127.0.0.1",
                "x-forwarded-port": "443", "x-forwarded-proto": "https",
            },
            "queryStringParameters": { "x": "1,2", "y": "&" },
            "requestContext": {
                "accountId": "000000000000",
                "apiId": "local",
                "domainName": "localhost:3000",
                "domainPrefix": "local",
                "http": {
                    "method": "GET", "path": "/a/b c", "protocol": "HTTP/1.1",
                    "sourceIp": "127.0.0.1", "userAgent": "curl",
                },
                "requestId": "r",
                "routeKey": "GET /a/{id}",
                "stage": "$default",
                "time": "12/Mar/2020:19:03:58 +0000",
                "timeEpoch": NOW * 1000,
            },
            "isBase64Encoded": false,
        })
    );
}

#[test]
fn a_member_without_a_value_is_absent() {
    let event = event_of(get("/a"));
    for name in ["body", "cookies", "queryStringParameters", "pathParameters", "stageVariables"] {
        assert_eq!(event.get(name), None, "{name}");
    }
    assert_eq!(event["requestContext"].get("authorizer"), None);
}

#[test]
fn the_authorizer_is_in_the_request_context() {
    let authorizer = json!({ "jwt": { "claims": { "sub": "alice" }, "scopes": null } });
    let event = event_with(get("/a"), Some(authorizer.clone()));
    assert_eq!(event["requestContext"]["authorizer"], authorizer);
}

#[test]
fn path_parameters_are_in_the_event() {
    let (parts, ()) = Request::get("/a/1").body(()).unwrap().into_parts();
    let head = RequestHead {
        parts: &parts,
        path: "/a/1",
        route_key: "GET /a/{id}",
        path_parameters: BTreeMap::from([("id".to_owned(), "1".to_owned())]),
        request_id: "r",
        trace_id: "t",
        source_ip: String::new(),
        now: OffsetDateTime::UNIX_EPOCH,
    };
    assert_eq!(head.event()["pathParameters"], json!({ "id": "1" }));
}

#[test]
fn every_version_of_http_is_reported_as_http_1_1() {
    let mut request = get("/a");
    *request.version_mut() = axum::http::Version::HTTP_2;
    assert_eq!(event_of(request)["requestContext"]["http"]["protocol"], "HTTP/1.1");
}

#[test]
fn header_names_are_in_lower_case_and_values_are_joined_by_a_comma() {
    let request = Request::get("/a")
        .header("X-Twice", "first")
        .header("X-Twice", "second")
        .body(&b""[..])
        .unwrap();
    assert_eq!(event_of(request)["headers"]["x-twice"], "first,second");
}

#[test]
fn cookies_are_a_list_and_not_a_header() {
    let request = Request::get("/a")
        .header("Cookie", "a=1; b=2")
        .header("Cookie", "c=3")
        .body(&b""[..])
        .unwrap();
    let event = event_of(request);
    assert_eq!(event["cookies"], json!(["a=1", "b=2", "c=3"]));
    assert_eq!(event["headers"].get("cookie"), None);
}

#[test]
fn the_content_length_is_that_of_the_complete_body() {
    let chunked = Request::post("/a").header("Transfer-Encoding", "chunked").body(&b"abc"[..]);
    assert_eq!(event_of(chunked.unwrap())["headers"]["content-length"], "3");
}

#[test]
fn an_authorizer_sees_the_content_length_that_the_client_sent() {
    for (sent, seen) in [(Some("3"), "3"), (None, "0")] {
        let mut request = Request::post("/a");
        if let Some(sent) = sent {
            request = request.header("Content-Length", sent);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let head = RequestHead {
            parts: &parts,
            path: "/a",
            route_key: "",
            path_parameters: BTreeMap::new(),
            request_id: "",
            trace_id: "",
            source_ip: String::new(),
            now: OffsetDateTime::UNIX_EPOCH,
        };
        assert_eq!(head.event()["headers"]["content-length"], seen);
    }
}

#[test]
fn the_peer_is_appended_to_the_forwarded_addresses_of_the_client() {
    let request = Request::get("/a")
        .header("X-Forwarded-For", "203.0.113.1")
        .header("X-Forwarded-Proto", "http")
        .header("X-Forwarded-Port", "80")
        .header("X-Amzn-Trace-Id", "Root=1-own")
        .body(&b""[..])
        .unwrap();
    let headers = event_of(request)["headers"].clone();
    assert_eq!(headers["x-forwarded-for"], "203.0.113.1, 127.0.0.1");
    assert_eq!(
        (&headers["x-forwarded-proto"], &headers["x-forwarded-port"]),
        (&json!("https"), &json!("443"))
    );
    assert_eq!(headers["x-amzn-trace-id"], "Root=1-own");
}

#[test]
fn the_query_is_passed_on_as_it_was_sent_and_its_parameters_are_decoded() {
    let event = event_of(get("/a?x=1+2&y=%2B&z=&x=3&%C3%A4=%20"));
    assert_eq!(event["rawQueryString"], "x=1+2&y=%2B&z=&x=3&%C3%A4=%20");
    let parameters = json!({ "x": "1 2,3", "y": "+", "z": "", "ä": " " });
    assert_eq!(event["queryStringParameters"], parameters);
}

#[test]
fn a_body_is_text_only_if_its_content_type_is_text() {
    for (content_type, body, text) in [
        (Some("application/json; charset=utf-8"), &b"{}"[..], true),
        (Some("Text/Plain"), b"a", true),
        (Some("application/xml"), b"<a/>", true),
        (Some("application/javascript"), b"1", true),
        (Some("application/problem+json"), b"{}", false),
        (Some("image/svg+xml"), b"<a/>", false),
        (None, b"a", false),
        (Some("application/x-www-form-urlencoded"), b"a=1", false),
        (Some("application/octet-stream"), b"a", false),
        (Some("application/json"), b"\xff", false),
    ] {
        let mut request = Request::post("/");
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let event = event_of(request.body(body).unwrap());
        assert_eq!(event["isBase64Encoded"], !text, "{content_type:?}");
        let expected =
            if text { String::from_utf8_lossy(body).into_owned() } else { STANDARD.encode(body) };
        assert_eq!(event["body"], expected, "{content_type:?}");
    }
}
