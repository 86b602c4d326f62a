//! The requests of each provider, as its documentation or a recording shows them.

use serde_json::Value;

use crate::fixture::ScimFixture;

/// Sends the provider's own requests: creates Carol, and then deactivates her.
async fn deactivated_by(create: &[u8], method: &str, deactivate: &[u8], subject: &str) {
    let fixture = ScimFixture::new();
    let created = fixture.send("POST Users", create).await;
    assert_eq!(created.status, 201, "{created:?}");
    assert_eq!(fixture.events.take(), [""; 0], "a new user was never blocked");
    let id = created.body.unwrap()["id"].as_str().unwrap().to_owned();

    let changed = fixture.send(&format!("{method} Users/{id}"), deactivate).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    assert_eq!(changed.body.unwrap()["active"], false);
    assert_eq!(fixture.events.take(), [format!("user.disabled https://idp.example|{subject}")]);
    assert_eq!(fixture.get(&format!("Users/{id}")).await.1["active"], false);
}

const ENTRA_CREATE: &[u8] = include_bytes!("../fixtures/entra/create.json");
const ENTRA_ID: &str = "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef";
const OKTA_CREATE: &[u8] = include_bytes!("../fixtures/okta/create.json");
const OKTA_ID: &str = "00uSYNTHxKjGQ0G6L1d6";

#[tokio::test]
async fn entra_deactivates_a_user_with_and_without_its_compliance_flag() {
    for deactivate in [
        &include_bytes!("../fixtures/entra/disable-default.json")[..],
        include_bytes!("../fixtures/entra/disable-with-flag.json"),
    ] {
        deactivated_by(ENTRA_CREATE, "PATCH", deactivate, ENTRA_ID).await;
    }
}

#[tokio::test]
async fn okta_deactivates_a_user_with_either_method() {
    let patch = include_bytes!("../fixtures/okta/deactivate-patch.json");
    deactivated_by(OKTA_CREATE, "PATCH", patch, OKTA_ID).await;
    let put = include_bytes!("../fixtures/okta/deactivate-put.json");
    deactivated_by(OKTA_CREATE, "PUT", put, OKTA_ID).await;
}

#[tokio::test]
async fn sailpoint_deactivates_a_user_with_an_add() {
    let patch = include_bytes!("../fixtures/sailpoint/disable.json");
    deactivated_by(OKTA_CREATE, "PATCH", patch, OKTA_ID).await;
}

#[tokio::test]
async fn onelogin_deactivates_a_user_with_text_in_place_of_a_boolean() {
    let create = r#"{"userName":"carol@example.com","externalId":"4711"}"#;
    let put = include_bytes!("../fixtures/onelogin/deactivate-put.json");
    deactivated_by(create.as_bytes(), "PUT", put, "4711").await;
}

#[tokio::test]
async fn entra_activates_a_user_again() {
    let fixture = ScimFixture::new();
    let id = fixture.carol(false).await;
    let enable = include_bytes!("../fixtures/entra/enable-default.json");
    assert_eq!(fixture.send(&format!("PATCH Users/{id}"), enable).await.status, 200);
    assert_eq!(fixture.events.take(), ["user.enabled https://idp.example|c-1"]);
}

#[tokio::test]
async fn entra_changes_many_attributes_and_only_the_display_name_is_stored() {
    for update in [
        &include_bytes!("../fixtures/entra/update-many-default.json")[..],
        include_bytes!("../fixtures/entra/update-many-with-flag.json"),
    ] {
        let fixture = ScimFixture::new();
        let id = fixture.carol(true).await;
        let changed = fixture.send(&format!("PATCH Users/{id}"), update).await;
        assert_eq!(changed.status, 200, "{changed:?}");
        let mut body = changed.body.unwrap();
        assert_eq!(body["displayName"], "Carol New");
        body["displayName"] = Value::Null;
        assert!(!body.to_string().contains("new@example.com"), "{body}");
        assert_eq!(fixture.events.take(), [""; 0]);
    }
}

#[tokio::test]
async fn a_provider_looks_for_a_user_before_it_creates_one() {
    let fixture = ScimFixture::new();
    let (status, list) = fixture.get("Users?filter=userName eq \"Carol\"").await;
    assert_eq!((status, &list["totalResults"]), (200, &0.into()));
    assert_eq!(list["Resources"], Value::Array(Vec::new()));
    let id = fixture.carol(true).await;
    for filter in [
        "userName eq \"Carol\"",
        "USERNAME EQ \"CAROL\"",
        "externalId eq \"c-1\"",
        "active eq true",
        &format!("id eq \"{id}\""),
    ] {
        let (_, list) = fixture.get(&format!("Users?filter={filter}")).await;
        assert_eq!(list["Resources"][0]["id"], id, "{filter}");
        assert_eq!(list["totalResults"], 1, "{filter}");
    }
    for filter in
        ["userName eq \"carol2\"", "externalId eq \"C-1\"", "active eq false", "id eq \"c-1\""]
    {
        let (_, list) = fixture.get(&format!("Users?filter={filter}")).await;
        assert_eq!(list["totalResults"], 0, "{filter}");
    }
}
