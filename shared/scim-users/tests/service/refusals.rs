//! R26: what the service provider refuses, each as an error of SCIM that says why.

use scim_users::{ScimRequest, ScimResponse, SubjectAttribute};
use serde_json::{Value, json};

use crate::fixture::{BASE, ScimFixture};

fn assert_refused((status, error): (u16, Value), expected: u16, scim_type: Option<&str>) -> Value {
    assert_eq!(status, expected, "{error}");
    assert_eq!(error["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
    assert_eq!(error["status"], expected.to_string());
    assert_eq!(error.get("scimType").and_then(Value::as_str), scim_type, "{error}");
    assert!(error["detail"].as_str().unwrap().len() > 10, "{error}");
    error
}

#[test]
fn r26_scim_says_how_a_bearer_is_sent() {
    let response = ScimResponse::unauthorized();
    assert_eq!(response.headers, [("www-authenticate", "Bearer".to_owned())]);
    assert_refused((response.status, response.body.unwrap()), 401, None);
}

#[tokio::test]
async fn r26_scim_refuses_a_name_that_another_user_has_and_sends_no_event() {
    let fixture = ScimFixture::new();
    fixture.carol(true).await;
    let body = json!({ "userName": "CAROL", "externalId": "c-9", "active": false });
    assert_refused(fixture.json("POST Users", &body).await, 409, Some("uniqueness"));
    let dave =
        fixture.json("POST Users", &json!({ "userName": "dave", "externalId": "d" })).await.1;
    let path = format!("PUT Users/{}", dave["id"].as_str().unwrap());
    assert_refused(fixture.json(&path, &body).await, 409, Some("uniqueness"));
    assert_eq!(fixture.events.take(), [""; 0]);
    let same = json!({ "userName": "DAVE" });
    assert_eq!(fixture.json(&path, &same).await.1["userName"], "DAVE");
}

#[tokio::test]
async fn r26_scim_has_no_user_with_an_unknown_id() {
    let fixture = ScimFixture::new();
    fixture.carol(true).await;
    let body = json!({ "Operations": [] });
    for id in ["x", "carol", "c-1", "", "a%0Ab", "a\nb", &"x".repeat(2000)] {
        for method in ["GET", "PUT", "PATCH", "DELETE"] {
            let refused = fixture.json(&format!("{method} Users/{id}"), &body).await;
            if !id.is_empty() {
                assert_refused(refused, 404, None);
            }
        }
    }
    for filter in ["userName", "externalId", "id"] {
        let (status, list) =
            fixture.get(&format!("Users?filter={filter} eq \"{}\"", "x".repeat(2000))).await;
        assert_eq!((status, &list["totalResults"]), (200, &json!(0)));
        let (status, list) = fixture.get(&format!("Users?filter={filter} eq \"\"")).await;
        assert_eq!((status, &list["totalResults"]), (200, &json!(0)));
    }
}

#[tokio::test]
async fn r26_scim_refuses_a_user_without_a_name() {
    let fixture = ScimFixture::new();
    for body in [json!({}), json!({ "userName": null }), json!({ "externalId": "c-1" })] {
        let error =
            assert_refused(fixture.json("POST Users", &body).await, 400, Some("invalidValue"));
        assert!(error["detail"].as_str().unwrap().contains("`userName`"), "{error}");
    }
}

/// A provider that reports success would hide that the user keeps their tokens.
#[tokio::test]
async fn r26_scim_refuses_to_deactivate_a_user_whose_tokens_it_cannot_name() {
    let fixture = ScimFixture::new();
    let body = json!({ "userName": "carol", "active": false });
    let error = assert_refused(fixture.json("POST Users", &body).await, 400, Some("invalidValue"));
    assert!(error["detail"].as_str().unwrap().contains("Map `externalId`"), "{error}");

    let (status, user) = fixture.json("POST Users", &json!({ "userName": "carol" })).await;
    assert_eq!(status, 201);
    let id = user["id"].as_str().unwrap();
    assert_eq!(fixture.set_active(id, false).await, 400);
    assert_eq!(fixture.get(&format!("Users/{id}")).await.1["active"], true);
    // With the attribute, the same request succeeds.
    let map = json!({ "externalId": "c-1", "active": false });
    assert_eq!(fixture.json(&format!("PUT Users/{id}"), &map).await.0, 200);
    assert_eq!(fixture.events.take(), ["user.disabled https://idp.example|c-1"]);
    // An inactive user cannot lose it.
    let error = fixture.json(&format!("PUT Users/{id}"), &json!({ "externalId": null })).await;
    assert_refused(error, 400, Some("invalidValue"));
}

#[tokio::test]
async fn r26_scim_refuses_a_subject_that_is_too_long_for_a_record() {
    let mut fixture = ScimFixture::with(SubjectAttribute::UserName);
    fixture.mapping.token_issuer = format!("https://{}.example", "x".repeat(700));
    let body = json!({ "userName": "y".repeat(500), "active": false });
    let error = assert_refused(fixture.json("POST Users", &body).await, 400, Some("invalidValue"));
    assert!(error["detail"].as_str().unwrap().contains("`userName` is too long"), "{error}");
}

#[tokio::test]
async fn r26_scim_has_users_and_no_other_resources() {
    let fixture = ScimFixture::new();
    let id = fixture.carol(true).await;
    for (route, status) in [
        ("GET Groups", 404),
        ("POST Groups", 404),
        ("GET ", 404),
        ("GET users", 404),
        ("GET .search", 404),
        ("POST Groups/.search", 404),
        ("GET Users/a/b", 404),
        ("POST Bulk", 501),
        ("GET Me", 501),
        ("PATCH Me", 501),
        ("DELETE Users", 405),
        ("PUT Users", 405),
        ("POST Schemas", 405),
        ("DELETE ServiceProviderConfig", 405),
        ("PUT ResourceTypes/User", 405),
        (&format!("POST Users/{id}"), 405),
    ] {
        assert_refused(fixture.json(route, &json!({})).await, status, None);
    }
}

#[tokio::test]
async fn r26_scim_refuses_a_parameter_that_it_cannot_read() {
    let fixture = ScimFixture::new();
    assert_refused(fixture.get("Users?count=x").await, 400, Some("invalidValue"));
    assert_refused(fixture.get("Users?filter=x").await, 400, Some("invalidFilter"));
    let search = fixture.json("POST Users/.search", &json!({ "startIndex": "x" })).await;
    assert_refused(search, 400, Some("invalidValue"));
}

#[tokio::test]
async fn r26_scim_reads_no_body_of_another_kind() {
    let fixture = ScimFixture::new();
    let id = fixture.carol(true).await;
    let (user, search) = (format!("Users/{id}"), "Users/.search".to_owned());
    for (method, path) in
        [("POST", "Users"), ("POST", &*search), ("PUT", &*user), ("PATCH", &*user)]
    {
        let request = ScimRequest {
            method,
            path,
            query: &[],
            content_type: Some("text/plain"),
            content_encoding: None,
            body: b"{}",
            base_url: BASE,
        };
        assert_eq!(fixture.handle(&request).await.status, 415, "{method} {path}");
        let zipped = ScimRequest { content_encoding: Some("gzip"), content_type: None, ..request };
        assert_eq!(fixture.handle(&zipped).await.status, 415, "{method} {path}");
    }
}
