//! Event Grid asks whether it may send, and then sends notifications of Graph.

use lambda_edge::testing::{TestRequest, body};
use lambda_http::http::header::{ALLOW, CONTENT_TYPE};
use serde_json::{Value, json};

use super::graph::{GraphStand, STATE, USER, notification, text};
use super::support::{Stand, logged};

const TOPIC_URL: &str = "EventGrid:?azuresubscriptionid=8a8a8a8a-4b4b-4c4c-4d4d-12e12e12e12e\
                         &resourcegroup=rg&partnertopic=users&location=westeurope";

const TOPIC: &str = "/subscriptions/8A8A8A8A-4B4B-4C4C-4D4D-12E12E12E12E/resourceGroups/rg/\
                     providers/Microsoft.EventGrid/partnerTopics/users";

/// A receiver whose notifications come through a partner topic.
fn stand() -> GraphStand {
    GraphStand::with_url(TOPIC_URL, Some(STATE))
}

fn request(method: &str, transmitter: &str) -> TestRequest {
    TestRequest::new(&format!("{method} /v1/signals/{{transmitter}}"))
        .without_authorizer()
        .parameter("transmitter", transmitter)
}

fn handshake(transmitter: &str, origin: &str) -> TestRequest {
    request("OPTIONS", transmitter).header("webhook-request-origin", origin)
}

fn validation(topic: &str) -> TestRequest {
    let event = json!({
        "id": "1", "topic": topic, "subject": "", "eventTime": "2026-10-05T09:12:33Z",
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "data": { "validationCode": "512d38b6-c7b8-40c8", "validationUrl": "https://x.example" },
    });
    request("POST", "entra")
        .header("aeg-event-type", "SubscriptionValidation")
        .json(&json!([event]))
}

#[tokio::test]
async fn the_handshake_of_cloud_events_is_granted_to_event_grid() {
    for origin in ["eventgrid.azure.net", "EventGrid.Azure.net"] {
        let request = handshake("entra", origin).header("webhook-request-rate", "120");
        let response = stand().send(&request).await;
        assert_eq!((response.status().as_u16(), text(&response)), (200, ""));
        assert_eq!(response.headers()["webhook-allowed-origin"], "eventgrid.azure.net");
        assert_eq!(response.headers()["webhook-allowed-rate"], "*");
        assert_eq!(response.headers()[ALLOW], "OPTIONS, POST");
    }
}

#[tokio::test]
async fn r26_the_handshake_is_refused_to_any_other_origin() {
    let stand = stand();
    for origin in ["", "*", "canary.example", "eventgrid.azure.net.canary.example", "azure.net"] {
        let (log, response) = logged(stand.send(&handshake("entra", origin))).await;
        assert_eq!(response.status(), 403, "{origin}");
        assert_eq!(response.headers().get("webhook-allowed-origin"), None);
        assert_eq!(log.last().unwrap()["ResultDescription"], "unknown-origin");
        assert!(!format!("{log:?}{response:?}").contains("canary"));
    }
    assert_eq!(stand.send(&request("OPTIONS", "entra")).await.status(), 403);
}

#[tokio::test]
async fn r26_the_handshake_is_refused_for_a_transmitter_without_a_partner_topic() {
    let webhook = GraphStand::with_url("https://api.example.com/v1/signals/entra", Some(STATE));
    let response = webhook.send(&handshake("entra", "eventgrid.azure.net")).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()[ALLOW]),
        (405, &"POST".parse().unwrap())
    );
    let ssf = Stand::start().await;
    assert_eq!(ssf.send(&handshake("idp", "eventgrid.azure.net")).await.status(), 405);
    assert_eq!(ssf.send(&handshake("other", "eventgrid.azure.net")).await.status(), 404);
    assert_eq!(ssf.fetches(), 0);
}

#[tokio::test]
async fn a_validation_event_of_the_configured_topic_is_answered_with_its_code() {
    for topic in [TOPIC, &TOPIC.to_lowercase()] {
        let response = stand().send(&validation(topic)).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        assert_eq!(body(&response), json!({ "validationResponse": "512d38b6-c7b8-40c8" }));
    }
}

#[tokio::test]
async fn r26_a_validation_event_of_another_topic_or_form_is_refused() {
    let webhook = GraphStand::with_url("https://api.example.com/v1/signals/entra", Some(STATE));
    assert_eq!(webhook.send(&validation(TOPIC)).await.status(), 403);
    let stand = stand();
    for (request, status, code) in [
        (validation(&TOPIC.replace("users", "canary")), 403, "not-our-topic"),
        (validation(""), 403, "not-our-topic"),
        (validation(TOPIC).json(&json!([])), 400, "invalid-validation-event"),
        (validation(TOPIC).body("application/json", "canary"), 400, "invalid-validation-event"),
        (validation(TOPIC).json(&json!([notification(USER)])), 400, "invalid-validation-event"),
        (validation(TOPIC).body("text/plain", "[]"), 400, "media-type"),
        (validation(TOPIC).body("application/json", &" ".repeat(65_537)), 413, "too-large"),
        (validation(TOPIC).header("aeg-event-type", "Notification"), 400, "invalid-notification"),
    ] {
        let (log, response) = logged(stand.send(&request)).await;
        assert_eq!((response.status().as_u16(), text(&response)), (status, ""), "{code}");
        assert_eq!(log.last().unwrap()["ResultDescription"], code);
        assert!(!format!("{log:?}").contains("canary"), "{log:?}");
    }
    assert_eq!(stand.queue.look_ups(), []);
}

#[tokio::test]
async fn r26_a_notification_through_event_grid_must_know_the_client_state() {
    let stand = stand();
    let event = |state: &str| {
        let mut data = notification(USER);
        data["clientState"] = json!(state);
        json!([{ "topic": TOPIC, "eventType": "Microsoft.Graph.UserUpdated", "data": data }])
    };
    let deliver = async |event: &Value| {
        let request = request("POST", "entra").header("aeg-event-type", "Notification").json(event);
        stand.send(&request).await.status().as_u16()
    };
    assert_eq!(deliver(&event("guess")).await, 403);
    assert_eq!(stand.queue.look_ups(), []);
    assert_eq!(deliver(&event("synthetic-client-state")).await, 202);
    assert_eq!(stand.queue.look_ups().len(), 1);
}
