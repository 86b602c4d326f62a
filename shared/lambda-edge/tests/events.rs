//! Any event gets an answer, also one that API Gateway never sends.
#![expect(clippy::unwrap_used, reason = "a test may die")]

use identity_core::{
    identity::Lifetime,
    testing::{ManualClock, MemoryIdentityStore},
};
use lambda_edge::{
    Addressed, ApiResponse, GatewayEvent, TokenInput, json, query, serve,
    testing::{access, edge},
};
use lambda_http::{
    Body, Context, RequestExt as _, Response, http::StatusCode, request::RequestContext,
};
use proptest::{collection::vec, prelude::*};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Query {
    #[serde(default)]
    cursor: String,
}

/// The answer to an event, by a handler that reads all that a function can read.
fn answer(event: &str) -> Response<Body> {
    let event: GatewayEvent = serde_json::from_str(event).unwrap();
    let request = event.into_request(Context::default());
    let (store, clock, edge) = (MemoryIdentityStore::default(), ManualClock::default(), edge());
    let handler = async {
        let caller = match access().addressed(&store, &clock, &request).await? {
            Addressed::Own(caller) => caller.user().as_str().to_owned(),
            Addressed::Named(..) => String::new(),
        };
        let input: TokenInput = json(&request)?;
        let lifetime = input.lifetime()?.map(Lifetime::minutes);
        // Only one function reads the query, and all others accept any.
        let cursor = query::<Query>(&request).map(|query| query.cursor).unwrap_or_default();
        let method = request.method().as_str();
        let read =
            json!({ "caller": caller, "lifetime": lifetime, "cursor": cursor, "method": method });
        ApiResponse::json(StatusCode::OK, &read)
    };
    let served = serve("Test", &clock, &edge, &request, handler);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(served).unwrap()
}

fn read(response: &Response<Body>) -> Value {
    let body: &[u8] = response.body();
    serde_json::from_slice(body).unwrap()
}

fn status(event: &Value) -> u16 {
    answer(&event.to_string()).status().as_u16()
}

/// An event of `alice`, as API Gateway sends it.
fn event() -> Value {
    json!({
        "version": "2.0",
        "routeKey": "POST /v1/token",
        "rawPath": "/v1/token",
        "rawQueryString": "",
        "headers": {
            "content-type": "application/json",
            "host": "abc123.execute-api.eu-west-1.amazonaws.com",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "authorizer": {
                "jwt": {
                    "claims": {
                        "iss": "https://idp.example",
                        "sub": "alice",
                        "scope": "guestpass.token",
                    },
                    "scopes": ["guestpass.token"],
                },
            },
            "domainName": "abc123.execute-api.eu-west-1.amazonaws.com",
            "http": { "method": "POST", "path": "/v1/token", "protocol": "HTTP/1.1" },
            "stage": "$default",
        },
        "body": r#"{"expiresInMinutes": 90}"#,
        "isBase64Encoded": false,
    })
}

/// The event with another value at a JSON pointer.
fn with(pointer: &str, value: impl Into<Value>) -> Value {
    let mut event = event();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    event.pointer_mut(parent).unwrap()[name] = value.into();
    event
}

#[test]
fn r54_an_event_of_api_gateway_is_read() {
    let response = answer(&event().to_string());
    assert_eq!(response.status(), 200);
    let expected = json!({
        "caller": "https://idp.example|alice",
        "lifetime": 90,
        "cursor": "",
        "method": "POST",
    });
    assert_eq!(read(&response), expected);
}

#[test]
fn r54_a_query_host_or_path_that_no_url_can_have_changes_nothing() {
    for (pointer, value) in [
        ("/rawQueryString", "a=\"b\""),
        ("/rawQueryString", "a b=<c>&%zz&%00&\\^`{|}"),
        ("/rawQueryString", "\u{e9}=\u{1f600}"),
        ("/rawPath", "/v1/token\" <>?#"),
        ("/headers/host", "a<b"),
        ("/headers/host", ""),
        ("/headers/host", "[::1"),
        ("/headers/x-forwarded-proto", "\"<"),
        ("/requestContext/domainName", "a<b"),
        ("/requestContext/stage", "<\" >"),
    ] {
        assert_eq!(status(&with(pointer, value)), 200, "{pointer}: {value}");
    }
}

#[test]
fn r54_a_raw_query_is_decoded() {
    for (query, cursor) in [
        ("cursor=\"<>", "\"<>"),
        ("cursor=a+b%20c%2Bd", "a b c+d"),
        ("cursor=%ff", "\u{fffd}"),
        ("x=1&cursor=a=b", "a=b"),
        ("", ""),
    ] {
        let response = answer(&with("/rawQueryString", query).to_string());
        assert_eq!(read(&response)["cursor"], cursor, "{query}");
    }
}

#[test]
fn r54_a_member_of_another_type_counts_as_missing() {
    for (pointer, value, expected) in [
        ("/headers/x-request-id", json!("a\u{e9}\nb"), 200),
        ("/headers/not a name", json!("x"), 200),
        ("/headers/user-agent", json!(["x"]), 200),
        ("/rawQueryString", json!(7), 200),
        ("/pathParameters", json!(["id"]), 200),
        ("/pathParameters", Value::Null, 200),
        ("/requestContext/http", json!("POST"), 200),
        ("/requestContext/http/method", json!("not a method"), 200),
        ("/isBase64Encoded", json!("yes"), 200),
        ("/headers", Value::Null, 415),
        ("/body", Value::Null, 200),
        ("/body", json!({}), 200),
        ("/requestContext", json!([]), 401),
        ("/requestContext/authorizer", json!("x"), 401),
        ("/requestContext/authorizer/jwt", Value::Null, 401),
        ("/requestContext/authorizer/jwt/claims", json!(1), 401),
    ] {
        assert_eq!(status(&with(pointer, value.clone())), expected, "{pointer}: {value}");
    }
    for event in ["null", "7", "\"x\"", "[]", "{}", r#"{"body":1,"body":2}"#] {
        assert_eq!(answer(event).status(), 401, "{event}");
    }
    let surrogate = event().to_string().replace("alice", r"\ud800");
    assert_eq!(answer(&surrogate).status(), 401);
}

#[test]
fn r54_a_claim_is_read_in_any_type() {
    let claims = "/requestContext/authorizer/jwt/claims";
    for (sub, caller) in [(json!("a"), "a"), (json!(7), "7"), (json!(true), "true")] {
        let response = answer(&with(&format!("{claims}/sub"), sub.clone()).to_string());
        assert_eq!(read(&response)["caller"], format!("https://idp.example|{caller}"), "{sub}");
    }
    assert_eq!(status(&with(&format!("{claims}/sub"), Value::Null)), 401);
    for unrelated in [json!({ "country": "DE" }), json!(["a"]), Value::Null, json!(1e300)] {
        assert_eq!(status(&with(&format!("{claims}/address"), unrelated.clone())), 200);
    }
}

#[test]
fn the_context_of_a_lambda_authorizer_is_kept() {
    let context = json!({ "claims": "{}", "number": 7 });
    let event = with("/requestContext/authorizer/lambda", context.clone()).to_string();
    let event: GatewayEvent = serde_json::from_str(&event).unwrap();
    let request = event.into_request(Context::default());
    let Some(RequestContext::ApiGatewayV2(kept)) = request.request_context_ref() else {
        unreachable!("the context of an HTTP API");
    };
    let fields = &kept.authorizer.as_ref().unwrap().fields;
    assert_eq!(json!(fields), context);
}

#[test]
fn r54_the_method_is_that_of_the_request_context() {
    let get = answer(&with("/requestContext/http/method", "DELETE").to_string());
    assert_eq!(read(&get)["method"], "DELETE");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Value::from),
            vec((any::<String>(), inner), 0..6).prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

/// The members that a client of API Gateway can choose, and some that it cannot.
const MEMBERS: [&str; 14] = [
    "/rawPath",
    "/rawQueryString",
    "/headers",
    "/headers/host",
    "/headers/content-type",
    "/headers/x-forwarded-proto",
    "/pathParameters",
    "/requestContext",
    "/requestContext/stage",
    "/requestContext/http/method",
    "/requestContext/authorizer",
    "/requestContext/authorizer/jwt/claims/sub",
    "/body",
    "/isBase64Encoded",
];

/// The responses of the contract to a request that changes nothing.
const STATUSES: [u16; 6] = [200, 400, 401, 403, 413, 415];

proptest! {
    #[test]
    fn r54_any_event_gets_an_answer(event in any_json()) {
        prop_assert_eq!(status(&event), 401);
    }

    #[test]
    fn r54_an_event_with_any_member_gets_an_answer(
        changes in vec((proptest::sample::select(&MEMBERS[..]), any_json()), 1..4),
    ) {
        let mut event = event();
        for (pointer, value) in changes {
            if let Some(member) = event.pointer_mut(pointer) {
                *member = value;
            }
        }
        let status = status(&event);
        prop_assert!(STATUSES.contains(&status), "{}", status);
    }

    #[test]
    fn r54_what_a_client_can_put_into_a_url_or_a_header_changes_nothing(
        query in "\\PC{0,40}",
        host in "\\PC{0,40}",
        agent in "\\PC{0,40}",
    ) {
        let mut event = with("/rawQueryString", query);
        event["headers"]["host"] = host.into();
        event["headers"]["user-agent"] = agent.into();
        prop_assert_eq!(status(&event), 200);
    }
}
