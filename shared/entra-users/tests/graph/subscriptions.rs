use std::time::{Duration, SystemTime};

use entra_users::{GraphError, UserSubscription};
use identity_core::secret::Secret;
use serde_json::{Value, json};

use crate::server::{GraphFixture, Prepared, ok, refusal, tenant};

const OURS: &str = "https://api.example.com/v1/signals/entra";
const ID: &str = "bbbbbbbb-0000-0000-0000-000000000002";

fn listed(id: &str, url: &str, resource: &str, hour: u8) -> Value {
    json!({
        "id": id, "resource": resource, "notificationUrl": url, "clientState": null,
        "changeType": "updated,deleted",
        "expirationDateTime": format!("2027-01-16T{hour:02}:00:00.3554403Z"),
    })
}

fn ends_at(hour: u64) -> SystemTime {
    // 2027-01-16T00:00:00.3554403Z
    let midnight = Duration::from_hours(500_016) + Duration::from_nanos(355_440_300);
    SystemTime::UNIX_EPOCH + midnight + Duration::from_hours(hour)
}

#[tokio::test]
async fn only_subscriptions_to_users_that_send_to_us_are_found_the_last_first() {
    let other_id = "bbbbbbbb-0000-0000-0000-000000000003";
    let graph = GraphFixture::answering([]).await;
    let page = json!({
        "value": [
            listed(ID, OURS, "users", 8),
            listed(ID, "https://other.example.com", "users", 9),
            listed(ID, OURS, "groups", 9),
        ],
        "@odata.nextLink": format!("{}/v1.0/subscriptions?x", graph.server.url()),
    });
    let last = json!({ "value": [listed(other_id, OURS, "/users", 10)] });
    graph.prepare([ok(&page.to_string()), ok(&last.to_string())]);
    let found = graph.client.user_subscriptions(&tenant(), OURS, graph.until()).await.unwrap();
    let expected = [(other_id, 10), (ID, 8)]
        .map(|(id, hour)| UserSubscription { id: id.parse().unwrap(), ends_at: ends_at(hour) });
    assert_eq!(found, expected);

    let elsewhere = json!({ "value": [], "@odata.nextLink": "https://other.example.com/" });
    graph.prepare([ok(&elsewhere.to_string())]);
    let refused = graph.client.user_subscriptions(&tenant(), OURS, graph.until()).await;
    assert!(matches!(refused, Err(GraphError::Invalid(_))), "a link of another server");
}

#[tokio::test]
async fn a_subscription_is_to_changed_and_deleted_users() {
    let graph = GraphFixture::answering([ok(&listed(ID, OURS, "users", 8).to_string())]).await;
    let state = Secret::new("synthetic-client-state");
    let made = graph.client.subscribe_to_users(&tenant(), OURS, &state, graph.until()).await;
    assert_eq!(made.unwrap().ends_at, ends_at(8), "the end is what Graph says");
    let request = graph.last();
    assert_eq!(request.line, "POST /v1.0/subscriptions");
    let body: Value = serde_json::from_str(&request.body).unwrap();
    let expected = json!({
        "changeType": "updated,deleted",
        "resource": "users",
        "notificationUrl": OURS,
        "lifecycleNotificationUrl": OURS,
        "clientState": "synthetic-client-state",
        // The clock starts at 2027-01-15T08:00:00Z.
        "expirationDateTime": "2027-01-18T06:00:00Z",
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn a_subscription_is_renewed_unless_it_is_lost() {
    let answers = [ok(&listed(ID, OURS, "users", 9).to_string()), refusal(404, "ResourceNotFound")];
    let graph = GraphFixture::answering(answers).await;
    let id = ID.parse().unwrap();
    let renewed = graph.client.renew_subscription(&tenant(), &id, graph.until()).await.unwrap();
    assert_eq!(renewed.unwrap().ends_at, ends_at(9));
    let request = graph.last();
    assert_eq!(request.line, format!("PATCH /v1.0/subscriptions/{ID}"));
    assert_eq!(request.body, r#"{"expirationDateTime":"2027-01-18T06:00:00Z"}"#);
    let lost = graph.client.renew_subscription(&tenant(), &id, graph.until()).await.unwrap();
    assert_eq!(lost, None);
}

#[tokio::test]
async fn a_subscription_that_is_gone_is_deleted() {
    let gone = [Prepared(204, None, String::new()), refusal(404, "X"), refusal(403, "X")];
    let graph = GraphFixture::answering(gone).await;
    let id = ID.parse().unwrap();
    for is_gone in [true, true, false] {
        let deleted = graph.client.delete_subscription(&tenant(), &id, graph.until()).await;
        assert_eq!(deleted.is_ok(), is_gone);
    }
    assert_eq!(graph.last().line, format!("DELETE /v1.0/subscriptions/{ID}"));
}

#[tokio::test]
async fn a_refused_subscription_is_an_error() {
    let graph = GraphFixture::answering([refusal(400, "InvalidRequest")]).await;
    let state = Secret::new("s");
    let made = graph.client.subscribe_to_users(&tenant(), OURS, &state, graph.until()).await;
    assert!(matches!(made, Err(GraphError::Refused(why)) if why == "400 InvalidRequest"));
}
