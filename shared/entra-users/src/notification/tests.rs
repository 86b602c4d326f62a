use serde_json::json;

use super::*;

const TENANT: &str = "11111111-2222-3333-4444-555555555555";
const USER: &str = "99999999-8888-7777-6666-555555555555";

fn notification() -> Value {
    json!({
        "changeType": "updated",
        "clientState": "synthetic-client-state",
        "resource": format!("Users/{USER}"),
        "resourceData": {
            "@odata.type": "#Microsoft.Graph.User",
            "@odata.id": format!("Users/{USER}"),
            "id": USER,
            "organizationId": TENANT,
            "eventTime": "2026-10-05T09:12:33.3062901Z",
            "sequenceNumber": 638_000_000_000_000_000_u64,
        },
        "subscriptionExpirationDateTime": "2026-10-07T23:21:19.3554403+00:00",
        "subscriptionId": "bbbbbbbb-0000-0000-0000-000000000002",
        "tenantId": TENANT,
    })
}

fn cloud_event(data: &Value) -> Value {
    json!({
        "id": "00d8a100-2e92-4bfa-86e1-0056dacd0fce",
        "type": "Microsoft.Graph.UserUpdated",
        "source": format!("/tenants/{TENANT}/applications/aaaaaaaa-0000-0000-0000-000000000001"),
        "subject": format!("Users/{USER}"),
        "time": "2026-10-05T09:12:33.3062901Z",
        "datacontenttype": "application/json",
        "specversion": "1.0",
        "data": data,
        "comexampleextension1": null,
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut changed = notification();
    changed[name] = value;
    changed
}

fn read_value(body: &Value) -> Result<Vec<GraphNotification>, InvalidNotification> {
    read_notifications(body.to_string().as_bytes())
}

#[test]
fn the_webhook_and_event_grid_say_the_same() {
    let expected = GraphNotification {
        client_state: Secret::new("synthetic-client-state"),
        tenant: TENANT.parse().unwrap(),
        change: NotifiedChange::User(DirectoryUser {
            tenant: TENANT.parse().unwrap(),
            id: USER.parse().unwrap(),
        }),
    };
    let event = cloud_event(&notification());
    let own_schema = json!({
        "topic": "/subscriptions/s/resourceGroups/g/providers/Microsoft.EventGrid/partnerTopics/t",
        "eventType": "Microsoft.Graph.UserUpdated",
        "dataVersion": "1",
        "data": notification(),
    });
    for body in [json!({ "value": [notification()] }), json!([event]), event, json!([own_schema])] {
        assert_eq!(read_value(&body).unwrap(), std::slice::from_ref(&expected));
    }
    let deleted = with("changeType", json!("deleted"));
    let found = read_value(&json!({ "value": [deleted, notification()] })).unwrap();
    assert_eq!(found, [expected.clone(), expected]);
}

#[test]
fn ids_are_compared_in_lower_case() {
    let mut upper = with("tenantId", json!("ABCDEF00-2222-3333-4444-555555555555"));
    upper["resource"] = json!("users/x");
    let found = read_value(&json!({ "value": [upper] })).unwrap();
    assert_eq!(found[0].tenant.as_str(), "abcdef00-2222-3333-4444-555555555555");
}

#[test]
fn a_lifecycle_notification_has_no_user() {
    let mut lifecycle = with("lifecycleEvent", json!("subscriptionRemoved\n!"));
    lifecycle.as_object_mut().unwrap().remove("resourceData");
    let found = read_value(&json!({ "value": [lifecycle] })).unwrap();
    assert_eq!(found[0].change, NotifiedChange::Lifecycle("subscriptionRemoved".to_owned()));
}

#[test]
fn another_resource_is_read_but_names_no_user() {
    let found = read_value(&json!({ "value": [with("resource", json!("Groups/1"))] })).unwrap();
    assert_eq!(found[0].change, NotifiedChange::Other);
}

#[test]
fn an_invalid_member_is_named() {
    for name in ["clientState", "tenantId", "resource"] {
        for value in [json!(null), json!(""), json!(7)] {
            let error = read_value(&json!({ "value": [with(name, value)] })).unwrap_err();
            assert_eq!(error, InvalidNotification::Member(name));
        }
    }
    let error = read_value(&json!({ "value": [with("tenantId", json!("contoso.com"))] }));
    assert_eq!(error.unwrap_err(), InvalidNotification::Member("tenantId"));
    for data in [json!(null), json!({ "id": "me" })] {
        let error = read_value(&json!({ "value": [with("resourceData", data)] })).unwrap_err();
        assert_eq!(error, InvalidNotification::Member("resourceData.id"));
    }
}

#[test]
fn other_bodies_are_refused() {
    assert_eq!(read_notifications(b"{").unwrap_err(), InvalidNotification::NotJson);
    let mut old = cloud_event(&notification());
    old["specversion"] = json!("0.3");
    let untyped = json!({ "topic": "t", "data": notification() });
    let without_topic = json!({ "eventType": "t", "data": notification() });
    for body in [
        json!({}),
        json!([]),
        json!({ "value": [] }),
        json!({ "value": {} }),
        json!("x"),
        json!([{}]),
        json!([old]),
        json!([untyped]),
        json!([without_topic]),
        notification(),
    ] {
        assert_eq!(read_value(&body).unwrap_err(), InvalidNotification::UnknownForm, "{body}");
    }
    let many = |count| read_value(&json!({ "value": vec![notification(); count] }));
    assert_eq!(many(InvalidNotification::MOST).unwrap().len(), InvalidNotification::MOST);
    assert_eq!(many(InvalidNotification::MOST + 1).unwrap_err(), InvalidNotification::TooMany);
}

#[test]
fn r51_the_client_state_is_not_printed() {
    let found = read_value(&json!({ "value": [notification()] })).unwrap();
    assert!(!format!("{found:?} {found:#?}").contains("synthetic-client-state"));
}
