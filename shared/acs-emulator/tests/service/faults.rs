//! Tests of injected faults.

use serde_json::json;

use crate::support::{EmulatorFixture, V2023, signed};

fn create(fixture: &EmulatorFixture) -> crate::support::Draft {
    fixture.draft("POST", &format!("/identities{V2023}"), "")
}

async fn identities(fixture: &EmulatorFixture) -> usize {
    fixture.look("identities").await["identities"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_status_is_answered_in_place_of_the_second_call() {
    let fixture = EmulatorFixture::new().await;
    fixture
        .script(json!([{"operation": "createIdentity", "nth": 2, "action":
            {"status": 503, "retryAfter": "2", "body": "{}"}}]))
        .await;
    assert_eq!(fixture.send(create(&fixture)).await.status, 201);
    let struck = fixture.send(create(&fixture)).await;
    assert_eq!(struck.status, 503);
    assert_eq!((struck.header("retry-after"), struck.text.as_str()), (Some("2"), "{}"));
    assert_eq!(fixture.send(create(&fixture)).await.status, 201);
    assert_eq!(identities(&fixture).await, 2);
    assert_eq!(fixture.count("createIdentity").await, 3);
}

#[tokio::test]
async fn a_status_can_come_after_the_effect_like_a_gateways_timeout() {
    let fixture = EmulatorFixture::new().await;
    fixture
        .script(json!([{"operation": "*", "times": 1, "action":
            {"status": 504, "afterEffect": true}}]))
        .await;
    assert_eq!(fixture.send(create(&fixture)).await.status, 504);
    assert_eq!(identities(&fixture).await, 1);
    assert_eq!(fixture.look("requests").await["requests"][0]["status"], 201);
}

#[tokio::test]
async fn a_proxys_page_is_html_and_does_nothing() {
    let fixture = EmulatorFixture::new().await;
    fixture.script(json!([{"operation": "*", "times": 1, "action": {"html": true}}])).await;
    let struck = fixture.send(create(&fixture)).await;
    assert_eq!((struck.status.as_u16(), struck.header("content-type")), (200, Some("text/html")));
    assert_eq!(identities(&fixture).await, 0);
}

#[tokio::test]
async fn a_reset_before_drops_the_connection_and_does_nothing() {
    let fixture = EmulatorFixture::new().await;
    fixture.script(json!([{"operation": "*", "times": 1, "action": {"resetBefore": true}}])).await;
    assert!(fixture.try_send(create(&fixture)).await.is_err());
    assert_eq!(identities(&fixture).await, 0);
    assert_eq!(fixture.look("requests").await["requests"][0]["fault"], "resetBefore");
}

#[tokio::test]
async fn a_reset_after_drops_the_connection_and_leaves_an_orphan() {
    let fixture = EmulatorFixture::new().await;
    fixture.script(json!([{"operation": "*", "times": 1, "action": {"resetAfter": true}}])).await;
    assert!(fixture.try_send(create(&fixture)).await.is_err());
    assert_eq!(identities(&fixture).await, 1);
    let request = &fixture.look("requests").await["requests"][0];
    assert_eq!((&request["status"], &request["fault"]), (&json!(201), &json!("resetAfter")));
    assert!(request["identity"].as_str().unwrap().starts_with("8:acs:"));
}

#[tokio::test]
async fn half_a_body_arrives_with_its_status_and_breaks_off() {
    let fixture = EmulatorFixture::new().await;
    fixture.script(json!([{"operation": "*", "times": 1, "action": {"halfBody": true}}])).await;
    let error = fixture.try_send(create(&fixture)).await.unwrap_err();
    assert!(error.is_body() || error.is_decode(), "{error:?}");
    assert_eq!(identities(&fixture).await, 1);
}

#[tokio::test]
async fn a_held_answer_is_done_but_comes_only_when_released() {
    let fixture = EmulatorFixture::new().await;
    fixture.script(json!([{"operation": "*", "times": 1, "action": {"hold": true}}])).await;
    let draft = create(&fixture);
    let (reply, ()) = tokio::join!(fixture.try_send(draft), async {
        fixture.until_held(1).await;
        assert_eq!(identities(&fixture).await, 1);
        let released = fixture.control("POST", "faults/release", &json!({})).await.json();
        assert_eq!(released, json!({"released": 1}));
    });
    assert_eq!(reply.unwrap().status, 201);
    assert_eq!(fixture.look("faults").await["held"], 0);
}

#[tokio::test]
async fn stopping_lets_held_answers_go() {
    let fixture = EmulatorFixture::new().await;
    fixture.script(json!([{"operation": "*", "action": {"hold": true}}])).await;
    let (client, endpoint) = (fixture.client.clone(), fixture.server.endpoint());
    let draft = create(&fixture);
    let held = tokio::spawn(async move { signed(&client, &endpoint, draft).await });
    fixture.until_held(1).await;
    fixture.server.stop().await;
    assert_eq!(held.await.unwrap().unwrap().status, 201);
}

#[tokio::test]
async fn a_delay_comes_after_the_effect() {
    let fixture = EmulatorFixture::new().await;
    fixture.script(json!([{"operation": "*", "action": {"delayMs": 50}}])).await;
    let started = std::time::Instant::now();
    assert_eq!(fixture.send(create(&fixture)).await.status, 201);
    assert!(started.elapsed().as_millis() >= 50);
}

#[tokio::test]
async fn the_script_can_be_read_and_cleared() {
    let fixture = EmulatorFixture::new().await;
    let line = json!({"operation": "createIdentity", "times": 3, "action": {"status": 500}});
    fixture.script(json!([line])).await;
    assert_eq!(fixture.look("faults").await["faults"], json!([line]));
    fixture.control("DELETE", "faults", &json!({})).await;
    assert_eq!(fixture.look("faults").await["faults"], json!([]));
    assert_eq!(fixture.send(create(&fixture)).await.status, 201);
}

#[tokio::test]
async fn a_call_that_is_not_believed_is_neither_struck_nor_counted_by_the_script() {
    let fixture = EmulatorFixture::new().await;
    fixture.script(json!([{"operation": "*", "nth": 1, "action": {"status": 503}}])).await;
    let mut denied = create(&fixture);
    denied.spoiled.push(("authorization", "none".into()));
    assert_eq!(fixture.send(denied).await.status, 401);
    assert_eq!(fixture.send(create(&fixture)).await.status, 503);
}

#[tokio::test]
async fn wrong_json_is_valid_and_of_another_shape() {
    let fixture = EmulatorFixture::new().await;
    fixture.script(json!([{"operation": "*", "action": {"wrongJson": true}}])).await;
    let struck = fixture.send(create(&fixture)).await;
    assert_eq!(struck.status, 201);
    assert_eq!(struck.header("content-type"), Some("application/json; charset=utf-8"));
    let body = struck.json();
    assert!(body.is_object(), "{body}");
    assert!(body["identity"].get("id").is_none(), "{body}");
    assert_eq!(identities(&fixture).await, 1);
    assert_eq!(fixture.look("requests").await["requests"][0]["fault"], "wrongJson");
}

#[tokio::test]
async fn wrong_json_comes_with_200_where_there_should_be_no_content() {
    let fixture = EmulatorFixture::new().await;
    let id = fixture.create().await;
    fixture.script(json!([{"operation": "deleteIdentity", "action": {"wrongJson": true}}])).await;
    assert_eq!(fixture.delete(&id).await.status, 200);
    assert_eq!(identities(&fixture).await, 0);
}

#[tokio::test]
async fn slow_bytes_come_one_by_one_and_whole() {
    let fixture = EmulatorFixture::new().await;
    fixture
        .script(json!([{"operation": "createIdentity", "nth": 1, "action": {"slowBytesMs": 1}}]))
        .await;
    let started = std::time::Instant::now();
    let reply = fixture.send(create(&fixture)).await;
    let took = started.elapsed().as_millis();
    assert_eq!(reply.status, 201);
    assert!(reply.json()["identity"]["id"].is_string());
    assert!(took >= u128::try_from(reply.text.len()).unwrap(), "{took} ms");
    assert_eq!(identities(&fixture).await, 1);
}

#[tokio::test]
async fn slow_bytes_show_the_head_and_a_first_byte_long_before_the_last() {
    let fixture = EmulatorFixture::new().await;
    fixture.script(json!([{"operation": "createIdentity", "action": {"slowBytesMs": 2000}}])).await;
    let draft = create(&fixture);
    let error = crate::support::signed(
        &reqwest::Client::builder()
            .read_timeout(std::time::Duration::from_millis(200))
            .build()
            .unwrap(),
        &fixture.server.endpoint(),
        draft,
    )
    .await
    .unwrap_err();
    // The head arrived in time; the body did not.
    assert!(error.is_body() || error.is_decode() || error.is_timeout(), "{error:?}");
    assert_eq!(identities(&fixture).await, 1);
}

#[tokio::test]
async fn a_page_and_a_status_strike_the_operation_and_the_call_they_name() {
    let fixture = EmulatorFixture::new().await;
    let id = fixture.create().await;
    fixture
        .script(json!([
            {"operation": "revokeAccessTokens", "nth": 2, "action": {"html": true, "status": 502}},
            {"operation": "deleteIdentity", "nth": 1, "action": {"resetBefore": true}},
        ]))
        .await;
    assert_eq!(fixture.revoke(&id).await.status, 204);
    let page = fixture.revoke(&id).await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (502, Some("text/html")));
    assert_eq!(fixture.revoke(&id).await.status, 204);
    let deletion = fixture.draft("DELETE", &format!("/identities/{id}{V2023}"), "");
    assert!(fixture.try_send(deletion).await.is_err());
    assert_eq!(fixture.delete(&id).await.status, 204);
}
