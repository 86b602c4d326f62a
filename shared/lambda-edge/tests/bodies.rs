//! Which bodies the functions accept, and what they say about the others.

use api_types::ProblemType;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use lambda_edge::{
    GatewayEvent, Object, Problem, TokenInput, json, short_json, testing::TestRequest,
};
use lambda_http::Context;
use serde::Deserialize;
use serde_json::json;

#[derive(Debug, Default, Deserialize)]
#[expect(dead_code, reason = "most fields are only there to be refused")]
#[serde(deny_unknown_fields)]
struct Input {
    #[serde(default)]
    text: String,
    list: Option<Vec<String>>,
    any: Option<serde_json::Value>,
    inner: Option<Object<Inner>>,
}

#[derive(Debug, Default, Deserialize)]
#[expect(dead_code, reason = "it is only there to be refused")]
#[serde(deny_unknown_fields)]
struct Inner {
    needed: String,
}

fn request(content_type: &str, text: &str) -> TestRequest {
    TestRequest::new("POST /v1/token").body(content_type, text)
}

fn read(content_type: &str, text: &str) -> Result<String, ProblemType> {
    let read = json::<Input>(&request(content_type, text).request());
    read.map(|input| input.text).map_err(|problem| problem.kind())
}

fn detail(text: &str) -> String {
    let read = json::<Input>(&request("application/json", text).request());
    let problem = read.err().unwrap_or_else(|| ProblemType::INTERNAL.into());
    assert_eq!(problem.kind(), ProblemType::INVALID_BODY, "{text}");
    problem.detail().to_owned()
}

#[test]
fn a_body_is_empty_or_a_json_object_of_at_most_16_kib() {
    let without = TestRequest::new("POST /v1/token").request();
    assert_eq!(json::<Input>(&without).unwrap().text, "");
    assert_eq!(read("application/json", r#"{"text":"a"}"#), Ok("a".to_owned()));
    for text in ["[]", r#"["a"]"#, "null", "{", r#"{"other":1}"#, "x", "{} {}", "\u{feff}{}"] {
        assert_eq!(read("application/json", text), Err(ProblemType::INVALID_BODY), "{text}");
    }
    let long = |size: usize| format!(r#"{{"text":"{}"}}"#, "x".repeat(size - 11));
    assert!(read("application/json", &long(16 * 1024)).is_ok());
    let over = read("application/json", &long(16 * 1024 + 1));
    assert_eq!(over, Err(ProblemType::BODY_TOO_LARGE));
}

#[test]
fn a_body_of_a_route_without_authorizer_has_at_most_2_kib() {
    let read = |text: &str| {
        let read = short_json::<Input>(&request("application/json", text).request());
        read.map(|input| input.text.len())
    };
    let long = |size: usize| format!(r#"{{"text":"{}"}}"#, "x".repeat(size - 11));
    assert_eq!(read(&long(2 * 1024)).ok(), Some(2 * 1024 - 11));
    let over = read(&long(2 * 1024 + 1)).unwrap_err();
    assert_eq!(over.kind(), ProblemType::BODY_TOO_LARGE);
    assert!(over.detail().contains("2 KiB"), "{over:?}");
    assert_eq!(read("[]").unwrap_err().kind(), ProblemType::INVALID_BODY);
}

#[test]
fn a_body_is_declared_as_json() {
    for content_type in ["application/json", "Application/JSON", "application/json ; charset=utf-8"]
    {
        assert!(read(content_type, "{}").is_ok(), "{content_type}");
    }
    for content_type in ["", "text/json", "application/jsonp", "text/plain; application/json"] {
        assert_eq!(read(content_type, "{}"), Err(ProblemType::UNSUPPORTED_MEDIA_TYPE));
    }
    let form = "application/x-www-form-urlencoded";
    assert_eq!(read(form, "scopes=voip"), Err(ProblemType::UNSUPPORTED_MEDIA_TYPE));
}

#[test]
fn a_detail_names_the_field_by_its_json_pointer_and_never_quotes_a_string() {
    let fields = "expected one of `text`, `list`, `any`, `inner`";
    for (text, expected) in [
        (r#"{"userId":1}"#, format!("unknown field `userId` at `/userId`: {fields}")),
        (r#"{"canary.token":1}"#, format!("unknown field: {fields}")),
        (r#"{"inner":{"x":1}}"#, "unknown field `x` at `/inner/x`: expected `needed`".into()),
        (r#"{"inner":{"a b":1}}"#, "unknown field at `/inner`: expected `needed`".into()),
        (r#"{"inner":{}}"#, "missing field `needed` at `/inner/needed`".into()),
        (r#"{"text":"a","text":"b"}"#, "repeated field `text` at `/text`".into()),
        (r#"{"text":["canary"]}"#, "invalid value at `/text`: expected a string".into()),
        (r#"{"list":["a", 7]}"#, "invalid value at `/list/1`: expected a string".into()),
        (r#"{"list":"canary"}"#, "invalid value at `/list`: expected a sequence".into()),
        (r#"{"inner":["canary"]}"#, "invalid value at `/inner`: expected an object".into()),
        (r#""canary""#, "invalid value: expected an object".into()),
        (r#"{"text":canary}"#, "malformed JSON at line 1 column 9".into()),
        ("{}\n canary", "malformed JSON at line 2 column 2".into()),
    ] {
        assert_eq!(detail(text), expected, "{text}");
    }
}

#[test]
fn the_parse_error_of_an_object_says_that_an_object_was_expected() {
    let error = serde_json::from_str::<Object<Input>>("[]").unwrap_err();
    assert!(error.to_string().contains("expected an object"), "{error}");
}

#[test]
fn r55_a_compressed_body_is_refused_and_never_decompressed() {
    let compressed = |coding: &str| {
        let request = request("application/json", "{}").header("content-encoding", coding);
        json::<Input>(&request.request())
    };
    for coding in ["gzip", "GZIP", "br", "gzip, gzip", "deflate", "\u{e9}"] {
        let problem = compressed(coding).err().unwrap();
        assert_eq!(problem.kind(), ProblemType::UNSUPPORTED_MEDIA_TYPE, "{coding}");
        assert!(problem.detail().contains("without compression"), "{problem:?}");
    }
    for coding in ["identity", "Identity"] {
        assert!(compressed(coding).is_ok(), "{coding}");
    }
}

#[test]
fn r55_a_body_that_is_nested_too_deeply_is_refused() {
    let nested = |depth: usize| {
        format!(r#"{{"any":{{"canary.token":{}{}}}}}"#, "[".repeat(depth), "]".repeat(depth))
    };
    assert!(read("application/json", &nested(100)).is_ok());
    for depth in [126, 4000] {
        let expected = "invalid value at `/any`: nested too deeply";
        assert!(detail(&nested(depth)).starts_with(expected), "{}", detail(&nested(depth)));
    }
}

#[test]
fn r55_a_repeated_field_is_refused() {
    assert_eq!(detail(r#"{"any":1,"any":1}"#), "repeated field `any` at `/any`");
    assert_eq!(detail(r#"{"list":[],"li\u0073t":[]}"#), "repeated field `list` at `/list`");
}

#[test]
fn r55_an_unpaired_surrogate_is_refused() {
    let surrogate = "unpaired surrogate in a `\\u` escape";
    for (text, place) in [
        (r#"{"text":"\ud800"}"#, " at `/text`"),
        (r#"{"text":"\ud800x"}"#, " at `/text`"),
        (r#"{"text":"\udc00"}"#, " at `/text`"),
        (r#"{"list":["a","\ud800\u0041"]}"#, " at `/list/1`"),
        (r#"{"\ud800":1}"#, ""),
    ] {
        assert_eq!(detail(text), format!("invalid text{place}: {surrogate}"), "{text}");
    }
    assert!(read("application/json", r#"{"text":"\ud83d\ude00"}"#).is_ok());
}

/// The body of an event whose flag says whether it is base64.
fn event(body: &str, is_base64_encoded: bool) -> Result<Input, Problem> {
    let event = json!({
        "headers": { "content-type": "application/json" },
        "body": body,
        "isBase64Encoded": is_base64_encoded,
    });
    let event: GatewayEvent = serde_json::from_str(&event.to_string()).unwrap_or_else(|_| {
        unreachable!("every JSON value is an event");
    });
    json(&event.into_request(Context::default()))
}

#[test]
fn r55_a_body_is_decoded_only_if_the_event_says_so_and_a_wrong_flag_is_refused() {
    let text = r#"{"text":"a"}"#;
    let encoded = STANDARD.encode(text);
    assert_eq!(event(text, false).unwrap().text, "a");
    assert_eq!(event(&encoded, true).unwrap().text, "a");
    assert_eq!(event("", true).unwrap().text, "");
    let not_base64 = "The request body is not valid base64";
    for (body, flag, expected) in [
        (text, true, not_base64),
        ("e30", true, not_base64),
        ("canary", true, not_base64),
        (&*encoded, false, "malformed JSON at line 1 column 1"),
    ] {
        let problem = event(body, flag).unwrap_err();
        assert_eq!(problem.kind(), ProblemType::INVALID_BODY, "{body}");
        assert!(problem.detail().starts_with(expected), "{body}: {problem:?}");
    }
    let binary = event(&STANDARD.encode(b"{\"text\":\"\xff\"}"), true).unwrap_err();
    assert_eq!(binary.detail(), "invalid text at `/text`: not UTF-8");
    let gzip = event(&STANDARD.encode(b"\x1f\x8b\x08\x00"), true).unwrap_err();
    assert_eq!(gzip.detail(), "malformed JSON at line 1 column 1");
}

#[test]
fn r55_a_body_is_limited_after_base64_is_decoded() {
    let large = STANDARD.encode(format!("{{{}}}", " ".repeat(16 * 1024)));
    assert_eq!(event(&large, true).unwrap_err().kind(), ProblemType::BODY_TOO_LARGE);
    let small = STANDARD.encode(format!("{{{}}}", " ".repeat(16 * 1024 - 2)));
    assert!(event(&small, true).is_ok());
}

fn token(text: &str) -> TokenInput {
    serde_json::from_str(text).unwrap_or_else(|error| unreachable!("{text}: {error}"))
}

#[test]
fn scopes_and_lifetime_are_optional_and_invalid_ones_are_refused() {
    for text in ["{}", r#"{"scopes":null,"expiresInMinutes":null}"#] {
        assert!(token(text).scopes().is_ok_and(|scopes| scopes.is_none()));
        assert!(token(text).lifetime().is_ok_and(|lifetime| lifetime.is_none()));
    }
    let both = token(r#"{"scopes":["chat"],"expiresInMinutes":90}"#);
    assert_eq!(both.scopes().unwrap().unwrap().as_slice().len(), 1);
    assert_eq!(both.lifetime().unwrap().unwrap().minutes(), 90);
    for (scopes, detail) in [
        ("[]", "invalid value at `/scopes`: must not be empty"),
        (r#"["chat","root"]"#, "unknown scope at `/scopes/1`: must be one of chat, chat.join, "),
        (r#"["chat","chat"]"#, "repeated scope `chat` at `/scopes/1`"),
    ] {
        let found = token(&format!(r#"{{"scopes":{scopes}}}"#)).scopes().err().unwrap();
        assert_eq!(found.kind(), ProblemType::INVALID_SCOPES, "{scopes}");
        assert!(found.detail().starts_with(detail), "{found:?}");
    }
}

#[test]
fn a_lifetime_is_a_whole_number_in_any_spelling_of_json() {
    let lifetime = |raw: &str| token(&format!(r#"{{"expiresInMinutes":{raw}}}"#)).lifetime();
    for (raw, minutes) in [("60", 60), ("60.0", 60), ("6e1", 60), ("1440.00", 1440)] {
        assert_eq!(lifetime(raw).unwrap().unwrap().minutes(), minutes, "{raw}");
    }
    for (raw, quoted) in [
        ("59", " `59`"),
        ("1441", " `1441`"),
        ("1441.0", " `1441.0`"),
        ("60.5", " `60.5`"),
        ("-60", " `-60`"),
        ("-60.0", " `-60.0`"),
        ("1e300", " `1e+300`"),
        ("\"60\"", ""),
        ("[60]", ""),
    ] {
        let found = lifetime(raw).err().unwrap();
        assert_eq!(found.kind(), ProblemType::INVALID_LIFETIME, "{raw}");
        let expected =
            format!("invalid value{quoted} at `/expiresInMinutes`: must be a whole number");
        assert!(found.detail().starts_with(&expected), "{found:?}");
    }
}

#[test]
fn the_pointer_to_a_token_within_a_body_is_complete() {
    let inner = |text: &str| token(text).at("/token");
    let detail = |problem: Option<Problem>| problem.unwrap().detail().to_owned();
    let scopes = detail(inner(r#"{"scopes":["root"]}"#).scopes().err());
    assert!(scopes.starts_with("unknown scope at `/token/scopes/0`"), "{scopes}");
    let lifetime = detail(inner(r#"{"expiresInMinutes":1}"#).lifetime().err());
    assert!(lifetime.starts_with("invalid value `1` at `/token/expiresInMinutes`"), "{lifetime}");
}
