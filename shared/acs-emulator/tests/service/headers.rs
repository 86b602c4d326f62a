//! Tests of the response headers, and of requests from browsers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::support::{EmulatorFixture, V2023};

const ALL: &str = "2020-07-20-preview2, 2021-03-07, 2021-10-31-preview, 2021-11-01, 2022-06-01, \
                   2022-10-01, 2023-10-01, 2025-03-02-preview, 2025-06-30, 2026-09-23";

#[tokio::test]
async fn a_json_success_says_its_charset_and_length_and_the_versions() {
    let fixture = EmulatorFixture::new().await;
    let reply = fixture.call("POST", &format!("/identities{V2023}"), "").await;
    assert_eq!(reply.header("content-type"), Some("application/json; charset=utf-8"));
    assert_eq!(reply.header("content-length"), Some(reply.text.len().to_string().as_str()));
    assert_eq!(reply.header("api-supported-versions"), Some(ALL));
    for absent in ["location", "etag", "retry-after", "x-ms-request-id"] {
        assert_eq!(reply.header(absent), None, "{absent}");
    }
}

#[tokio::test]
async fn no_content_has_no_type_and_no_length_but_the_versions() {
    let fixture = EmulatorFixture::new().await;
    let id = fixture.create().await;
    for reply in [fixture.revoke(&id).await, fixture.delete(&id).await] {
        for absent in ["content-type", "content-length", "transfer-encoding"] {
            assert_eq!(reply.header(absent), None, "{absent}");
        }
        assert_eq!(reply.header("api-supported-versions"), Some(ALL));
    }
}

#[tokio::test]
async fn every_answer_carries_what_the_gateway_adds() {
    let fixture = EmulatorFixture::new().await;
    let mut denied = fixture.draft("POST", &format!("/identities{V2023}"), "");
    denied.spoiled.push(("authorization", "none".into()));
    let replies = [
        fixture.call("POST", &format!("/identities{V2023}"), "").await,
        fixture.call("POST", "/identities", "").await,
        fixture.send(denied).await,
    ];
    for reply in replies {
        let vector = reply.header("ms-cv").unwrap().strip_suffix(".0").unwrap();
        assert_eq!(STANDARD_NO_PAD.decode(vector).unwrap().len(), 16);
        let took = reply.header("x-processing-time").unwrap().strip_suffix("ms").unwrap();
        took.parse::<u32>().unwrap();
        assert_eq!(reply.header("request-context"), Some("appId="));
        assert_eq!(reply.header("x-cache"), Some("CONFIG_NOCACHE"));
        assert_eq!(reply.header("strict-transport-security"), Some("max-age=2592000"));
        assert!(reply.header("x-azure-ref").is_some());
        assert!(reply.header("date").unwrap().ends_with(" GMT"));
        assert_eq!(reply.header("x-ms-client-request-id"), None);
    }
}

#[tokio::test]
async fn the_callers_request_id_comes_back() {
    let fixture = EmulatorFixture::new().await;
    let mut draft = fixture.draft("POST", &format!("/identities{V2023}"), "");
    draft.spoiled.push(("x-ms-client-request-id", "a-b-c".into()));
    assert_eq!(fixture.send(draft).await.header("x-ms-client-request-id"), Some("a-b-c"));
}

#[tokio::test]
async fn a_browser_may_ask_and_call() {
    let fixture = EmulatorFixture::new().await;
    let url = format!("{}/identities{V2023}", fixture.server.endpoint());
    let asked = fixture
        .client
        .request(reqwest::Method::OPTIONS, url)
        .header("origin", "http://localhost:9876")
        .header("access-control-request-method", "POST")
        .send()
        .await
        .unwrap();
    assert_eq!(asked.status(), 204);
    let allowed = asked.headers()["access-control-allow-headers"].to_str().unwrap();
    for name in ["authorization", "x-ms-date", "x-ms-content-sha256", "x-ms-useragent"] {
        assert!(allowed.contains(name), "{name}");
    }

    let mut draft = fixture.draft("POST", &format!("/identities{V2023}"), "");
    draft.spoiled.push(("origin", "http://localhost:9876".into()));
    let reply = fixture.send(draft).await;
    assert_eq!(reply.status, 201);
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    assert_eq!(reply.header("access-control-expose-headers"), Some("*"));
}

/// The responses of the table's four columns: JSON, no content, refused by the operation, refused
/// before it. Each with whether it names the versions.
async fn columns(fixture: &EmulatorFixture) -> [(crate::support::ServiceReply, bool); 4] {
    let id = fixture.create().await;
    [
        (fixture.call("POST", &format!("/identities{V2023}"), "").await, true),
        (fixture.revoke(&id).await, true),
        (fixture.issue_with(&id, r#"{"scopes":[]}"#).await, true),
        (fixture.issue_with(&id, "{}").await, false),
    ]
}

#[tokio::test]
async fn row_content_type() {
    let fixture = EmulatorFixture::new().await;
    let types =
        columns(&fixture).await.map(|(reply, _)| reply.header("content-type").map(str::to_owned));
    let utf8 = Some("application/json; charset=utf-8".to_owned());
    let json = Some("application/json".to_owned());
    assert_eq!(types, [utf8, None, json.clone(), json]);
}

#[tokio::test]
async fn row_content_length_and_transfer_encoding() {
    let fixture = EmulatorFixture::new().await;
    let framing = columns(&fixture).await.map(|(reply, _)| {
        let length = reply.header("content-length").is_some();
        (length, reply.header("transfer-encoding").map(str::to_owned))
    });
    let chunked = Some("chunked".to_owned());
    assert_eq!(framing, [(true, None), (false, None), (false, chunked.clone()), (false, chunked)]);
}

#[tokio::test]
async fn row_api_supported_versions() {
    let fixture = EmulatorFixture::new().await;
    for (reply, named) in columns(&fixture).await {
        assert_eq!(reply.header("api-supported-versions").is_some(), named, "{reply:?}");
    }
}

#[tokio::test]
async fn row_date_is_rfc_1123_and_of_the_movable_clock() {
    let fixture = EmulatorFixture::new().await;
    fixture.emulator.clock().advance(3 * 24 * 3600);
    let before = crate::support::rfc1123(fixture.emulator.clock().now());
    for (reply, _) in columns(&fixture).await {
        let date = reply.header("date").unwrap();
        assert!(date.ends_with(" GMT"), "{date}");
        // Only the day is compared: the seconds may have advanced, even past midnight.
        let now = crate::support::rfc1123(fixture.emulator.clock().now());
        assert!([&before[..11], &now[..11]].contains(&&date[..11]), "{date}");
    }
}

#[tokio::test]
async fn rows_of_the_gateway_are_on_every_answer() {
    let fixture = EmulatorFixture::new().await;
    for (reply, _) in columns(&fixture).await {
        for (name, value) in [
            ("request-context", "appId="),
            ("strict-transport-security", "max-age=2592000"),
            ("x-cache", "CONFIG_NOCACHE"),
        ] {
            assert_eq!(reply.header(name), Some(value), "{reply:?}");
        }
        for name in ["ms-cv", "x-azure-ref", "x-processing-time"] {
            assert!(reply.header(name).is_some(), "{name}: {reply:?}");
        }
    }
}

#[tokio::test]
async fn row_never_seen() {
    let fixture = EmulatorFixture::new().await;
    for (reply, _) in columns(&fixture).await {
        for name in [
            "x-ms-request-id",
            "retry-after",
            "repeatability-request-id",
            "etag",
            "www-authenticate",
            "location",
        ] {
            assert_eq!(reply.header(name), None, "{name}");
        }
    }
}

#[tokio::test]
async fn a_browser_of_any_origin_may_delete_and_reads_refusals_too() {
    let fixture = EmulatorFixture::new().await;
    let mut denied = fixture.draft("POST", &format!("/identities{V2023}"), "");
    denied.spoiled.push(("origin", "https://app.example".into()));
    denied.spoiled.push(("authorization", "none".into()));
    let reply = fixture.send(denied).await;
    assert_eq!(reply.status, 401);
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    assert_eq!(reply.header("access-control-expose-headers"), Some("*"));

    let asked = fixture
        .client
        .request(
            reqwest::Method::OPTIONS,
            format!("{}/identities{V2023}", fixture.server.endpoint()),
        )
        .header("origin", "https://app.example")
        .header("access-control-request-method", "DELETE")
        .header("access-control-request-headers", "x-ms-date")
        .send()
        .await
        .unwrap();
    assert_eq!(asked.headers()["access-control-allow-origin"], "*");
    let methods = asked.headers()["access-control-allow-methods"].to_str().unwrap();
    assert!(methods.contains("DELETE") && methods.contains("POST"), "{methods}");
}
