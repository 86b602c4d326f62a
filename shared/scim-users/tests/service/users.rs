//! Resources: what is returned, stored and listed.

use serde_json::{Value, json};

use crate::fixture::{BASE, ScimFixture};

/// The endpoint of the users (RFC 7644 §3.2).
const USERS: &str = "Users";

#[tokio::test]
async fn a_new_user_has_an_id_and_a_location() {
    let fixture = ScimFixture::new();
    let body = json!({ "userName": "Carol", "externalId": "c-1", "displayName": "C", "id": "x" });
    let created = fixture.send("POST Users", body.to_string().as_bytes()).await;
    assert_eq!(created.status, 201);
    let location = format!("{BASE}/{USERS}/id-0");
    assert_eq!(created.headers, [("location", location.clone())]);
    let user = created.body.unwrap();
    assert_eq!(user["meta"]["location"], location);
    assert_eq!((&user["userName"], &user["externalId"]), (&json!("Carol"), &json!("c-1")));
    assert_eq!((&user["id"], &user["active"]), (&json!("id-0"), &json!(true)));
    assert_eq!(fixture.get("Users/id-0/").await, (200, user));
}

#[tokio::test]
async fn an_attribute_that_put_leaves_out_stays_as_it_is() {
    let fixture = ScimFixture::new();
    let id = fixture.carol(false).await;
    let (status, user) =
        fixture.json(&format!("PUT Users/{id}"), &json!({ "displayName": "C" })).await;
    assert_eq!((status, &user["displayName"]), (200, &json!("C")));
    assert_eq!((&user["externalId"], &user["active"]), (&json!("c-1"), &json!(false)));
    assert_eq!(user["meta"]["lastModified"], "2027-01-15T08:00:00.251Z");
    assert_eq!(user["meta"]["created"], "2027-01-15T08:00:00.250Z");
}

#[tokio::test]
async fn a_request_without_a_change_changes_no_time() {
    let fixture = ScimFixture::new();
    let id = fixture.carol(true).await;
    let (_, before) = fixture.get(&format!("Users/{id}")).await;
    let operations = json!([{ "op": "add", "path": "title", "value": "x" }]);
    let body = json!({ "Operations": operations });
    assert_eq!(fixture.json(&format!("PATCH Users/{id}"), &body).await, (200, before));
}

#[tokio::test]
async fn users_are_listed_in_pages() {
    let fixture = ScimFixture::new();
    for number in 0..4 {
        let body =
            json!({ "userName": format!("n-{number}"), "externalId": "e", "active": number > 0 });
        assert_eq!(fixture.json("POST Users", &body).await.0, 201);
    }
    let page = async |query: &str| {
        let (status, list) = fixture.get(&format!("Users?{query}")).await;
        assert_eq!(status, 200, "{list}");
        let names = list["Resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|user| user["userName"].as_str().unwrap());
        let names = names.collect::<Vec<_>>().join(" ");
        (
            list["totalResults"].clone(),
            list["startIndex"].clone(),
            list["itemsPerPage"].clone(),
            names,
        )
    };
    let expect = |total: u8, start: u8, items: u8, names: &str| {
        (json!(total), json!(start), json!(items), names.to_owned())
    };
    assert_eq!(page("").await, expect(4, 1, 4, "n-0 n-1 n-2 n-3"));
    assert_eq!(page("startIndex=2&count=2").await, expect(4, 2, 2, "n-1 n-2"));
    assert_eq!(page("count=0").await, expect(4, 1, 0, ""));
    assert_eq!(page("startIndex=2&filter=active eq true").await, expect(3, 2, 2, "n-2 n-3"));
    assert_eq!(page("filter=externalId eq \"e\"&count=1").await, expect(4, 1, 1, "n-0"));
    assert_eq!(page("filter=externalId eq \"e\"&startIndex=4").await, expect(4, 4, 1, "n-3"));
    let search = json!({ "filter": "userName eq \"N-2\"", "attributes": ["userName"] });
    let (status, list) = fixture.json("POST Users/.search", &search).await;
    assert_eq!((status, &list["totalResults"]), (200, &json!(1)));
    assert_eq!(fixture.json("POST .search", &search).await.1, list, "users are the only resources");
    let mut user = list["Resources"][0].clone();
    user["schemas"] = Value::Null;
    assert_eq!(user, json!({ "schemas": null, "id": "id-2", "userName": "n-2" }));
}

#[tokio::test]
async fn a_resource_has_only_the_requested_attributes() {
    let fixture = ScimFixture::new();
    let id = fixture.carol(true).await;
    let (_, user) = fixture.get(&format!("Users/{id}?attributes=active")).await;
    assert_eq!(user["active"], true);
    assert_eq!(user.get("userName"), None);
    let put = format!("PUT Users/{id}?excludedAttributes=active,meta");
    let (_, user) = fixture.json(&put, &json!({})).await;
    assert_eq!((user.get("active"), user.get("meta")), (None, None));
    let created = fixture.send("POST Users?attributes=id", br#"{"userName":"d"}"#).await;
    assert_eq!(created.headers, [("location", format!("{BASE}/{USERS}/id-3"))]);
}

#[tokio::test]
async fn the_service_says_what_it_can_do() {
    let fixture = ScimFixture::new();
    let (status, config) = fixture.get("ServiceProviderConfig").await;
    assert_eq!((status, &config["patch"]["supported"]), (200, &json!(true)));
    assert_eq!(config["bulk"]["supported"], false);
    let (_, types) = fixture.get("ResourceTypes").await;
    assert_eq!(types["totalResults"], 1);
    let (_, user) = fixture.get("ResourceTypes/User").await;
    assert_eq!(types["Resources"][0], user);
    let (_, schema) = fixture.get(&format!("Schemas/{}", user["schema"].as_str().unwrap())).await;
    assert_eq!(fixture.get("Schemas").await.1["Resources"][0], schema);
    for path in ["ResourceTypes/Group", "Schemas/x", "Schemas/x/y"] {
        assert_eq!(fixture.get(path).await.0, 404, "{path}");
    }
}
