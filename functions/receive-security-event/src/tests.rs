mod event_grid;
mod graph;
mod kinds;
pub(crate) mod support;

use std::time::Duration;

use identity_core::event::{EventKind, EventMode, EventSource};
use lambda_http::http::StatusCode;
use lambda_http::http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use self::support::{AUDIENCE, NOW, Stand, logged, push};

#[tokio::test]
async fn a_set_is_in_the_queue_before_it_is_accepted() {
    let stand = Stand::start().await;
    for mode in [EventMode::Apply, EventMode::Shadow] {
        let stand = stand.in_mode(mode);
        let response = stand.push(&stand.set("set-1")).await;
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        assert!(response.body().is_empty());
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        let messages = stand.queue.messages();
        let [message] = messages.as_slice() else { panic!("{messages:?}") };
        assert_eq!((message.source, message.mode), (EventSource::Ssf, mode));
        assert_eq!((message.kind, message.transmitter.as_str()), (EventKind::SignedOut, "idp"));
        assert_eq!(message.user.as_str(), "https://idp.example|carol");
        assert_eq!(message.event_id, "set-1");
        assert_eq!(message.resolution, Duration::from_secs(1));
    }
}

#[tokio::test]
async fn r26_a_set_that_comes_again_is_accepted_again() {
    let stand = Stand::start().await;
    let token = stand.set("set-1");
    for _ in 0..3 {
        assert_eq!(stand.push(&token).await.status(), StatusCode::ACCEPTED);
    }
    // The watermark of the user's record makes the second one a no-op.
    let messages = stand.queue.messages();
    assert!(messages.iter().all(|message| message.occurred_at == messages[0].occurred_at));
}

#[tokio::test]
async fn r26_a_refusal_has_its_code_and_nothing_of_the_set() {
    let stand = Stand::start().await;
    let other = Stand::start().await;
    let claims = |name: &str, value: Value| {
        let mut claims = stand.claims("canary-jti");
        claims[name] = value;
        stand.sign(&claims)
    };
    for (token, err) in [
        ("canary".to_owned(), "invalid_request"),
        (claims("exp", json!(1)), "invalid_request"),
        (claims("sub", json!("canary")), "invalid_request"),
        (claims("iat", json!("canary")), "invalid_request"),
        (claims("iss", json!("https://canary.example")), "invalid_issuer"),
        (claims("aud", json!("canary")), "invalid_audience"),
        (other.sign(&stand.claims("canary-jti")), "authentication_failed"),
        (stand.sign_with(&json!({ "typ": "JWT" }), "canary-jti"), "invalid_request"),
        (stand.sign_with(&json!({ "alg": "none" }), "canary-jti"), "authentication_failed"),
        (stand.sign_with(&json!({ "kid": "canary" }), "canary-jti"), "invalid_key"),
    ] {
        // Each in a receiver that has not fetched any keys yet.
        let stand = stand.in_mode(EventMode::Apply);
        let (log, response) = logged(stand.push(&token)).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{err}");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        assert_eq!(response.headers()[CONTENT_LANGUAGE], "en");
        let body = lambda_edge::testing::body(&response);
        assert_eq!(body["err"], err);
        assert!(body["description"].is_string() && body.as_object().unwrap().len() == 2);
        assert!(!body.to_string().contains("canary"), "{body}");
        assert_eq!(stand.queue.messages(), []);
        let line = log.last().unwrap();
        assert_eq!(
            (&line["ResultDescription"], &line["metric.signals_refused"]),
            (&json!(err), &json!(1))
        );
        assert!(log.iter().all(|line| !line.to_string().contains("canary")), "{log:?}");
    }
}

#[tokio::test]
async fn r26_keys_are_asked_only_of_the_configured_issuer() {
    let (stand, other) = (Stand::start().await, Stand::start().await);
    let mut claims = other.claims("set-1");
    claims["aud"] = json!(AUDIENCE);
    let response = stand.push(&other.sign(&claims)).await;
    assert_eq!(lambda_edge::testing::body(&response)["err"], "invalid_issuer");
    assert_eq!((stand.fetches(), other.fetches()), (0, 0));
}

#[tokio::test]
async fn r26_the_authorization_of_the_stream_is_compared_before_anything_else() {
    let stand = Stand::start().await.with_secret(r#"{"idp": {"authorization": "Bearer x"}}"#);
    let token = stand.set("set-1");
    for given in [None, Some(""), Some("Bearer y"), Some("Bearer"), Some("bearer x")] {
        for body in [token.as_str(), "nonsense"] {
            let mut request = push("idp", body);
            if let Some(given) = given {
                request = request.header("authorization", given);
            }
            let response = stand.send(&request).await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED, "{given:?}");
            assert_eq!(response.headers()[WWW_AUTHENTICATE], "Bearer");
            let body = lambda_edge::testing::body(&response);
            assert_eq!(body["err"], "authentication_failed");
        }
    }
    assert_eq!((stand.queue.messages().len(), stand.fetches()), (0, 0));
    let response = stand.send(&push("idp", &token).header("authorization", "Bearer x")).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
}

#[tokio::test]
async fn r26_own_trouble_is_never_a_refusal() {
    let stand = Stand::start().await;
    let token = stand.set("set-1");
    let without_keys = stand.in_mode(EventMode::Apply);
    stand.set_down(true);
    let (log, response) = logged(without_keys.push(&token)).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()[RETRY_AFTER], "30");
    assert_eq!(log.last().unwrap()["ResultDescription"], "keys-unavailable");
    stand.set_down(false);

    let without_queue = stand.in_mode(EventMode::Apply);
    without_queue.queue.set_down(true);
    let (log, response) = logged(without_queue.push(&token)).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let line = log.last().unwrap();
    assert_eq!(line["ResultDescription"], "queue-unavailable");
    assert_eq!((&line["level"], &line["metric.signals_failed"]), (&json!("ERROR"), &json!(1)));
    without_queue.queue.set_down(false);
    assert_eq!(without_queue.push(&token).await.status(), StatusCode::ACCEPTED, "it repeats");

    let without_secret = stand.with_secret("nonsense");
    let (log, response) = logged(without_secret.push(&token)).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(log.last().unwrap()["ResultDescription"], "secret-unavailable");
}

#[tokio::test]
async fn r26_a_key_that_may_be_new_is_not_refused_for_good() {
    let stand = Stand::start().await;
    assert_eq!(stand.push(&stand.set("set-1")).await.status(), StatusCode::ACCEPTED);
    let unknown = stand.sign_with(&json!({ "kid": "new" }), "set-2");
    stand.advance(Duration::from_secs(59));
    let response = stand.push(&unknown).await;
    assert_eq!((response.status(), stand.fetches()), (StatusCode::SERVICE_UNAVAILABLE, 1));
    stand.advance(Duration::from_secs(1));
    let response = stand.push(&unknown).await;
    assert_eq!((response.status(), stand.fetches()), (StatusCode::BAD_REQUEST, 2));
}

#[tokio::test]
async fn r26_a_body_of_another_type_or_size_and_an_unknown_name_are_refused() {
    let stand = Stand::start().await;
    let token = stand.set("set-1");
    let typed = |media_type: &str| push("idp", "").body(media_type, &token);
    for (request, status) in [
        (typed("application/json"), 400),
        (typed("application/jwt"), 400),
        (typed(""), 400),
        (typed("Application/SecEvent+JWT; charset=utf-8"), 202),
        (push("idp", &token).header("content-encoding", "gzip"), 400),
        (push("idp", &token).header("content-encoding", "identity"), 202),
        (push("idp", &format!("{token} ")), 400),
        (push("idp", ""), 400),
        (push("idp", &"x".repeat(64 * 1024)), 400),
        (push("idp", &"x".repeat(64 * 1024 + 1)), 413),
        (push("other", &token), 404),
        (push("IDP", &token), 404),
        (push("", &token), 404),
    ] {
        let response = stand.send(&request).await;
        assert_eq!(response.status().as_u16(), status, "{:.200}", format!("{request:?}"));
    }
    assert_eq!(stand.queue.messages().len(), 2);
}

#[tokio::test]
async fn what_changes_nothing_is_accepted_and_counted() {
    let stand = Stand::start().await;
    let base = "https://schemas.openid.net/secevent";
    for (name, event, metric, reason) in [
        (
            "ssf/event-type/verification",
            json!({ "state": "canary" }),
            "streams_verified",
            Value::Null,
        ),
        (
            "ssf/event-type/stream-updated",
            json!({ "status": "paused" }),
            "streams_updated",
            json!("paused"),
        ),
        ("caep/event-type/canary", json!({}), "signals_ignored", json!("unknown-event")),
        ("caep/event-type/session-established", json!({}), "signals_ignored", json!("no-effect")),
    ] {
        let mut claims = stand.claims("set-1");
        claims["events"] = json!({ format!("{base}/{name}"): event });
        let (log, response) = logged(stand.push(&stand.sign(&claims))).await;
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        let line = log.last().unwrap();
        assert_eq!(
            (&line[format!("metric.{metric}")], &line["ResultDescription"]),
            (&json!(1), &if reason.is_null() { Value::Null } else { reason })
        );
        assert!(!line.to_string().contains("canary"), "{line}");
    }
    assert_eq!(stand.queue.messages(), []);
}

#[tokio::test]
async fn r50_the_log_line_names_the_transmitter_and_no_user() {
    let stand = Stand::start().await;
    let (log, _) = logged(stand.push(&stand.set("canary-jti"))).await;
    let [line] = log.as_slice() else { panic!("{log:?}") };
    for (field, value) in [
        ("OperationName", json!("ReceiveSecurityEvent")),
        ("ResultType", json!("Succeeded")),
        ("ResultSignature", json!(202)),
        ("DurationMs", json!(0)),
        ("transmitter", json!("idp")),
        ("transmitter.kind", json!("ssf")),
        ("metric.signals_accepted", json!(1)),
        ("message", json!("signal accepted")),
    ] {
        assert_eq!(line[field], value, "{field}");
    }
    let text = line.to_string();
    assert!(!text.contains("carol") && !text.contains("canary"), "{text}");
}

#[tokio::test]
async fn every_answer_has_the_request_id_of_its_log_line() {
    let stand = Stand::start().await;
    for (request, sent) in [
        (push("idp", &stand.set("set-1")), "sent-1"),
        (push("idp", "nonsense"), "sent-2"),
        (push("other", "nonsense"), "sent-3"),
    ] {
        let request = request.header("x-request-id", sent);
        let (log, response) = logged(stand.send(&request)).await;
        assert_eq!(response.headers()["x-request-id"], sent);
        assert_eq!(log.last().unwrap()["CorrelationId"], sent);
    }
}

#[tokio::test]
async fn a_secret_for_a_transmitter_that_is_not_configured_is_reported() {
    let stand = Stand::start().await.with_secret(r#"{"idp": {}, "idpp": {"authorization": "x"}}"#);
    let (log, ()) = logged(stand.receiver.prepare(stand.now())).await;
    let [line] = log.as_slice() else { panic!("{log:?}") };
    assert_eq!((&line["transmitter"], &line["level"]), (&json!("idpp"), &json!("ERROR")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn r54_any_set_gets_an_answer(
        name in prop_oneof![Just("idp".to_owned()), any::<String>()],
        header in any_object(),
        claims in any_object(),
        raw in prop_oneof![Just(None), any::<String>().prop_map(Some)],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let stand = Stand::shared().await;
            let mut all = stand.claims("set-1");
            all.as_object_mut().unwrap().extend(claims);
            let token = raw.unwrap_or_else(|| stand.sign_parts(header, &all));
            let response = stand.send(&push(&name, &token)).await;
            assert!([202, 400, 404].contains(&response.status().as_u16()), "{response:?}");
        });
    }
}

/// Members of a header or of the claims, each of any type.
fn any_object() -> impl Strategy<Value = serde_json::Map<String, Value>> {
    let value = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (NOW - 1000..NOW + 1000).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(json!(["a", 1, null])),
        Just(json!({ "format": "complex", "user": { "format": "iss_sub" } })),
        Just(json!({ "https://schemas.openid.net/secevent/caep/event-type/session-revoked": 1 })),
    ];
    let names = ["iss", "aud", "iat", "jti", "toe", "sub_id", "events", "sub", "typ", "alg", "kid"];
    let member = (proptest::sample::select(names.to_vec()), value);
    proptest::collection::vec(member, 0..4).prop_map(|members| {
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    })
}
